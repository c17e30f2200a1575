//! The same people through both interfaces, for drawn people and drawn changes by SCIM.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};
use skovik_sync::sandbox::{Account, BranchMove, Options};

use super::super::{Sandbox, branch, custom_field, snapshot};
use super::{CORE, ENTERPRISE, SKOVIK};

/// A person, by numbers that mean the same whatever the others are.
#[derive(Debug, Clone)]
struct Person {
    name: String,
    identifier: bool,
    manager: Option<usize>,
    branch: bool,
    cost: Option<bool>,
    note: Option<String>,
    car: Option<bool>,
}

/// What a client does by SCIM to the person of this number.
#[derive(Debug, Clone)]
enum Write {
    Put(Person),
    Patch(Person),
    Delete,
}

const DIVISIONS: [&str; 2] = ["SE01", "NO01"];
const BRANCHES: [&str; 2] = ["br_se", "br_no"];
const COSTS: [&str; 2] = ["4100", "4200"];

fn person() -> impl Strategy<Value = Person> {
    let name = "[A-ZÅÄÖa-zé\"\\\\ ']{0,6}[A-Za-z]";
    let note = proptest::option::of("[a-z<>\\n\u{1F600}]{1,4}");
    let flag = any::<Option<bool>>;
    (name, any::<bool>(), any::<Option<usize>>(), any::<bool>(), flag(), note, flag()).prop_map(
        |(name, identifier, manager, branch, cost, note, car)| Person {
            name,
            identifier,
            manager,
            branch,
            cost,
            note,
            car,
        },
    )
}

fn write() -> impl Strategy<Value = Write> {
    prop_oneof![person().prop_map(Write::Put), person().prop_map(Write::Patch), Just(Write::Delete)]
}

/// The id of a person's manager, who is somebody else among so many.
fn manager(person: &Person, number: usize, among: usize) -> Option<String> {
    let manager = person.manager.map(|manager| manager % among)?;
    (manager != number).then(|| format!("u{manager}"))
}

fn as_json(person: &Person, number: usize, among: usize) -> Value {
    let mut custom = serde_json::Map::new();
    custom.extend(person.cost.map(|cost| ("cf_cost".to_owned(), json!(COSTS[usize::from(cost)]))));
    custom.extend(person.note.clone().map(|note| ("cf_note".to_owned(), json!(note))));
    custom.extend(person.car.map(|car| ("cf_car".to_owned(), json!(car))));
    let manager = manager(person, number, among).map(|id| json!({"type": "users", "id": id}));
    json!({"type": "users", "id": format!("u{number}"),
           "attributes": {"primary_email": format!("p{number}@example.com"), "first_name": person.name, "last_name": "Ek",
                          "external_identifier": person.identifier.then(|| number.to_string()),
                          "custom_fields": custom},
           "relationships": {"manager": {"data": manager},
                             "branch": {"data": {"type": "branches", "id": BRANCHES[usize::from(person.branch)]}}}})
}

fn as_scim(person: &Person, number: usize, manager: Option<String>) -> Value {
    let text = |flag: Option<bool>| flag.map(|flag| flag.to_string());
    json!({"schemas": [CORE, ENTERPRISE, SKOVIK], "userName": format!("p{number}@example.com"), "active": true,
           "externalId": person.identifier.then(|| number.to_string()),
           "name": {"givenName": person.name, "familyName": "Ek"},
           ENTERPRISE: {"division": DIVISIONS[usize::from(person.branch)],
                        "manager": manager.map(|id| json!({"value": id}))},
           SKOVIK: {"custom_field1": person.cost.map(|cost| COSTS[usize::from(cost)]), "custom_field2": person.note,
                    "custom_field3": text(person.car)}})
}

type Fields = BTreeMap<&'static str, Value>;

/// What is known of each user, read from `/v1`.
async fn from_v1(sandbox: &Sandbox) -> BTreeMap<String, Fields> {
    let list = sandbox.get("/users").await.json();
    let of = |user: &Value| {
        let attributes = &user["attributes"];
        let related = |name: &str| user["relationships"][name]["data"]["id"].clone();
        let car = attributes["custom_fields"]["cf_car"].as_bool().map(|car| car.to_string());
        BTreeMap::from([
            ("email", attributes["primary_email"].clone()),
            ("identifier", attributes["external_identifier"].clone()),
            ("first", attributes["first_name"].clone()),
            ("last", attributes["last_name"].clone()),
            ("manager", related("manager")),
            ("branch", related("branch")),
            ("cost", attributes["custom_fields"]["cf_cost"].clone()),
            ("note", attributes["custom_fields"]["cf_note"].clone()),
            ("car", json!(car)),
        ])
    };
    let rows = list["data"].as_array().expect("rows");
    rows.iter().map(|user| (user["id"].as_str().expect("an id").to_owned(), of(user))).collect()
}

/// The same, read from `/scim/v2`.
async fn from_scim(sandbox: &Sandbox) -> BTreeMap<String, Fields> {
    let list = sandbox.scim_get("/Users").await.json();
    let of = |user: &Value| {
        let division = user[ENTERPRISE]["division"].as_str().expect("a division");
        let branch = DIVISIONS.iter().position(|known| *known == division).expect("a known one");
        BTreeMap::from([
            ("email", user["userName"].clone()),
            ("identifier", user["externalId"].clone()),
            ("first", user["name"]["givenName"].clone()),
            ("last", user["name"]["familyName"].clone()),
            ("manager", user[ENTERPRISE]["manager"]["value"].clone()),
            ("branch", json!(BRANCHES[branch])),
            ("cost", user[SKOVIK]["custom_field1"].clone()),
            ("note", user[SKOVIK]["custom_field2"].clone()),
            ("car", user[SKOVIK]["custom_field3"].clone()),
        ])
    };
    let rows = list["Resources"].as_array().cloned().unwrap_or_default();
    rows.iter().map(|user| (user["id"].as_str().expect("an id").to_owned(), of(user))).collect()
}

async fn check(people: Vec<Person>, writes: Vec<(usize, Write)>) {
    let among = people.len();
    let fields = [
        custom_field("cf_cost", "multiple_choice", &COSTS),
        custom_field("cf_note", "text", &[]),
        custom_field("cf_car", "boolean", &[]),
    ];
    let users: Vec<Value> = (0..).zip(&people).map(|(number, person)| as_json(person, number, among)).collect();
    let branches = [branch("br_se", "SE01"), branch("br_no", "NO01")];
    let account = Account::load(&*snapshot(&branches, &fields, &users)).expect("a good seed");
    let options = Options { account, branch_move: BranchMove::Keeps, ..Options::default() };
    let sandbox = Sandbox::start(options).await;
    let mut known = from_v1(&sandbox).await;
    assert_eq!(known.len(), among);
    assert_eq!(from_scim(&sandbox).await, known);
    for (number, write) in writes {
        let number = number % among;
        let id = format!("u{number}");
        let there = known.contains_key(&id);
        let manager = |person: &Person| manager(person, number, among).filter(|id| known.contains_key(id));
        let (status, wanted) = match &write {
            Write::Put(person) => {
                let body = as_scim(person, number, manager(person));
                (sandbox.scim("PUT", &format!("/Users/{id}"), body).await.status, Some((person, manager(person))))
            }
            Write::Patch(person) => {
                let mut body = as_scim(person, number, manager(person));
                body.as_object_mut().expect("an object").remove("schemas");
                let operations = json!([{"op": "replace", "value": body}]);
                (sandbox.patch(&id, operations).await.status, Some((person, manager(person))))
            }
            Write::Delete => (sandbox.scim("DELETE", &format!("/Users/{id}"), Value::Null).await.status, None),
        };
        let good = if wanted.is_some() { 200 } else { 204 };
        assert_eq!(status, if there { good } else { 404 }, "{write:?}");
        let now = from_v1(&sandbox).await;
        assert_eq!(from_scim(&sandbox).await, now);
        if let (true, Some((person, manager))) = (there, &wanted) {
            assert_eq!(now[&id]["first"], json!(person.name));
            assert_eq!(now[&id]["manager"], json!(manager));
            assert_eq!(now[&id]["note"], json!(person.note));
            assert_eq!(now[&id]["identifier"], json!(person.identifier.then(|| number.to_string())));
        }
        assert_eq!(now.contains_key(&id), there && wanted.is_some());
        known = now;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn both_doors_show_the_same_people(
        people in vec(person(), 1..8),
        writes in vec((any::<usize>(), write()), 0..6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(check(people, writes));
    }
}
