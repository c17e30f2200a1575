//! A company of 300 people, as its list has them and as a SCIM server has them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

pub(super) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
pub(super) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// How many people there are.
const PEOPLE: usize = 300;
/// How many people report to a manager: so there are five levels.
const SPAN: usize = 4;

/// Somebody by their number: what the list says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) email: String,
    pub(super) first: String,
    pub(super) last: String,
    pub(super) branch: String,
    pub(super) manager: Option<u32>,
    pub(super) department: String,
}

/// Everybody by their number.
pub(super) type People = BTreeMap<u32, Person>;

/// The people as they are at first.
pub(super) fn company() -> People {
    (0..PEOPLE).map(|n| (number(n), person(n))).collect()
}

fn number(n: usize) -> u32 {
    10_000 + u32::try_from(n).expect("small")
}

fn person(n: usize) -> Person {
    Person {
        email: format!("p{n}@example.com"),
        first: format!("Åsa{n}"),
        last: "Öberg".to_owned(),
        branch: ["SE01", "NO01", "DK01"][n % 3].to_owned(),
        manager: (n > 0).then(|| number((n - 1) / SPAN)),
        department: format!("D{}", n % 7),
    }
}

/// What happens to them: leavers, renames, moves, newcomers with managers among themselves, e-mails that are handed
/// over (that of a leaver only where asked), two people who report to one another, and one who had a department and has none.
pub(super) fn a_year_later(people: &People, hands_over: bool) -> People {
    let mut later = people.clone();
    for n in 260..270 {
        later.remove(&number(n));
    }
    for n in 200..205 {
        let person = later.get_mut(&number(n)).expect("somebody");
        person.last = "Åkesson".to_owned();
        person.email = format!("akesson{n}@example.com");
    }
    for n in 210..215 {
        later.get_mut(&number(n)).expect("somebody").branch = "SE01".to_owned();
    }
    later.get_mut(&number(220)).expect("somebody").department.clear();
    for n in 300..312 {
        later.insert(number(n), person(n));
    }
    later.get_mut(&number(301)).expect("somebody").manager = Some(number(300));
    // A swap of addresses needs a third one; a chain does not.
    let left = later[&number(230)].email.clone();
    later.get_mut(&number(230)).expect("somebody").email = "new230@example.com".to_owned();
    later.get_mut(&number(231)).expect("somebody").email = left;
    if hands_over {
        later.get_mut(&number(206)).expect("somebody").email = people[&number(265)].email.clone();
    }
    later.get_mut(&number(240)).expect("somebody").manager = Some(number(241));
    later.get_mut(&number(241)).expect("somebody").manager = Some(number(240));
    later
}

/// The people of a smaller company: some of each group to which something happens.
const SOME: [std::ops::Range<u32>; 4] = [10_000..10_012, 10_200..10_203, 10_260..10_263, 10_300..10_304];

/// The same people without those outside the smaller company, to whom nobody reports.
pub(super) fn some(people: &People) -> People {
    let is_one = |number: &u32| SOME.iter().any(|range| range.contains(number));
    let mut some: People = people.iter().filter(|(number, _)| is_one(number)).map(|(n, p)| (*n, p.clone())).collect();
    for person in some.values_mut() {
        person.manager = person.manager.filter(is_one).or(Some(10_001)).filter(|_| person.email != "p0@example.com");
    }
    if let Some(second) = some.get_mut(&10_001) {
        second.manager = Some(10_000);
    }
    some
}

/// What the guards must let pass where a company is small.
pub(super) const LIMITS: &str = "[guard]\nmax_delete_percent = 50\nmax_change_percent = 90\nmax_create_percent = 90\n";

/// The list.
pub(super) fn csv(people: &People) -> String {
    let mut list = "nr,email,first,last,branch,manager,department\n".to_owned();
    for (number, Person { email, first, last, branch, manager, department }) in people {
        let manager = manager.map(|manager| manager.to_string()).unwrap_or_default();
        writeln!(list, "{number},{email},{first},{last},{branch},{manager},{department}").expect("written");
    }
    list
}

/// One of them as a user.
pub(super) fn user(number: u32, person: &Person, manager: Option<&str>) -> Value {
    let Person { email, first, last, branch, manager: _, department } = person;
    let mut user = json!({
        "schemas": [USER, ENTERPRISE], "userName": email, "externalId": number.to_string(), "active": true,
        "name": {"givenName": first, "familyName": last}, "nickName": format!("n{number}"),
        "emails": [{"value": format!("home{number}@example.org"), "type": "home"}],
        ENTERPRISE: {"division": branch, "department": department}
    });
    if let Some(manager) = manager {
        user[ENTERPRISE]["manager"] = json!({ "value": manager });
    }
    user
}

/// The active people of a server, as its list shows them.
pub(super) fn held(users: &[Value]) -> People {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let number = |user: &Value| user["externalId"].as_str().expect("an externalId").parse::<u32>().expect("a number");
    let by_id: BTreeMap<&str, u32> =
        users.iter().map(|user| (user["id"].as_str().expect("an id"), number(user))).collect();
    let person = |user: &Value| {
        let enterprise = &user[ENTERPRISE];
        let person = Person {
            email: text(&user["userName"]),
            first: text(&user["name"]["givenName"]),
            last: text(&user["name"]["familyName"]),
            branch: text(&enterprise["division"]),
            manager: enterprise["manager"]["value"].as_str().map(|id| by_id[id]),
            department: text(&enterprise["department"]),
        };
        (number(user), person)
    };
    users.iter().filter(|user| user["active"] != false).map(person).collect()
}
