use super::*;

#[test]
fn fields_are_made_of_their_values_again() {
    let branch = BranchRef { branch_id: "b1".into(), external_identifier: None, name: "Example AB".into() };
    let manager = UserRef { user_id: "u1".into(), employee: None, name: "Eva Ek".into() };
    let text = CustomValue::Text("4100".into());
    let all = Fields {
        external_identifier: Some("1001".into()),
        primary_email: "anna@example.com".into(),
        first_name: "Anna".into(),
        last_name: "Berg".into(),
        branch: Some(Some(branch)),
        manager: Some(Some(ManagerRef::User(manager))),
        custom_fields: [("a".into(), Some(text)), ("b".into(), Some(CustomValue::Boolean(false)))].into(),
    };
    let without = Fields {
        external_identifier: None,
        branch: Some(None),
        manager: Some(None),
        custom_fields: [("a".into(), None)].into(),
        ..all.clone()
    };
    let unmanaged = Fields { branch: None, manager: None, custom_fields: BTreeMap::new(), ..all.clone() };
    for fields in [all, without, unmanaged] {
        assert_eq!(Fields::of_values(fields.values()), fields);
    }
}

#[test]
fn a_value_of_another_kind_is_no_value() {
    let manager = UserRef { user_id: "u1".into(), employee: None, name: "".into() };
    let manager = Some(Value::Manager(ManagerRef::User(manager)));
    let of = |field: Field| Fields::of_values([(field, manager.clone())]);
    assert_eq!(of(Field::FirstName).first_name, "");
    assert_eq!(of(Field::Branch).branch, Some(None));
    assert_eq!(of(Field::Custom("a".into())).custom_fields, [("a".into(), None)].into());
}
