//! Labels are not keys: whatever a plan shows is what its ids name in Skovik, or nothing is written. Each plan here was
//! made by hand out of a good one, hashed anew, and approved.

use skovik_sync::employee::CustomFieldId;
use skovik_sync::plan::{
    Action, Anchors, BranchRef, Content, Digest, Field, ManagerRef, Operation, Plan, UserRef, Value,
};

use crate::company::every_step;
use crate::world::{Pace, World};

/// Applies a plan that was altered; gives the exit code and what was said.
async fn apply(alter: impl FnOnce(&mut Content)) -> (i32, String) {
    let world = World::faulty(&every_step(), Pace::default(), &[]).await;
    let mut content = world.plan("plan.json").await.content().clone();
    alter(&mut content);
    let plan = Plan::seal(content).expect("a hash");
    plan.write(std::fs::File::create(world.path("plan.json")).expect("made")).expect("written");
    let approved = world
        .run(&["approve", "plan.json", "--yes", "--approver", "eve", "--allow", "deletes=9", "--allow", "changes=9"])
        .await;
    let ended = match approved.code {
        Some(0) => world.apply().await,
        _ => approved,
    };
    assert_eq!(world.writes().len(), 0, "{ended:?}");
    (ended.code.expect("a code"), ended.stderr)
}

fn operation(content: &mut Content, which: impl Fn(&Operation) -> bool) -> &mut Operation {
    content.operations.iter_mut().find(|operation| which(operation)).expect("such an operation")
}

fn of<'a>(content: &'a mut Content, identifier: &str) -> &'a mut Operation {
    operation(content, |operation| operation.employee.as_ref().is_some_and(|who| who.as_str() == identifier))
}

/// The id and the hash of a user who is in no operation.
async fn bystander() -> (String, Digest) {
    let world = World::faulty(&every_step(), Pace::default(), &[]).await;
    // The e-mail and the hash of somebody are what a plan about them has.
    let text = std::fs::read_to_string(world.path("employees.csv")).expect("a list");
    std::fs::write(world.path("employees.csv"), text.replace("First6,", "Other6,")).expect("written");
    let plan = world.plan("plan.json").await;
    let operation = plan.content().operations.iter().find(|operation| operation.name == "Other6 Last6");
    match &operation.expect("an update").action {
        Action::Update { user_id, before_hash, .. } => (user_id.to_string(), *before_hash),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_update_hits_whom_it_shows() {
    let (id, hash) = bystander().await;
    let (code, said) = apply(|content| {
        let Action::Update { user_id, before_hash, .. } = &mut of(content, "1007").action else { panic!("no update") };
        (*user_id, *before_hash) = (id.as_str().into(), hash);
    })
    .await;
    assert_eq!(code, 7, "{said}");
    assert!(said.contains("shows the user") && said.contains("1006 First6 Last6"), "{said}");
}

#[tokio::test]
async fn a_delete_hits_whom_it_shows() {
    let (id, hash) = bystander().await;
    // The hash of what is shown no longer fits: not even a plan.
    let (code, said) = apply(|content| {
        let Action::Delete { user_id, before_hash, .. } = &mut of(content, "1002").action else { panic!("no delete") };
        (*user_id, *before_hash) = (id.as_str().into(), hash);
    })
    .await;
    assert_eq!(code, 8, "{said}");
    let (code, said) = apply(|content| {
        let Action::Delete { user_id, .. } = &mut of(content, "1002").action else { panic!("no delete") };
        *user_id = id.as_str().into();
    })
    .await;
    assert_eq!(code, 7, "{said}");
    // Another identifier or name over the right ids.
    for alter in [(|operation| operation.name = "Somebody Else".into()) as fn(&mut Operation), |operation| {
        operation.employee = Some("1999".into())
    }] {
        let (code, said) = apply(|content| alter(of(content, "1002"))).await;
        assert_eq!(code, 8, "{said}");
    }
}

#[tokio::test]
async fn a_person_is_shown_under_their_own_name() {
    type Alter = fn(&mut Content);
    let cases: [(&str, i32, Alter); 6] = [
        ("an update's name", 7, |content| of(content, "1007").name = "First6 Last6".into()),
        ("an update's identifier", 7, |content| of(content, "1007").employee = Some("1006".into())),
        ("a create's name", 8, |content| of(content, "1020").name = "Anna Berg".into()),
        ("a create's identifier", 8, |content| of(content, "1020").employee = Some("1006".into())),
        ("a link's name", 8, |content| {
            operation(content, |operation| matches!(operation.action, Action::Link { .. })).name = "Anna".into();
        }),
        ("a new manager's name", 8, |content| {
            for operation in &mut content.operations {
                if let Action::Create { after } = &mut operation.action
                    && let Some(Some(ManagerRef::Create(create))) = &mut after.manager
                {
                    create.name = "Anna Berg".into();
                }
            }
        }),
    ];
    for (what, code, alter) in cases {
        let (found, said) = apply(alter).await;
        assert_eq!(found, code, "{what}: {said}");
    }
}

/// A manager or branch that is shown as another one than its id names, in what is created, changed and removed.
#[tokio::test]
async fn a_reference_is_what_it_shows() {
    let stranger = |shown: &UserRef| UserRef { user_id: "aaaaaaaa0000000000000006".into(), ..shown.clone() };
    let norway = |shown: &BranchRef| BranchRef { branch_id: "br_no".into(), ..shown.clone() };
    let (code, said) = apply(|content| {
        let Action::Create { after } = &mut of(content, "1020").action else { panic!("no create") };
        let Some(Some(ManagerRef::User(manager))) = &mut after.manager else { panic!("no manager") };
        *manager = stranger(manager);
    })
    .await;
    assert!(code == 7 && said.contains("shows the manager"), "{code} {said}");
    let (code, said) = apply(|content| {
        let Action::Create { after } = &mut of(content, "1020").action else { panic!("no create") };
        let Some(Some(branch)) = &mut after.branch else { panic!("no branch") };
        *branch = norway(branch);
    })
    .await;
    assert!(code == 7 && said.contains("shows the branch"), "{code} {said}");
    let (code, said) = apply(|content| {
        let Action::Update { changes, .. } = &mut of(content, "1003").action else { panic!("no update") };
        let change = changes.iter_mut().find(|change| change.field == Field::Branch).expect("a move");
        let (Some(Value::Branch(before)), Some(Value::Branch(after))) = (&change.before, &mut change.after) else {
            panic!("no branches")
        };
        // It shows a move that it does not make.
        (after.name, after.external_identifier) = ("Oslo".into(), before.external_identifier.clone());
    })
    .await;
    assert!(code == 7 && said.contains("shows the branch"), "{code} {said}");
}

#[tokio::test]
async fn what_is_shown_as_it_was_is_as_it_was() {
    let (code, said) = apply(|content| {
        let Action::Update { changes, .. } = &mut of(content, "1004").action else { panic!("no update") };
        changes[0].before = Some(Value::Text("p4.other@example.com".into()));
    })
    .await;
    assert!(code == 7 && said.contains("another value of primary_email"), "{code} {said}");
    let (code, said) = apply(|content| {
        let Action::Update { changes, .. } = &mut of(content, "1007").action else { panic!("no update") };
        let change = changes.iter_mut().find(|change| change.field == Field::Manager).expect("a manager");
        change.before = None;
    })
    .await;
    assert!(code == 7 && said.contains("another value of manager"), "{code} {said}");
}

#[tokio::test]
async fn the_plan_itself_is_called_what_it_is() {
    type Alter = fn(&mut Content);
    let cases: [(&str, i32, Alter); 6] = [
        ("a custom field's name", 8, |content| {
            content.target.custom_fields.insert(CustomFieldId::from("cf_cost"), "Nickname".to_owned());
        }),
        ("the target's address", 8, |content| content.target.url = "https://api.example.com/v1".to_owned()),
        ("the target's kind", 8, |content| content.target.kind = "other".to_owned()),
        ("a source's name", 8, |content| content.sources[0].name = "payroll".to_owned()),
        ("a source's kind", 8, |content| content.sources[0].kind = "sql".to_owned()),
        ("fewer deletes than there are", 8, |content| {
            for guard in &mut content.guards {
                guard.count = 0;
            }
        }),
    ];
    for (what, code, alter) in cases {
        let (found, said) = apply(alter).await;
        assert_eq!(found, code, "{what}: {said}");
    }
    let (code, said) = apply(|content| content.target.anchors = Anchors::default()).await;
    assert_eq!(code, 8, "a plan that could be for any account: {said}");
}

/// Of two operations that give one identifier or e-mail, at most one can be what reviewers saw.
#[tokio::test]
async fn no_two_operations_make_one_person() {
    fn again(content: &mut Content, alter: impl FnOnce(&mut Operation)) {
        let is_create = |operation: &Operation| matches!(operation.action, Action::Create { .. });
        let mut twin = operation(content, is_create).clone();
        twin.id = skovik_sync::plan::OperationId(content.operations.len() as u32 + 1);
        alter(&mut twin);
        content.operations.push(twin);
        content.summary.create += 1;
    }
    fn fields(operation: &mut Operation) -> &mut skovik_sync::plan::Fields {
        let Action::Create { after } = &mut operation.action else { panic!("no create") };
        after
    }
    let (code, said) = apply(|content| again(content, |_| ())).await;
    assert_eq!(code, 8, "{said}");
    assert!(said.contains("gives an external identifier that another one gives"), "{said}");
    let (code, said) = apply(|content| {
        again(content, |twin| {
            twin.employee = Some("9999".into());
            let after = fields(twin);
            after.external_identifier = Some("9999".into());
            after.primary_email = after.primary_email.to_uppercase();
        });
    })
    .await;
    assert_eq!(code, 8, "{said}");
    assert!(said.contains("gives an e-mail that another one gives"), "{said}");
    let (code, said) = apply(|content| {
        again(content, |twin| {
            twin.employee = twin.employee.as_ref().map(|identifier| format!("{identifier} ").as_str().into());
            let after = fields(twin);
            after.external_identifier = after.external_identifier.as_ref().map(|id| format!("{id} ").as_str().into());
            after.primary_email = "other@example.com".into();
        });
    })
    .await;
    assert_eq!(code, 8, "{said}");
    assert!(said.contains("with outer white space"), "{said}");
    let (code, said) = apply(|content| {
        let email = fields(operation(content, |operation| matches!(operation.action, Action::Create { .. })))
            .primary_email
            .clone();
        let Action::Update { changes, .. } = &mut of(content, "1007").action else { panic!("no update") };
        let before = Some(Value::Text("p7@example.com".into()));
        let change = skovik_sync::plan::Change { field: Field::PrimaryEmail, before, after: Some(Value::Text(email)) };
        changes.push(change);
        changes.sort_by(|one, other| one.field.cmp(&other.field));
    })
    .await;
    assert_eq!(code, 8, "{said}");
    assert!(said.contains("gives an e-mail that another one gives"), "{said}");
    let (code, said) = apply(|content| {
        let Action::Update { user_id, changes, .. } = &mut of(content, "1007").action else { panic!("no update") };
        let itself = UserRef { user_id: user_id.clone(), employee: None, name: "".into() };
        let manager = changes.iter_mut().find(|change| change.field == Field::Manager).expect("a new manager");
        manager.after = Some(Value::Manager(ManagerRef::User(itself)));
    })
    .await;
    assert_eq!(code, 8, "{said}");
    assert!(said.contains("makes somebody their own manager"), "{said}");
}
