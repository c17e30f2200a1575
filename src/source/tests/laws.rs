//! Laws of lists: a person with a record is never deleted, however dirty the lists are; and a plan does not depend on
//! the order of rows, columns and sources.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::diff::{Policy, Protect, Remove, Renumber};
use crate::employee::{Directory, User};
use crate::mapping::Mapper;
use crate::plan::{Action, Content, Input, Plan};

const EMPLOYEE: &str = "[employee]\nexternal_identifier = '{{ hr.id }}'\nprimary_email = '{{ hr.mail | lower }}'\n\
                        first_name = \"{{ hr.name }}\"\nlast_name = \"{{ hr.name }}{{ pay.cc | default('') }}{{ ad.cc | \
                        default('') }}\"\n";
const IDS: [&str; 8] = ["1", "2", "3", "4", "5", "N/A", "6\u{200b}", ""];
const PREFERENCES: [&str; 4] =
    ["", "prefer = \"main == 'Y'\"", "prefer = { greatest = \"since\" }", "prefer = \"since\""];
const INCLUDES: [&str; 4] = [
    "hr.status == 'active'",
    "hr.status == 'active' and pay.on != 'no'",
    "hr.status == 'active' and (ad.on | default('yes')) == 'yes'",
    "{'active': true, 'left': false}[hr.status]",
];

/// A row: the id, the status, which of several it is, since when, and the name.
type Row = (usize, usize, bool, u8, usize);

#[derive(Debug, Clone)]
struct Lists {
    hr: Vec<Row>,
    pay: Vec<Row>,
    ad: Vec<Row>,
    preferences: [usize; 3],
    include: usize,
}

fn rows(most: usize) -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec((0..IDS.len(), 0..4_usize, any::<bool>(), 0..3_u8, 0..4_usize), 1..most)
}

fn lists() -> impl Strategy<Value = Lists> {
    let preference = 0..PREFERENCES.len();
    let preferences = [preference.clone(), preference.clone(), preference];
    (rows(12), rows(6), rows(6), preferences, 0..INCLUDES.len()).prop_map(|(hr, pay, ad, preferences, include)| Lists {
        hr,
        pay,
        ad,
        preferences,
        include,
    })
}

/// The cells of a row, by the name of their column.
fn cells((id, status, main, since, name): &Row) -> Vec<(&'static str, String)> {
    let (id, status) = (IDS[*id], ["active", "active", "left", "?"][*status]);
    let main = if *main { "Y" } else { "N" };
    let on = if status == "left" { "no" } else { "yes" };
    let mail = if id == "N/A" { format!("c{name}@x.se") } else { format!("p{}@x.se", id.replace('\u{200b}', "")) };
    vec![
        ("id", id.to_owned()),
        ("status", status.to_owned()),
        ("main", main.to_owned()),
        ("since", ["2024-01-01", "2025-01-01", "soon"][usize::from(*since)].to_owned()),
        ("name", ["Anna", "Bo", "Cai", ""][*name].to_owned()),
        ("mail", mail),
        ("on", on.to_owned()),
        ("cc", format!("{since}")),
    ]
}

/// A file, its columns beginning with one of them.
fn file(rows: &[Row], turn: usize) -> String {
    let mut lines = Vec::new();
    for row in rows {
        let mut cells = cells(row);
        cells.rotate_left(turn);
        if lines.is_empty() {
            lines.push(cells.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(","));
        }
        lines.push(cells.into_iter().map(|(_, value)| value).collect::<Vec<_>>().join(","));
    }
    lines.join("\n")
}

/// The account: everybody who has a number, and two more.
fn directory() -> Directory {
    let user = |id: &str, mail: String| User {
        id: format!("u{id}").as_str().into(),
        identifier: Some(id.into()),
        email: mail.into(),
        first_name: "X".into(),
        last_name: "Y".into(),
        branch: None,
        manager: None,
        custom_fields: Box::default(),
        roles: Some([].into()),
    };
    let users = ["1", "2", "3", "4", "5", "6", "7", "8"].map(|id| user(id, format!("p{id}@x.se")));
    Directory { users: users.to_vec(), ..Directory::default() }
}

/// The plan, or why there is none.
fn plan(lists: &Lists, turn: usize, pay_first: bool) -> Result<Content, String> {
    let Lists { hr, pay, ad, preferences, include } = lists;
    let with = |name: &str, preference: usize| {
        format!("{}{}\n", source(name, "csv", name, "id"), PREFERENCES[preferences[preference]])
    };
    let later = [with("pay", 1), with("ad", 2)];
    let later = if pay_first { later.concat() } else { later.iter().rev().cloned().collect() };
    let files = [("hr", file(hr, turn)), ("pay", file(pay, turn)), ("ad", file(ad, turn))];
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
    let rest = format!("{EMPLOYEE}[scope]\ninclude = \"{}\"\n", INCLUDES[*include]);
    let (_folder, settings) = Fixture::new(&(with("hr", 0) + &later), &files).into_parts(&rest);
    let records = read(&settings).map_err(|error| error.to_string())?;
    let rules = Mapper::new(&settings).resolve(&[], &[]).unwrap();
    let desired = rules.employees(&records).map_err(|error| error.to_string())?;
    let (directory, digest) = (directory(), Digest::of(b""));
    let policy = Policy {
        managed: rules.managed().clone(),
        adopt: true,
        renumber: Renumber::Ask,
        same_person: BTreeSet::new(),
        remove: Remove::Identified,
        reactivate: false,
        leavers_keep_emails: false,
        protect: Protect::new(&[""; 0]),
        branches: None,
        absences: None,
    };
    let input = Input {
        desired: &desired,
        directory: &directory,
        policy: &policy,
        limits: &settings.guard,
        memory: &crate::guard::RecentPast::none(),
        joins: &[],
        managers_must_resolve: false,
        records_must_be_valid: false,
        only: &BTreeSet::new(),
        kind: "skovik",
        url: "https://x.example",
        removal: Default::default(),
        fingerprint: digest,
        sources: records.summaries_with(&desired.joins),
        config_hash: digest,
        as_of: None,
    };
    Ok(Plan::make(input).map_err(|error| error.to_string())?.content().clone())
}

/// What a plan says, but for row numbers.
fn told(content: &Content) -> (Vec<crate::plan::Operation>, Vec<String>, Vec<String>) {
    let diagnostics = content.diagnostics.iter().map(|found| format!("{} {:?}", found.code, found.employee));
    let mut diagnostics: Vec<String> = diagnostics.collect();
    diagnostics.sort_unstable();
    let mut sources: Vec<String> = content.sources.iter().map(|source| format!("{source:?}")).collect();
    sources.sort_unstable();
    sources.push(format!("{:?}", content.summary));
    (content.operations.clone(), diagnostics, sources)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn nobody_is_removed_whose_record_is_there(lists in lists()) {
        let content = plan(&lists, 0, true).unwrap();
        let removed: BTreeSet<&str> = content
            .operations
            .iter()
            .filter_map(|operation| match &operation.action {
                Action::Delete { user_id, .. } => Some(user_id.as_str()),
                _ => None,
            })
            .collect();
        // If the scope depends on other sources too, only a person with a record in every source can be out of scope.
        let is_out = |row: &Row| lists.include != 0 && row.1 < 2 && {
            let theirs = |others: &[Row]| others.iter().filter(|other| other.0 == row.0).cloned().collect::<Vec<_>>();
            let others = match lists.include { 1 => theirs(&lists.pay), 2 => theirs(&lists.ad), _ => Vec::new() };
            !others.is_empty() && others.iter().any(|other| other.1 == 2)
        };
        for row in lists.hr.iter().filter(|row| (row.1 < 2 || (row.1 == 3 && lists.include == 3)) && !is_out(row)) {
            let id = IDS[row.0].replace('\u{200b}', "");
            prop_assert!(!removed.contains(format!("u{id}").as_str()), "{id} is removed: {content:#?}");
        }
    }

    #[test]
    fn the_order_of_rows_columns_and_sources_changes_nothing(
        lists in lists(),
        turn in 0..8_usize,
        pay_first in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let before = plan(&lists, 0, true).unwrap();
        let mut shuffled = lists.clone();
        let mut random = fastrand::Rng::with_seed(seed);
        random.shuffle(&mut shuffled.hr);
        random.shuffle(&mut shuffled.pay);
        random.shuffle(&mut shuffled.ad);
        let after = plan(&shuffled, turn, pay_first).unwrap();
        prop_assert_eq!(told(&before), told(&after));
    }
}
