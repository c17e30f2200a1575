#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;

use super::*;
use crate::plan::BranchRef;
use crate::provider::ShareRepeated;

const ANNA: &str = r#"{ "type":"users", "id":"60e3",
  "attributes": { "primary_email":" Anna.Berg@example.com ", "external_identifier":"1001", "first_name":"A\u0308nna",
    "last_name":"Berg", "roles":["employee"," admin "], "seniority": 123456789012345678901234567890,
    "custom_fields": { "cf_a":"4100", "cf_b": true, "cf_c": 0.10, "cf_d": null, "cf_e": " ", "cf_f": [ 1, "x y" ], "cf_g": [ ],
      "cf_big": 123456789012345678901234567890.5 },
    "external_metadata": {"k":"v"} },
  "relationships": { "manager": {"data":{"type":"users","id":"60m"},"links":{"self":"/x"}},
    "branch": {"data":{"type":"branches","id":"br_se"}}, "delegate": {"data":null} },
  "links": {"self":"/users/60e3"}, "meta": {"v":1}, "extra": [1.50] }"#;

fn names() -> Names {
    Names::default()
}

fn resource(json: &str) -> StoredUser {
    StoredUser::new(serde_json::from_str(json).unwrap()).unwrap()
}

fn managed(ids: &[&str]) -> Managed {
    Managed { branch: true, manager: true, custom_fields: ids.iter().map(|id| CustomFieldId::from(*id)).collect() }
}

fn change(field: Field, after: Option<Value>) -> Change {
    Change { field, before: None, after }
}

fn to_text(field: Field, text: &str) -> Change {
    change(field, Some(Value::Text(text.into())))
}

fn to_branch(id: &str) -> Change {
    let branch = BranchRef { branch_id: id.into(), external_identifier: None, name: "".into() };
    change(Field::Branch, Some(Value::Branch(branch)))
}

fn custom(id: &str) -> Field {
    Field::Custom(id.into())
}

fn text(text: &str) -> Option<CustomValue> {
    Some(CustomValue::Text(text.into()))
}

#[test]
fn a_user_is_normalised() {
    let user = user_row(resource(ANNA).raw().get(), &managed(&["cf_a", "cf_b"]), &names()).unwrap();
    let expected = User {
        id: "60e3".into(),
        identifier: Some("1001".into()),
        email: "Anna.Berg@example.com".into(),
        first_name: "Änna".into(),
        last_name: "Berg".into(),
        branch: Some("br_se".into()),
        manager: Some("60m".into()),
        custom_fields: [text("4100"), Some(CustomValue::Boolean(true))].into(),
        roles: Some(["employee".into(), "admin".into()].into()),
    };
    assert_eq!(user, expected);
}

#[test]
fn values_of_custom_fields() {
    let anna = resource(ANNA);
    for (id, expected) in [
        ("cf_c", text("0.10")),
        ("cf_d", None),
        ("cf_e", None),
        ("cf_f", text(r#"[1,"x y"]"#)),
        ("cf_g", None),
        ("cf_big", text("123456789012345678901234567890.5")),
        ("cf_nowhere", None),
    ] {
        assert_eq!(*user_row(anna.raw().get(), &managed(&[id]), &names()).unwrap().custom_fields, [expected], "{id}");
    }
}

#[test]
fn what_may_be_missing() {
    let bare = r#"{"type":"users","id":"a","attributes":{"primary_email":"a@b","external_identifier":"","roles":null},
        "relationships":{"manager":null,"branch":{"data":null}}}"#;
    let user = user_row(resource(bare).raw().get(), &managed(&["cf"]), &names()).unwrap();
    assert_eq!((user.identifier, user.branch, user.manager, user.roles), (None, None, None, None));
    assert_eq!((&*user.first_name, &*user.last_name), ("", ""));
    assert_eq!(*user.custom_fields, [None]);
}

#[test]
fn what_may_not() {
    for (rest, expected) in [
        (r#""attributes":{}"#, r#"user "a": primary_email is missing"#),
        (r#""attributes":{"primary_email":" "}"#, r#"user "a": primary_email is missing"#),
        (r#""attributes":{"primary_email":7}"#, r#"user "a": primary_email is not a text"#),
        (r#""attributes":{"primary_email":"a@b","roles":"admin"}"#, r#"user "a": roles is not a list of texts"#),
        (
            r#""attributes":{"primary_email":"a@b"},"relationships":{"manager":{"links":{}}}"#,
            r#"user "a": manager has no data"#,
        ),
        (
            r#""attributes":{"primary_email":"a@b"},"relationships":{"manager":{"data":{"type":"teams","id":"t"}}}"#,
            r#"user "a": manager: the row "t" has the type "teams" instead of "users""#,
        ),
    ] {
        let json = format!(r#"{{"type":"users","id":"a",{rest}}}"#);
        assert_eq!(user_row(resource(&json).raw().get(), &managed(&[]), &names()).unwrap_err(), expected);
    }
    for user in [r#"{"type":"users"}"#, r#"{"type":"teams","id":"a"}"#, r#"{"type":"users","id":"a","id":"b"}"#, "7"] {
        assert!(user_document(format!(r#"{{"data":{user}}}"#).as_bytes(), &names()).is_err(), "{user}");
    }
}

#[test]
fn an_overlay_gives_everything_back() {
    let changes = [
        to_text(Field::ExternalIdentifier, "1002"),
        to_text(Field::PrimaryEmail, "anna@example.com"),
        to_text(Field::FirstName, "Anna"),
        to_text(Field::LastName, "Björk \"B\""),
        to_branch("br_no"),
        change(Field::Manager, None),
        to_text(custom("cf_a"), "4200"),
        change(custom("cf_b"), None),
        change(custom("cf_new"), Some(Value::Boolean(false))),
    ];
    let expected = concat!(
        r#"{"data":{"attributes":{"custom_fields":{"cf_a":"4200","cf_b":null,"#,
        r#""cf_big":123456789012345678901234567890.5,"cf_c":0.10,"cf_d":null,"cf_e":" ","cf_f":[1,"x y"],"cf_g":[],"#,
        r#""cf_new":false},"external_identifier":"1002","external_metadata":{"k":"v"},"first_name":"Anna","#,
        r#""last_name":"Björk \"B\"","primary_email":"anna@example.com","seniority":123456789012345678901234567890},"#,
        r#""extra":[1.50],"id":"60e3","relationships":{"branch":{"data":{"type":"branches","id":"br_no"}},"#,
        r#""delegate":{"data":null},"manager":{"data":null}},"type":"users"}}"#,
    );
    assert_eq!(overlay(&resource(ANNA), &changes, &names()).unwrap().as_json(), expected);
}

#[test]
fn custom_fields_without_an_edit_stay_as_they_were_written() {
    let json = r#"{"type":"users","id":"a","attributes":{"custom_fields":{"z":1e400,"a":"\u00e9"}}}"#;
    let body = overlay(&resource(json), &[to_text(Field::FirstName, "A")], &names()).unwrap();
    assert!(body.as_json().contains(r#""custom_fields":{"z":1e400,"a":"\u00e9"}"#), "{}", body.as_json());
    let without = overlay(&resource(r#"{"type":"users","id":"a"}"#), &[], &names()).unwrap();
    assert_eq!(without.as_json(), r#"{"data":{"attributes":{},"id":"a","relationships":{},"type":"users"}}"#);
}

#[test]
fn a_new_user_has_only_what_has_a_value() {
    let branch = BranchRef { branch_id: "br_se".into(), external_identifier: None, name: "SE".into() };
    let planned = ManagerRef::User(UserRef { user_id: "60planned".into(), employee: None, name: "M".into() });
    let mut after = Fields {
        external_identifier: Some("1001".into()),
        primary_email: "a@b".into(),
        first_name: "A".into(),
        last_name: "B".into(),
        branch: Some(Some(branch)),
        manager: Some(Some(planned)),
        custom_fields: BTreeMap::from([("cf_a".into(), text("4100")), ("cf_b".into(), None)]),
    };
    let body = create(&after, Some(&"60m".into()), &names()).unwrap();
    let expected = concat!(
        r#"{"data":{"attributes":{"custom_fields":{"cf_a":"4100"},"external_identifier":"1001","first_name":"A","#,
        r#""last_name":"B","primary_email":"a@b"},"relationships":{"branch":{"data":{"type":"branches","id":"br_se"}},"#,
        r#""manager":{"data":{"type":"users","id":"60m"}}},"type":"users"}}"#,
    );
    assert_eq!(body.as_json(), expected);
    after.branch = Some(None);
    after.custom_fields.clear();
    let bare = create(&after, None, &names()).unwrap();
    assert!(bare.as_json().contains(r#""relationships":{}"#) && !bare.as_json().contains("custom_fields"));
}

#[test]
fn a_refill_gives_back_what_a_change_of_branch_has_emptied() {
    let with = |fields: &str| {
        let branch = r#""relationships":{"branch":{"data":{"type":"branches","id":"b2"}}}"#;
        resource(&format!(
            r#"{{"type":"users","id":"a","attributes":{{"roles":[],"custom_fields":{fields}}},{branch}}}"#
        ))
    };
    let before = with(r#"{"big":123456789012345678901234567890,"kept":"old","cost":"1","gone":"x","none":null}"#);
    let changes = [to_branch("b2"), to_text(custom("cost"), "2"), change(custom("gone"), None)];
    let emptied = with(r#"{"big":null,"kept":"new"}"#);
    let expected = concat!(
        r#"{"data":{"attributes":{"custom_fields":{"big":123456789012345678901234567890,"cost":"2","kept":"new"}},"#,
        r#""id":"a","relationships":{"branch":{"data":{"type":"branches","id":"b2"}}},"type":"users"}}"#,
    );
    for rest in [Rest::Restored, Rest::AsHeld] {
        assert_eq!(refill(&before, &emptied, &changes, rest, &names()).unwrap().unwrap().as_json(), expected);
    }
    let whole = with(r#"{"big":1,"kept":"new","cost":"2"}"#);
    assert_eq!(refill(&before, &whole, &changes, Rest::Restored, &names()).unwrap(), None);
}

/// Right after the change everything that is empty is given back, later only custom fields: another client may have emptied
/// the rest.
#[test]
fn what_else_is_empty_is_given_back_right_after_the_change_only() {
    let of = |settings: &str, phone: &str, fields: &str, delegate: &str, branch: &str| {
        resource(&format!(
            r#"{{"type":"users","id":"a","settings":{settings},
            "attributes":{{"phone":{phone},"note":"x","custom_fields":{fields}}},
            "relationships":{{"delegate":{delegate},"branch":{{"data":{{"type":"branches","id":"{branch}"}}}}}}}}"#
        ))
    };
    let to = r#"{"data":{"type":"users","id":"d"}}"#;
    let before = of(r#"{"limit":5}"#, r#""1""#, r#"{"c":"1"}"#, to, "b1");
    let changes = [to_branch("b2")];
    let refilled = |delegate: &str, rest| {
        let held = of("{}", "null", "{}", delegate, "b2");
        let body = refill(&before, &held, &changes, rest, &names()).unwrap().unwrap();
        let planned = overlay(&before, &changes, &names()).unwrap();
        (crate::provider::unshown(&planned, &body), body.as_json().to_owned())
    };
    for nobody in [r#"{"data":null}"#, r#"{"data":[]}"#] {
        assert_eq!(refilled(nobody, Rest::Restored).0, Vec::<String>::new(), "{nobody}");
        let (hidden, body) = refilled(nobody, Rest::AsHeld);
        assert!(hidden.contains(&"/data/attributes/phone".to_owned()), "{hidden:?}");
        assert!(body.contains(r#""c":"1""#) && body.contains(r#""phone":null"#) && body.contains(nobody), "{body}");
    }
    // A new value is kept, whatever else the relationship says.
    let another = r#"{"data":{"type":"users","id":"e"},"meta":{"data":null}}"#;
    assert!(refilled(another, Rest::Restored).1.contains(another));
}

#[test]
fn members_beside_the_attributes_are_compared_too() {
    let with = |settings: &str| {
        resource(&format!(
            r#"{{"type":"users","id":"a","meta":{{"n":1}},"settings":{settings},"attributes":{{"limit":5}}}}"#
        ))
    };
    let before = with(r#"{"limit":500}"#);
    let sent = overlay(&before, &[], &names()).unwrap();
    let lost = |held: &StoredUser| losses(&sent, held, &managed(&[]), &names());
    assert_eq!(lost(&before), Vec::<String>::new());
    assert_eq!(lost(&with(r#"{"limit":0}"#)), [r#"settings is {"limit":0}, not {"limit":500}"#]);
    assert_eq!(lost(&with("null")), [r#"settings is gone, it was {"limit":500}"#]);
    assert!(unsent(&before, &names()).unwrap().contains(&"settings".to_owned()));
    let grown = resource(r#"{"type":"users","id":"a","settings":{"limit":500},"attributes":{"limit":5000000}}"#);
    assert_eq!(lost(&grown), ["limit is 5000000, not 5"]);
}

#[test]
fn what_relationships_say_beside_their_ids_is_compared_too() {
    let with = |manager: &str, assistant: &str| {
        let relationships = format!(r#""manager":{manager},"assistant":{assistant}"#);
        resource(&format!(r#"{{"type":"users","id":"a","attributes":{{}},"relationships":{{{relationships}}}}}"#))
    };
    let manager = r#"{"data":{"type":"users","id":"m","meta":{"seat":5}},"meta":{"n":1},"links":{"self":"x"}}"#;
    let assistant = r#"{"data":{"type":"users","id":"q"},"meta":{"n":2}}"#;
    let before = with(manager, assistant);
    let sent = overlay(&before, &[], &names()).unwrap();
    for (manager, assistant, expected) in [
        (manager, assistant, vec![]),
        (r#"{"data":{"type":"users","id":"other","meta":{"seat":5}},"meta":{"n":1}}"#, assistant, vec![]),
        (
            r#"{"data":{"type":"users","id":"m"},"meta":{"n":2}}"#,
            r#"{"data":{"type":"users","id":"q"}}"#,
            vec![
                r#"assistant.meta is gone, it was {"n":2}"#,
                r#"manager.data.meta is gone, it was {"seat":5}"#,
                r#"manager.meta is {"n":2}, not {"n":1}"#,
            ],
        ),
    ] {
        let managed = Managed { manager: true, ..managed(&[]) };
        assert_eq!(losses(&sent, &with(manager, assistant), &managed, &names()), expected);
    }
    let cleared = overlay(&before, &[change(Field::Manager, None)], &names()).unwrap();
    assert_eq!(losses(&cleared, &with(r#"{"data":null}"#, assistant), &managed(&[]), &names()), Vec::<String>::new());
}

#[test]
fn a_resource_is_one_line_of_json_and_comes_back() {
    let anna = resource(ANNA);
    let line = serde_json::to_string(&anna).unwrap();
    assert!(!line.contains('\n') && line.contains("123456789012345678901234567890,"), "{line}");
    assert_eq!(serde_json::from_str::<StoredUser>(&line).unwrap(), anna);
    assert!(serde_json::from_str::<StoredUser>(r#"{"type":"users"}"#).is_err());
}

#[test]
fn users_of_one_branch_share_its_id() {
    let mut users = [
        user_row(resource(ANNA).raw().get(), &managed(&[]), &names()).unwrap(),
        user_row(resource(ANNA).raw().get(), &managed(&[]), &names()).unwrap(),
    ];
    let mut share = ShareRepeated::default();
    users.iter_mut().for_each(|user| share.share(user));
    let [a, b] = users.map(|user| user.branch.unwrap());
    assert!(std::ptr::eq(a.as_str(), b.as_str()));
}
