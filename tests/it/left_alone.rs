//! Who is left alone, while everybody else goes on.

use std::fs;

use crate::house::{House, people};

/// The plan makes four people: one who is protected and reports to another one of them, another one who is protected, and
/// one who is not.
#[test]
fn an_undo_leaves_out_whom_the_plan_made_and_the_settings_protect() {
    let mut all = people("SE01", 20);
    all[17].manager = Some(all[16].identifier.clone());
    let protect = format!("[scope]\nprotect = [\"role:admin\", {:?}, {:?}]\n", all[17].identifier, all[18].identifier);
    let house = House::new(&all, &all[..16], &protect, &[]);
    house.run(&["plan"]).ends(0).prints(&["4 to create"]);
    house.carry_out("plan.json").ends(0);
    let undone = house.run(&["undo", "plan.json", "-o", "undo.json"]).ends(0);
    assert!(undone.stdout.contains("1 to delete"), "{undone}");
    let undo = house.json("undo.json");
    let diagnostics = undo["diagnostics"].to_string();
    assert_eq!(diagnostics.matches("[scope] protect protects them now").count(), 2, "{undone}");
    assert_eq!(diagnostics.matches("undo_left_out").count(), 3, "{undone}");
    // One of 18 people who may be changed: whoever is protected is in neither number.
    let deletes = undo["guards"].as_array().expect("guards").iter().find(|guard| guard["id"] == "max_delete_percent");
    let deletes = deletes.expect("the guard");
    assert_eq!((&deletes["count"], &deletes["of"]), (&1.into(), &18.into()), "{deletes}");
    let before = house.writes().len();
    house.carry_out("undo.json").ends(0);
    assert_eq!(house.writes().len(), before + 1);
    house.run(&["plan"]).ends(0).prints(&["1 to create"]);
}

/// An undo does not know whom somebody has put under protection since.
#[test]
fn an_undo_leaves_alone_who_has_become_protected_since_and_takes_back_the_rest() {
    let all = people("SE01", 20);
    let mut listed = all.clone();
    for person in &mut listed[3..5] {
        "Kim".clone_into(&mut person.first_name);
    }
    let house = House::new(&listed, &all, "[scope]\nprotect = [\"role:admin\", \"*@root.example\"]\n", &[]);
    house.run(&["plan"]).ends(0).prints(&["2 to update"]);
    house.carry_out("plan.json").ends(0);
    house.run(&["undo", "plan.json", "-o", "undo.json"]).ends(0).prints(&["2 to update"]);
    house.edit_user(&all[3].identifier, "primary_email", "p3@root.example");
    let before = house.writes().len();
    let ran = house.carry_out("undo.json").ends(9);
    assert!(ran.stdout.contains("is protected now"), "{ran}");
    assert_eq!(house.writes().len(), before + 1, "the other one is taken back");
}

/// Settings that do not manage managers.
fn without_managers(house: &House) {
    let settings = house.read("skovik-sync.toml");
    let settings = settings.replacen("manager = \"{{ hr.manager }}\"\n", "", 1);
    assert!(!settings.contains("hr.manager"), "{settings}");
    let guards = "[guard]\nwindow = \"0s\"\nmax_delete_percent = 100\nmax_change_percent = 100\n";
    fs::write(house.path("skovik-sync.toml"), settings + guards).expect("written");
}

#[test]
fn people_who_report_to_one_another_are_deleted_in_order_if_managers_are_not_managed() {
    let mut all = people("SE01", 8);
    all[5].manager = Some(all[6].identifier.clone());
    all[6].manager = Some(all[7].identifier.clone());
    for door in ["kind = \"skovik\"", "kind = \"scim\"\nremove = \"delete\""] {
        let house = House::new(&all[..5], &all, "", &[]);
        without_managers(&house);
        if door.contains("scim") {
            // Here branches are not managed either, and nobody lists them.
            let settings = house.read("skovik-sync.toml").replacen("kind = \"skovik\"", door, 1);
            let settings = settings.replacen("/v1\"", "/scim/v2\"", 1);
            let settings = settings.replacen("branch = \"{{ hr.branch }}\"\n", "", 1);
            fs::write(house.path("skovik-sync.toml"), settings).expect("written");
        }
        house.run(&["plan"]).ends(0).prints(&["3 to delete"]);
        house.carry_out("plan.json").ends(0);
        house.run(&["undo", "plan.json", "-o", "undo.json"]).ends(0).prints(&["3 to create"]);
        house.carry_out("undo.json").ends(0);
        house.run(&["undo", "undo.json", "-o", "again.json"]).ends(0).prints(&["3 to delete"]);
        house.carry_out("again.json").ends(0);
        assert!(house.run(&["plan"]).ends(0).stdout.contains("No changes"), "{door}");
    }
}

#[test]
fn nobody_is_created_again_under_a_manager_who_is_not_if_managers_are_not_managed() {
    let mut all = people("SE01", 8);
    all[6].manager = Some(all[7].identifier.clone());
    all[7].unlinked = true;
    let house = House::new(&all[..6], &all, "[scope]\nremove = \"all\"\n", &[]);
    without_managers(&house);
    house.run(&["plan"]).ends(0).prints(&["2 to delete"]);
    house.carry_out("plan.json").ends(0);
    house.run(&["undo", "plan.json", "-o", "undo.json"]).ends(0).prints(&["1 to create"]);
    let diagnostics = house.json("undo.json")["diagnostics"].to_string();
    assert!(diagnostics.contains("undo_impossible") && diagnostics.contains("gets no manager"), "{diagnostics}");
    house.carry_out("undo.json").ends(0);
}

/// The account has two branches, and a user without one in each of the two cases.
#[test]
fn nobody_is_taken_back_into_no_branch() {
    let listed = people("SE01", 12);
    let mut all = listed.clone();
    for person in &mut all[10..] {
        person.branch = "";
        "Kim".clone_into(&mut person.first_name);
    }
    let house = House::new(&listed[..11], &all, "", &[]);
    house.run(&["plan"]).ends(0).prints(&["1 to update", "1 to delete"]);
    house.carry_out("plan.json").ends(0);
    house.run(&["undo", "plan.json", "-o", "undo.json"]).ends(0).prints(&["1 to update", "0 to create"]);
    let diagnostics = house.json("undo.json")["diagnostics"].to_string();
    assert!(diagnostics.contains("keeps branch") && diagnostics.contains("they had no branch"), "{diagnostics}");
    house.carry_out("undo.json").ends(0);
    let user = house.user(&all[10].identifier);
    assert_eq!(user["data"]["attributes"]["first_name"], "Kim", "the rest is taken back");
    assert_eq!(user["data"]["relationships"]["branch"]["data"]["id"], "se01");
}

/// The identifier and the e-mail come from a directory, in which the row is there twice, and the name has changed.
#[test]
fn whoever_is_set_aside_is_not_deleted_under_another_name() {
    let all = people("SE01", 10);
    let house = House::new(&all, &all, "", &[]);
    let directory: String =
        all.iter().map(|person| format!("{0},{0},{1}\n", person.identifier, person.email)).collect();
    let own = format!("{0},{0},{1}\n", all[8].identifier, all[8].email);
    let settings = house
        .read("skovik-sync.toml")
        .replace("[employee]", "[[source]]\nname = \"ad\"\nkind = \"csv\"\npath = \"ad.csv\"\nkey = \"k\"\n[employee]")
        .replace("{{ hr.id }}", "{{ ad.num }}")
        .replace("{{ hr.mail }}", "{{ ad.mail }}");
    fs::write(house.path("skovik-sync.toml"), settings).expect("written");
    let with = |directory: &str| fs::write(house.path("ad.csv"), format!("k,num,mail\n{directory}")).expect("written");
    let mut renamed = all.clone();
    "Kim".clone_into(&mut renamed[8].first_name);
    house.list(&renamed);
    with(&directory);
    house.run(&["plan"]).ends(0).prints(&["1 to update", "0 to delete"]);
    for (directory, code) in [
        (format!("{directory}{own}"), "key_claimed_twice"),
        (directory.replace(&own, &own.replacen("SE01-8", "SE01-\u{200b}8", 1)), "template_failed"),
    ] {
        with(&directory);
        let planned = house.run(&["plan"]).ends(0);
        assert!(planned.stdout.contains("No changes. 9 unchanged. 1 set aside."), "{planned}");
        let told = house.read("plan.json");
        assert!(told.contains("delete_withheld") && told.contains(code), "{told}");
    }
    // In the list, somebody has the key of somebody else: the directory says that they are one person.
    with(&directory);
    let list = house.read("people.csv");
    fs::write(house.path("people.csv"), list.replace("SE01-8,Kim", "SE01-7,Kim")).expect("written");
    let planned = house.run(&["plan"]).ends(0);
    assert!(planned.stdout.contains("No changes. 8 unchanged. 2 set aside."), "{planned}");
    fs::write(house.path("people.csv"), list).expect("written");
    // In the directory, somebody has the key of somebody else, and is preferred.
    let settings = house.read("skovik-sync.toml");
    let preferring = settings.replace("path = \"ad.csv\"\n", "path = \"ad.csv\"\nprefer = \"num == 'SE01-8'\"\n");
    fs::write(house.path("skovik-sync.toml"), preferring).expect("written");
    with(&directory.replace(&own, &own.replacen("SE01-8", "SE01-7", 1)));
    let planned = house.run(&["plan"]).ends(0);
    assert!(planned.stdout.contains("No changes. 8 unchanged. 2 set aside."), "{planned}");
    fs::write(house.path("skovik-sync.toml"), settings).expect("written");
    // The key is missing in the list, and the directory has a row that belongs to nobody.
    with(&directory);
    let text = house.read("people.csv").replace("SE01-8,Kim", ",Kim");
    fs::write(house.path("people.csv"), text).expect("written");
    let planned = house.run(&["plan"]).ends(0);
    assert!(planned.stdout.contains("No changes. 9 unchanged. 1 set aside."), "{planned}");
}

/// The account had no users, so that nothing in the plan tells the account by them.
#[test]
fn the_first_plan_of_an_account_is_taken_back_as_far_as_it_can_be() {
    let mut all = people("SE01", 3);
    all[0].manager = Some(all[1].identifier.clone());
    let house = House::new(&all, &[], "", &[]);
    house.run(&["plan"]).ends(0).prints(&["3 to create"]);
    house.run(&["approve", "plan.json", "--yes"]).ends(0);
    house.run(&["apply", "plan.json"]).ends(0);
    let undone = house.run(&["undo", "plan.json", "-o", "undo.json"]);
    assert!(undone.stdout.contains("1 to delete") && undone.stdout.contains("undo_left_out"), "{undone}");
    house.run(&["approve", "undo.json", "--yes", "--allow", "deletes=1", "--allow", "changes=1"]).ends(0);
    house.run(&["apply", "undo.json"]).ends(0);
    house.run(&["plan"]).ends(0).prints(&["1 to create"]);
}
