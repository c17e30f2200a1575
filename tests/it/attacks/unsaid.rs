//! What the account and the settings tell of who is protected: a plan that does not say it is refused, even if the lists say
//! all that it does.

use serde_json::{Value, json};
use skovik_sync::plan::{Content, Diagnostic, Plan};

use crate::company::{Company, admin, row, user};
use crate::harness::Output;
use crate::world::{Pace, World};

/// An approved plan of a company with an admin and two others, one of whom leaves; the settings name these as protected, and
/// the account shows these roles of each.
async fn planned(protect: &str, roles: [Option<&str>; 3]) -> World {
    let rows = [row(0, None), row(1, Some(0))];
    let mut users: Vec<Value> = vec![admin()];
    users.extend(rows.iter().enumerate().map(|(number, row)| user(number, row, number.checked_sub(1))));
    for (user, role) in users.iter_mut().zip(roles) {
        let attributes = user["attributes"].as_object_mut().expect("attributes");
        match role {
            Some(role) => drop(attributes.insert("roles".to_owned(), json!([role]))),
            None => drop(attributes.remove("roles")),
        }
    }
    let company = Company::of(&users, &[rows[0].clone(), row(2, Some(0))]);
    let world = World::faulty(&company, Pace::default(), &[]).await;
    let settings = std::fs::read_to_string(world.path("skovik-sync.toml")).expect("settings");
    let named = settings.replace("protect = [\"role:admin\"]", protect);
    assert!(named != settings, "{settings}");
    std::fs::write(world.path("skovik-sync.toml"), named).expect("written");
    world.plan("plan.json").await;
    world
}

/// Alters the plan, hashes and approves it anew, and applies it.
async fn applied(world: &World, alter: impl FnOnce(&mut Content)) -> Output {
    let mut content = world.read_plan("plan.json").content().clone();
    alter(&mut content);
    let plan = Plan::seal(content).expect("a hash");
    plan.write(std::fs::File::create(world.path("plan.json")).expect("made")).expect("written");
    let args = ["approve", "plan.json", "--yes", "--approver", "eve", "--allow", "deletes=9", "--allow", "changes=9"];
    let approved = world.run(&[&args[..], &["--allow", "creates=9"]].concat()).await;
    assert_eq!(approved.code, Some(0), "{approved:?}");
    world.apply().await
}

#[tokio::test]
async fn a_plan_says_who_is_not_protected() {
    let everybody = Some("employee");
    for (code, protect, roles) in [
        (
            "protect_matches_nobody",
            "protect = [\"role:admin\", \"ghost@example.com\"]",
            [Some("admin"), everybody, everybody],
        ),
        ("admins_not_told", "", [None, None, None]),
        ("roles_not_told", "", [Some("admin"), everybody, None]),
        ("no_admin", "", [everybody, everybody, everybody]),
    ] {
        let world = planned(protect, roles).await;
        let is_it = |content: &Content| content.diagnostics.iter().position(|found| found.code == code);
        let place = is_it(world.read_plan("plan.json").content()).expect(code);
        let honest = std::fs::read(world.path("plan.json")).expect("a plan");
        let refused = applied(&world, |content| drop(content.diagnostics.remove(place))).await;
        let says = format!("the plan does not say so ({code})");
        assert!(refused.code == Some(7) && refused.stderr.contains(&says), "{code}: {refused:?}");
        std::fs::write(world.path("plan.json"), &honest).expect("written");
        let of_somebody = |found: &mut Diagnostic| found.employee = Some("1000".to_owned());
        let in_other_words = |found: &mut Diagnostic| found.message = "all is well with 1 of 3".to_owned();
        for alter in [of_somebody, in_other_words] {
            let altered = |content: &mut Content| {
                alter(&mut content.diagnostics[place]);
                content.diagnostics.sort();
            };
            let refused = applied(&world, altered).await;
            assert!(refused.code == Some(7) && refused.stderr.contains(&says), "{code}: {refused:?}");
            assert_eq!(world.writes().len(), 0, "{code}");
            std::fs::write(world.path("plan.json"), &honest).expect("written");
        }
        let ended = applied(&world, |_| ()).await;
        assert_eq!(ended.code, Some(0), "{code}: {ended:?}");
    }
}
