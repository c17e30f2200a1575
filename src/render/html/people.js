// The page of a plan: who is in it, what is known of them, and who passes the filters. `view.js` shows them, in the same
// function.

const KINDS = ["delete", "update", "reactivate", "create", "link"];
const NONE = "(none)";

const $ = (id) => document.getElementById(id);
const { parts, fields, branches, remarks } = JSON.parse($("data").textContent);
// The people of a part name what they share by its place in the lists of the part. What somebody lacks stays away:
// to add it to each of many people takes longer than to read them.
const NOTHING = [];
const people = [];
// Each manager once, by key, with whoever reports to them before and after the plan.
const managers = new Map();
for (const { part, fieldPlaces, branchPlaces } of parts) {
  const leaders = part.managers.map((manager) => {
    if (!managers.has(manager.key)) managers.set(manager.key, { ...manager, before: [], after: [] });
    return managers.get(manager.key);
  });
  for (const person of part.people) {
    if (person.branches) person.branches = person.branches.map((branch) => branchPlaces[branch]);
    if (person.notes) person.notes = person.notes.map((note) => part.notes[note]);
    if (person.was != null) (person.was = leaders[person.was]).before.push(person);
    if (person.is != null) (person.is = leaders[person.is]).after.push(person);
    for (const row of person.rows) {
      row.field = fieldPlaces[row.field];
      if (typeof row.before === "number") row.before = part.texts[row.before];
      if (typeof row.after === "number") row.after = part.texts[row.after];
    }
    people.push(person);
  }
}
const number = new Intl.NumberFormat("en").format;
const counted = (count, one, many) => `${number(count)} ${count === 1 ? one : many}`;

// Text as it is searched: without case, without accents.
const isAscii = (text) => /^[\x00-\x7f]*$/.test(text);
const folded = (text) => (isAscii(text) ? text : text.normalize("NFD").replace(/\p{M}/gu, "")).toLowerCase();
const plain = (side) => (side == null ? "" : typeof side === "string" ? side : side.map(([text]) => text).join(""));

// ---- What is known of each person ------------------------------------------------------------------------------

// The person of a key; whoever is created and linked to a manager later is in the plan twice, first as created.
let byKey;
function inPlan(key) {
  byKey ??= new Map(people.map((person) => [person.key, person]).reverse());
  return byKey.get(key);
}
const notesOf = (person) => person.notes ?? NOTHING;
const branchesOf = (person) => person.branches ?? NOTHING;
const rolesOf = (person) => person.role_names ?? NOTHING;
const reportsOf = (person, side) => managers.get(person.key)?.[side] ?? NOTHING;
// Somebody who comes or goes has every field; what changes is what one filters by.
const changes = (person) => person.kind === "update" || person.kind === "reactivate" || person.kind === "link";
const warns = (person) => notesOf(person).some((note) => note.severity !== "info");

// What is searched of a person. It is made when it is asked for first, and before that while nothing else is to do.
function hay(person) {
  if (person.hay == null) {
    const values = person.rows.flatMap((row) => [plain(row.before), plain(row.after)]);
    const texts = [person.name, person.identifier, person.email, person.user, person.roles, person.reason, ...values, ...notesOf(person).map((note) => note.text)];
    person.hay = folded(texts.join("\n"));
  }
  return person.hay;
}
const idle = globalThis.requestIdleCallback ?? ((work) => setTimeout(() => work({ timeRemaining: () => 5 }), 50));
function prepare(from) {
  idle((deadline) => {
    let next = from;
    do {
      for (const upTo = Math.min(next + 100, people.length); next < upTo; next += 1) hay(people[next]);
    } while (next < people.length && deadline.timeRemaining() > 2);
    if (next < people.length) prepare(next);
  });
}

// ---- The state, which stands in the address --------------------------------------------------------------------

const EMPTY = { q: "", group: "", branch: "", field: "", role: "", warnings: "" };
let state = { ...EMPTY };

function readState() {
  const found = new URLSearchParams(location.hash.slice(1));
  state = { ...EMPTY };
  for (const key of Object.keys(EMPTY)) state[key] = found.get(key) ?? "";
  if (!KINDS.includes(state.group)) state.group = "";
}

function change(values) {
  state = { ...state, ...values };
  const filled = Object.entries(state).filter(([, value]) => value !== "");
  const fragment = new URLSearchParams(filled).toString();
  history.replaceState(null, "", fragment ? `#${fragment}` : location.pathname + location.search);
  show();
}

const toggle = (key, value) => change({ [key]: state[key] === value ? "" : value });

// ---- Filters ---------------------------------------------------------------------------------------------------

const STAYS = "no branch, or not managed";
const branchNames = (person) => (person.branches?.map((branch) => branches[branch]) ?? [STAYS]);
const fieldNames = (person) => (changes(person) ? person.rows.map((row) => fields[row.field]) : NOTHING);

// The fields and branches with this id or identifier: labels end with them in parentheses, after the name.
const idsIn = (label) =>
  folded(label.slice(Math.max(0, label.lastIndexOf("(")))).split(/[\s(),]+/).filter((id) => id && id !== "id");
const fieldIds = fields.map((label) => idsIn(label).filter((id) => id.startsWith("custom_fields.")));
const branchIds = branches.map(idsIn);
const placesOf = (lists, is) => new Set(lists.flatMap((ids, place) => (ids.some(is) ? [place] : [])));
const named = (word) => ({
  fields: placesOf(fieldIds, (id) => id === word || id === `custom_fields.${word}`),
  branches: placesOf(branchIds, (id) => id === word),
});
const isNamed = (person, ids) =>
  person.rows.some((row) => ids.fields.has(row.field)) || branchesOf(person).some((branch) => ids.branches.has(branch));

// Whether a person passes, but for the filters that are left out.
function matcher(...leftOut) {
  const on = (key) => state[key] !== "" && !leftOut.includes(key);
  const words = on("q") ? folded(state.q).split(/\s+/).filter(Boolean) : [];
  const group = on("group") && state.group;
  const branch = on("branch") && state.branch;
  const field = on("field") && state.field;
  const role = on("role") && state.role;
  const warnings = on("warnings");
  const ids = new Map(words.map((word) => [word, named(word)]));
  return (person) =>
    (!group || person.kind === group) &&
    (!warnings || warns(person)) &&
    (!branch || branchNames(person).includes(branch)) &&
    (!field || fieldNames(person).includes(field)) &&
    (!role || rolesOf(person).includes(role)) &&
    words.every((word) => hay(person).includes(word) || isNamed(person, ids.get(word)));
}

// Who passes all filters, but for those that are left out.
function passing(...leftOut) {
  const isOn = Object.entries(state).some(([key, value]) => value !== "" && !leftOut.includes(key));
  return isOn ? people.filter(matcher(...leftOut)) : people;
}

// Counts by name and kind, the biggest first.
function tally(found, names) {
  const counts = new Map();
  for (const person of found) {
    for (const name of names(person)) {
      if (!counts.has(name)) counts.set(name, { name, all: 0, delete: 0, update: 0, reactivate: 0, create: 0, link: 0 });
      const entry = counts.get(name);
      entry.all += 1;
      entry[person.kind] += 1;
    }
  }
  const last = (entry) => (entry.name === STAYS ? 1 : 0);
  return [...counts.values()].sort((a, b) => last(a) - last(b) || b.all - a.all || (a.name < b.name ? -1 : 1));
}
