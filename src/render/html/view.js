// Shows whoever passes the filters. All that is shown becomes text nodes; nothing becomes markup.

const CHUNK = 40;
const MOST_REPORTS = 10;
const MOST_FACETS = 8;
const MOST_REMARKS = 100;
const TITLES = { delete: "Delete", update: "Update", reactivate: "Reactivate", create: "Create", link: "Link" };

// Elements: `element("p", { class: "note" }, "text", anotherElement)`.
function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key.startsWith("aria-")) made.setAttribute(key, String(value));
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value != null) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child != null && child !== false));
  return made;
}

// ---- What one filters by ----------------------------------------------------------------------------------------

const unfolded = new Set();

function facet(key, title, entries) {
  const most = Math.max(1, ...entries.map((entry) => entry.all));
  const open = unfolded.has(key);
  const shown = open ? entries : entries.slice(0, MOST_FACETS);
  if (state[key] && !shown.some((entry) => entry.name === state[key])) {
    const chosen = entries.find((entry) => entry.name === state[key]);
    shown.push(chosen ?? { name: state[key], all: 0, delete: 0, update: 0, reactivate: 0, create: 0, link: 0 });
  }
  const row = (entry) => {
    const bar = element("span", { class: "bar", "aria-hidden": "true" });
    for (const kind of KINDS.filter((kind) => entry[kind] > 0)) {
      const part = element("i", { class: kind });
      part.style.width = `${(entry[kind] / most) * 100}%`;
      bar.append(part);
    }
    const parts = KINDS.filter((kind) => entry[kind]).map((kind) => `${number(entry[kind])} ${kind}`).join(", ");
    const pressed = state[key] === entry.name;
    return element(
      "button",
      { type: "button", class: "facet", "aria-pressed": pressed, title: parts, onclick: () => toggle(key, entry.name) },
      element("span", { class: "name" }, entry.name),
      element("span", { class: "amount" }, number(entry.all)),
      bar,
    );
  };
  const rest = entries.length - MOST_FACETS;
  const fold = rest > 0 && element(
    "button",
    {
      type: "button",
      class: "fold",
      onclick: () => {
        if (open) unfolded.delete(key);
        else unfolded.add(key);
        show();
      },
    },
    open ? "Show fewer" : `Show ${number(rest)} more`,
  );
  return element("section", { class: "facet-group" }, element("h2", {}, title), ...shown.map(row), fold);
}

function showFilters() {
  const some = passing("group");
  const chips = [["", "All", some.length]];
  for (const kind of KINDS.filter((kind) => people.some((person) => person.kind === kind))) {
    chips.push([kind, TITLES[kind], some.filter((person) => person.kind === kind).length]);
  }
  $("groups").replaceChildren(...chips.map(([kind, title, count]) => element(
    "button",
    { type: "button", class: `chip ${kind}`, "aria-pressed": state.group === kind, onclick: () => change({ group: kind }) },
    `${title} `, element("span", {}, number(count)),
  )));
  for (const figure of document.querySelectorAll("[data-group]")) {
    figure.setAttribute("aria-pressed", state.group === figure.dataset.group);
  }
  const facets = [];
  const warning = passing("warnings").filter(warns).length;
  if (warning > 0 || state.warnings) {
    facets.push(element(
      "section", { class: "facet-group" },
      element("button", { type: "button", class: "facet warnings", "aria-pressed": state.warnings !== "", onclick: () => toggle("warnings", "1") },
        element("span", { class: "name" }, "With a warning"), element("span", { class: "amount" }, number(warning))),
    ));
  }
  facets.push(facet("field", "Changed fields", tally(passing("field"), fieldNames)));
  if (branches.length > 0) {
    facets.push(facet("branch", "Branches", tally(passing("branch"), branchNames)));
  }
  if (people.some((person) => rolesOf(person).length > 0)) {
    facets.push(facet("role", "Roles", tally(passing("role"), rolesOf)));
  }
  $("facets").replaceChildren(
    element("details", { open: matchMedia("(min-width: 60rem)").matches || facetsOpen, ontoggle: (event) => { facetsOpen = event.target.open; } },
      element("summary", {}, "Filter by field, branch and role"), ...facets),
  );
}
let facetsOpen = false;

// ---- One change ------------------------------------------------------------------------------------------------

function value(name, side, of) {
  if (side === NONE) return element(name, { class: of }, element("span", { class: "none" }, NONE));
  if (typeof side === "string") return element(name, { class: of }, element("span", { class: "whole" }, side));
  return element(name, { class: of }, ...side.map(([text, differs]) => (differs ? element("mark", {}, text) : text)));
}

// Both sides of what changes; of somebody who comes or goes, one.
function values(person) {
  if (person.kind === "create" || person.kind === "delete") {
    const one = ({ field, before, after }) => element(
      "div", {}, element("dt", {}, fields[field]), value("dd", before ?? after, "only"),
    );
    return element("dl", { class: "values" }, ...person.rows.map(one));
  }
  const row = ({ field, before, after }) => element(
    "tr", {}, element("th", { scope: "row" }, fields[field]), value("td", before, "before"), value("td", after, "after"),
  );
  const titles = person.kind === "link" ? ["Field", "At first", "In the end"] : ["Field", "In Skovik now", "After the plan"];
  const head = element("tr", {}, ...titles.map((title) => element("th", { scope: "col" }, title)));
  return element("table", {}, element("thead", {}, head), element("tbody", {}, ...person.rows.map(row)));
}

const label = (person) => `${person.name} (${person.identifier})`;

// A node of the manager tree; somebody who is in the plan too can be gone to.
function node(key, text, isSelf) {
  const found = inPlan(key);
  const name = isSelf || !found
    ? element("span", { class: isSelf ? "self" : "other" }, text)
    : element("button", { type: "button", onclick: () => goTo(found) }, text);
  return element("span", { class: "node" }, name, found && element("span", { class: `dot ${found.kind}`, title: TITLES[found.kind] }));
}

function goTo(person) {
  change({ ...EMPTY, q: person.identifier });
  step(0);
}

// The managers above, as far as the plan tells, the highest first.
function chain(person, side) {
  const above = [];
  const seen = new Set([person.key]);
  for (let next = person[side]; next && !seen.has(next.key); next = inPlan(next.key)?.[side]) {
    seen.add(next.key);
    above.unshift(next);
  }
  return above;
}

function treeSide(title, person, side, below) {
  const above = chain(person, side);
  let tree = below.length > 0 && element(
    "ul", {},
    ...below.slice(0, MOST_REPORTS).map((report) => element("li", {}, node(report.key, label(report)))),
    below.length > MOST_REPORTS && element("li", { class: "rest" }, `and ${number(below.length - MOST_REPORTS)} more`),
  );
  tree = element("ul", {}, element("li", {}, node(person.key, label(person), true), tree));
  for (const manager of above.reverse()) tree = element("ul", {}, element("li", {}, node(manager.key, manager.label), tree));
  return element("div", {}, element("h4", {}, title), tree);
}

// The two trees around a person; none where the plan tells nothing of managers or reports.
function trees(person) {
  const [before, after] = ["before", "after"].map((side) => reportsOf(person, side));
  if (!person.was && !person.is && before.length + after.length === 0) return null;
  const details = element("details", { class: "tree" }, element("summary", {}, "Managers and reports, as far as the plan tells"));
  details.addEventListener("toggle", () => {
    if (!details.open || details.querySelector("div")) return;
    const sides = element("div", { class: "sides-of-tree" });
    if (person.kind !== "create" && person.kind !== "link") {
      sides.append(treeSide("In Skovik now", person, "was", before));
    }
    if (person.kind !== "delete") sides.append(treeSide("After the plan", person, "is", after));
    details.append(sides);
  });
  return details;
}

function noteElement(note) {
  const code = note.code && element("code", {}, note.code);
  return element("li", { class: note.severity }, note.text, code && " ", code);
}

function card(person) {
  const steps = person.after?.length
    ? `step ${number(person.number)}, after ${person.after.slice(0, 5).map(number).join(", ")}${person.after.length > 5 ? " …" : ""}`
    : `step ${number(person.number)}`;
  return element(
    "article", { class: `card ${person.kind}`, tabindex: "-1" },
    element(
      "header", {},
      element("span", { class: "badge" }, TITLES[person.kind]),
      element("h3", {}, person.name),
      element("span", { class: "identifier" }, person.identifier),
      person.email && element("span", { class: "email" }, person.email),
      person.user && element("span", { class: "identifier user" }, person.user),
      person.roles && element("span", { class: "roles" }, person.roles),
      person.reason && element("span", { class: "reason" }, person.reason),
      element("span", { class: "step" }, steps),
    ),
    person.notes && element("ul", { class: "notes" }, ...person.notes.map(noteElement)),
    person.rows.length > 0 && values(person),
    trees(person),
  );
}

// ---- The list, of which only what is near the window is made ----------------------------------------------------

let found = [];
let made = 0;

function makeMore(upTo = made + CHUNK) {
  const next = found.slice(made, upTo);
  made += next.length;
  $("list").append(...next.map(card));
  $("more").textContent = made < found.length ? `${number(found.length - made)} more below` : "";
}

// However far the window is scrolled, it is filled.
new IntersectionObserver((entries) => {
  if (entries.some((entry) => entry.isIntersecting)) fill();
}, { rootMargin: "1500px" }).observe($("more"));

function fill() {
  const near = () => $("more").getBoundingClientRect().top < innerHeight + 1500;
  while (made < found.length && near()) makeMore();
}

function show() {
  found = passing();
  made = 0;
  current = -1;
  $("list").replaceChildren();
  makeMore();
  if (found.length === 0) {
    const why = people.length === 0 ? "Nothing to change: both sides agree." : "Nothing matches. Press Esc to clear all filters.";
    $("list").append(element("p", { class: "nothing" }, why));
  }
  $("count").textContent = found.length === people.length
    ? counted(people.length, "change", "changes")
    : `${number(found.length)} of ${counted(people.length, "change", "changes")}`;
  $("clear").hidden = Object.values(state).every((value) => value === "");
  if ($("search").value !== state.q) $("search").value = state.q;
  showFilters();
}

// The remarks about nobody who is in the plan, one folder for each kind.
function showRemarks() {
  const kinds = new Map();
  for (const remark of remarks) {
    const kind = `${remark.severity} ${remark.code}`;
    if (!kinds.has(kind)) kinds.set(kind, []);
    kinds.get(kind).push(remark);
  }
  for (const of of kinds.values()) {
    const { severity, code } = of[0];
    const items = of.slice(0, MOST_REMARKS).map((remark) => element("li", { class: severity }, remark.text));
    if (of.length > items.length) {
      items.push(element("li", {}, `and ${number(of.length - items.length)} more: skovik-sync show PLAN --all`));
    }
    $("remarks").append(element(
      "details", { class: `remark ${severity}`, open: severity === "error" && of.length <= 10 },
      element("summary", {}, element("code", {}, code), ` ${number(of.length)}`), element("ul", { class: "notes" }, ...items),
    ));
  }
}

// ---- Keys ------------------------------------------------------------------------------------------------------

let current = -1;

function step(to) {
  if (to < 0 || to >= found.length) return;
  if (to >= made) makeMore(to + CHUNK);
  current = to;
  $("list").children[to]?.focus({ preventScroll: true });
  $("list").children[to]?.scrollIntoView({ block: "nearest" });
}

const KEYS = {
  "/": () => { $("search").focus(); $("search").select(); },
  "?": () => $("help").showModal(),
  j: () => step(current + 1),
  k: () => step(current - 1),
  o: () => {
    const tree = $("list").children[current]?.querySelector(".tree");
    if (tree) tree.open = !tree.open;
  },
  d: () => toggle("group", "delete"),
  u: () => toggle("group", "update"),
  c: () => toggle("group", "create"),
  r: () => toggle("group", "reactivate"),
  l: () => toggle("group", "link"),
  w: () => toggle("warnings", "1"),
  t: () => scrollTo({ top: 0 }),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || $("help").open) return;
  const typing = event.target.matches?.("input, textarea, select");
  if (event.key === "Escape") {
    change({ ...EMPTY });
    if (typing) event.target.blur();
  } else if (!typing && Object.hasOwn(KEYS, event.key)) {
    event.preventDefault();
    KEYS[event.key]();
  }
});
$("list").addEventListener("focusin", (event) => {
  const focused = event.target.closest(".card");
  if (focused) current = [...$("list").children].indexOf(focused);
});

let waiting;
$("search").addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(() => change({ q: $("search").value }), people.length > 500 ? 120 : 0);
});
$("clear").addEventListener("click", () => change({ ...EMPTY }));
$("help-button").addEventListener("click", KEYS["?"]);
for (const figure of document.querySelectorAll("[data-group]")) {
  figure.addEventListener("click", () => {
    toggle("group", figure.dataset.group);
    $("bench").scrollIntoView({ block: "start" });
  });
}
addEventListener("hashchange", () => { readState(); show(); });
addEventListener("beforeprint", () => makeMore(found.length));

readState();
$("bench").hidden = false;
showRemarks();
show();
prepare(0);
