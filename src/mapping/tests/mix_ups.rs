//! Lists with one wrong number or e-mail, and what becomes of the users: nobody who stays is deleted, and nobody gets the user of
//! somebody else, without a person's decision.

mod wrong_keys;

use super::*;
use crate::diff::Renumber;
use crate::diff::tests::company::{Company, user};
use crate::employee::User;

/// People of whom `hr` has number, names, e-mail, status and date, and `ad` number and e-mail, as templates.
const FROM_HR: &str = "[employee]\nexternal_identifier = \"{{ hr.k }}\"\nprimary_email = \"{{ hr.mail }}\"\nfirst_name = \"{{ hr.first }}\"\nlast_name = \"{{ hr.last }}\"\n";
const MAIL_FROM_AD: &str = "[employee]\nexternal_identifier = \"{{ hr.k }}\"\nprimary_email = \"{{ ad.mail }}\"\nfirst_name = \"{{ hr.first }}\"\nlast_name = \"{{ hr.last }}\"\n";
const ALL_FROM_AD: &str = "[employee]\nexternal_identifier = \"{{ hr.k }}\"\nprimary_email = \"{{ ad.mail }}\"\nfirst_name = \"{{ ad.first }}\"\nlast_name = \"{{ ad.last }}\"\n";
const PREFER: &str = "prefer = { greatest = \"start\" }\n";
const IN_SCOPE: &str = "[scope]\ninclude = \"hr.status == 'in'\"\n";

/// Two lists.
struct Lists<'a> {
    hr: &'a str,
    ad: &'a str,
    prefer: &'a str,
    settings: String,
}

impl Lists<'_> {
    fn company(&self, users: Vec<User>) -> Company {
        let sources = source("hr", "csv", "hr", "k") + self.prefer + &source("ad", "csv", "ad", "k");
        let hr = format!("k,first,last,mail,status,start\n{}", self.hr);
        let ad = format!("k,mail,first,last\n{}", self.ad);
        let fixture = Fixture::new(&sources, &[("hr", hr.as_bytes()), ("ad", ad.as_bytes())]);
        let (_folder, settings) = fixture.into_parts(&self.settings);
        let mut company = Company::new(Vec::new(), users);
        let rules = Mapper::new(&settings).resolve(&company.directory.branches, &[]).unwrap();
        company.desired = rules.employees(&read(&settings).unwrap()).unwrap();
        company.policy.managed = rules.managed().clone();
        company.directory.users.iter_mut().for_each(|user| (user.branch, user.custom_fields) = (None, [].into()));
        company
    }

    fn plan(&self, users: &[User]) -> Vec<String> {
        self.company(users.to_vec()).summary().lines().map(str::to_owned).collect()
    }
}

fn anna_berg() -> User {
    user("a", Some("1001"), "anna.berg@x.se", None)
}

fn anna_lund() -> User {
    user("l", Some("1006"), "anna.lund@x.se", None)
}

/// Anna Lund's number is typed as Anna Berg's, and `prefer` takes Anna Berg's record.
#[test]
fn the_name_of_a_record_that_is_passed_over_keeps_its_user() {
    let users = [anna_berg(), anna_lund()];
    for settings in [FROM_HR, MAIL_FROM_AD] {
        for other in ["Anna,Lund", "Ben,Berg"] {
            let hr = format!("1001,Anna,Berg,anna.berg@x.se,in,2024-01-01\n1001,{other},,in,2020-01-01\n");
            let ad = "1001,anna.berg@x.se,,\n1006,anna.lund@x.se,,\n";
            let lists = Lists { hr: &hr, ad, prefer: PREFER, settings: settings.to_owned() };
            let name = other.replace(',', ".").to_lowercase();
            let users = [users[0].clone(), user("l", Some("1006"), &format!("{name}@x.se"), None)];
            assert_eq!(lists.plan(&users), ["delete_withheld 1006"], "{other}: {settings}");
        }
    }
    // A namesake who works as well does not matter.
    let hr = "1001,Anna,Berg,anna.berg@x.se,in,2024-01-01\n1006,Anna,Lund,anna.lund@x.se,in,2024-01-01\n1006,Anna,Berg,,in,2020-01-01\n";
    let namesakes = [
        users[0].clone(),
        users[1].clone(),
        User { id: "o".into(), identifier: Some("1013".into()), email: "anna2@x.se".into(), ..anna_berg() },
    ];
    let lists = Lists { hr, ad: "", prefer: PREFER, settings: FROM_HR.to_owned() };
    assert_eq!(lists.plan(&namesakes), ["delete_withheld 1013"]);
    // Whoever has two employments has one name, and a namesake who has left is deleted.
    let hr = "1001,Anna,Berg,anna.berg@x.se,in,2024-01-01\n1001,Anna,Berg,,in,2020-01-01\n";
    let namesake = [
        users[0].clone(),
        User { id: "n".into(), identifier: Some("1006".into()), email: "anna2@x.se".into(), ..anna_berg() },
    ];
    let lists = Lists { hr, ad: "", prefer: PREFER, settings: FROM_HR.to_owned() };
    assert_eq!(lists.plan(&namesake), ["1 delete 1006 n (in no source)"]);
}

/// A newcomer's number is typed as that of Anna Berg, whose record is passed over.
#[test]
fn a_record_that_is_passed_over_keeps_its_user_from_a_newcomer() {
    for (newcomer, settings) in [
        ("Anna,Stark,anna.stark@x.se", FROM_HR),
        ("Anna,Stark,anna.stark@x.se", MAIL_FROM_AD),
        ("Zoe,Berg,zoe.berg@x.se", MAIL_FROM_AD),
    ] {
        let hr = format!("1001,Anna,Berg,anna.berg@x.se,in,2020-01-01\n1001,{newcomer},in,2026-01-01\n");
        let lists = Lists { hr: &hr, ad: "1001,anna.berg@x.se,,\n", prefer: PREFER, settings: settings.to_owned() };
        assert_eq!(lists.plan(&[anna_berg()]), ["identifier_reused 1001"], "{newcomer}: {settings}");
    }
    // Who has another last name in the newer record, and the same e-mail, has married.
    let hr = "1001,Anna,Berg,anna.berg@x.se,in,2020-01-01\n1001,Anna,Stark,anna.berg@x.se,in,2026-01-01\n";
    let lists = Lists { hr, ad: "", prefer: PREFER, settings: FROM_HR.to_owned() };
    assert_eq!(lists.plan(&[anna_berg()]), ["1 update 1001 a, last_name: Berg → Stark"]);
}

/// Karl has left; his record is still in the list, outside the scope.
#[test]
fn a_record_outside_the_scope_keeps_its_user_from_a_newcomer() {
    let settings = format!("{FROM_HR}{IN_SCOPE}");
    let karl = "1009,Karl,Weiss,karl.weiss@x.se,left,2020-01-01\n";
    let user_of_karl = |identifier: Option<&str>| user("k", identifier, "karl.weiss@x.se", None);
    let plan = |newcomer: &str, identifier: Option<&str>, renumber: Renumber| {
        let hr = format!("{karl}{newcomer},in,2026-01-01\n");
        let lists = Lists { hr: &hr, ad: "", prefer: "", settings: settings.clone() };
        let mut company = lists.company(vec![user_of_karl(identifier)]);
        company.policy.renumber = renumber;
        company.summary().lines().map(str::to_owned).collect::<Vec<_>>()
    };
    for newcomer in ["1009,Karl,Stark,karl.stark@x.se", "1009,Zoe,Weiss,zoe.weiss@x.se"] {
        assert_eq!(plan(newcomer, Some("1009"), Renumber::Ask), ["identifier_reused 1009"], "{newcomer}");
    }
    let with_his_email = "2012,Zoe,Quist,karl.weiss@x.se";
    for with_his_email in [with_his_email, "2012,Zoe,Weiss,karl.weiss@x.se", "2012,Karl,Quist,karl.weiss@x.se"] {
        assert_eq!(plan(with_his_email, None, Renumber::Ask), ["email_taken 2012"], "{with_his_email}");
        let renumbered = plan(with_his_email, Some("1009"), Renumber::SamePerson);
        assert_eq!(renumbered, ["renumbering_undecided 2012"], "{with_his_email}");
    }
    // An earlier record of the same person is no other one.
    let earlier = "2012,Karl,Weiss,karl.weiss@x.se,left,2019-01-01\n2012,Karl,Quist,karl.weiss@x.se";
    let adopted = Lists { hr: &format!("{earlier},in,2026-01-01\n"), ad: "", prefer: "", settings: settings.clone() };
    assert!(adopted.plan(&[user_of_karl(None)])[0].starts_with("1 update 2012 k"));
}

/// Two first names and two e-mails are two people, also with one last name.
#[test]
fn who_has_another_first_name_and_another_e_mail_is_somebody_else() {
    let plan = |record: &str| {
        let hr = format!("1001,{record},in,2026-01-01\n");
        Lists { hr: &hr, ad: "", prefer: "", settings: FROM_HR.to_owned() }.plan(&[anna_berg()])
    };
    assert_eq!(plan("Greta,Berg,greta.berg@x.se"), ["identifier_reused 1001"]);
    assert_eq!(plan("Greta,Berg,anna.berg@x.se"), ["1 update 1001 a, first_name: Anna → Greta"]);
    assert_eq!(plan("Berg,Anna Maria,am.berg@x.se").len(), 1, "first and last name are exchanged");
    assert!(plan("Berg,Anna Maria,am.berg@x.se")[0].contains("update"));
    // A family name that is made of a first name, and first names that are written with one letter.
    for stranger in ["Karin,Annasson,k.annasson@x.se", "P.,Berg,p.berg@x.se", "Maria,Anna,maria.anna@x.se"] {
        assert_eq!(plan(stranger), ["identifier_reused 1001"], "{stranger}");
    }
    for same in ["A.,Berg,a.berg@x.se", "Anna-Karin,Berg,ak.berg@x.se", "Annabel,Berg,annabel.berg@x.se"] {
        assert!(plan(same)[0].contains("1 update 1001 a"), "{same}: {:?}", plan(same));
    }
}

/// Two of one name: the number of the employee is typed as the leaver's, whose row is outside the scope and has the employee's.
#[test]
fn the_name_and_e_mail_of_a_user_are_those_of_a_record_outside_the_scope() {
    let (employee, mut leaver) = (anna_berg(), user("z", Some("1009"), "anna.berg2@x.se", None));
    (leaver.first_name, leaver.last_name) = ("Anna".into(), "Berg".into());
    let hr = "1009,Anna,Berg,anna.b@x.se,in,2026-01-01\n1001,Anna,Berg,anna.berg2@x.se,out,2026-01-01\n";
    let lists = |hr| Lists { hr, ad: "", prefer: "", settings: format!("{FROM_HR}{IN_SCOPE}") };
    let planned = lists(hr).plan(&[employee.clone(), leaver.clone()]);
    assert!(planned.contains(&"identifier_reused 1009".to_owned()), "{planned:?}");
    assert!(!planned.iter().any(|line| line.contains("delete 1001") || line.contains("update")), "{planned:?}");
    // The same e-mail, and a part of the name.
    let hr = "1001,Eva,Berg,anna.berg@x.se,in,2026-01-01\n4699,Anna,Berg,anna.berg@x.se,out,2026-01-01\n";
    assert_eq!(lists(hr).plan(std::slice::from_ref(&employee)), ["identifier_reused 1001"]);
    // An ended contract under the same number says nothing against a new e-mail.
    let own = "1009,Anna,Berg,anna.b@x.se,in,2026-01-01\n1009,Anna,Berg,anna.berg2@x.se,out,2025-01-01\n";
    let planned = lists(own).plan(&[leaver]);
    assert!(planned.iter().any(|line| line.contains("update 1009")), "{planned:?}");
}

/// The number of a newcomer is typed as that of a leaver, whose row the directory still has: number and e-mail agree.
#[test]
fn an_e_mail_that_comes_by_the_number_tells_nothing() {
    let plan = |record: &str, settings: &str| {
        let hr = format!("1001,{record},,in,2026-01-01\n");
        Lists { hr: &hr, ad: "1001,anna.berg@x.se,,\n", prefer: "", settings: settings.to_owned() }.plan(&[anna_berg()])
    };
    assert_eq!(plan("Zoe,Quist", MAIL_FROM_AD), ["identifier_reused 1001"]);
    let in_one_list = plan("Zoe,Quist", &FROM_HR.replace("{{ hr.mail }}", "anna.berg@x.se"));
    assert_eq!(in_one_list, ["1 update 1001 a, first_name: Anna → Zoe, last_name: Berg → Quist"]);
    // In another script, the same name may have no word in common.
    assert_eq!(plan("安娜,山", MAIL_FROM_AD), ["1 update 1001 a, first_name: Anna → 安娜, last_name: Berg → 山"]);
}

/// `include` asks the directory, and one of the two keys is wrong.
#[test]
fn who_is_outside_the_scope_by_a_wrong_key_is_not_deleted() {
    let users = [anna_berg(), anna_lund()];
    let include = "[scope]\ninclude = \"ad.first is defined\"\n";
    let plan = |numbers: [&str; 2], templates: &str| {
        let [in_hr, in_ad] = numbers;
        let hr = format!("1001,Anna,Berg,anna.berg@x.se,in,\n{in_hr},Anna,Lund,anna.lund@x.se,in,\n");
        let ad = format!("1001,anna.berg@x.se,x,\n{in_ad},anna.lund@x.se,x,\n");
        Lists { hr: &hr, ad: &ad, prefer: "", settings: format!("{templates}{include}") }.plan(&users)
    };
    assert_eq!(plan(["1006", "10006"], MAIL_FROM_AD), ["delete_withheld 1006"]);
    assert_eq!(plan(["10006", "1006"], MAIL_FROM_AD), ["delete_withheld 1006"]);
    // The directory does not say who anybody is, and has one key twice.
    assert_eq!(plan(["1006", "1001"], FROM_HR), ["key_claimed_twice 1001", "delete_withheld 1006"]);
    // What the first list says is in another list's hands: the record may be of anybody who is named there.
    assert_eq!(
        plan(["7777", "1006"], &ALL_FROM_AD.replace("ad.first", "ad.first | default('')")),
        ["name_missing 1001", "delete_withheld 1006"]
    );
    // The directory does not say who anybody is, and has no record with a number that is wrong.
    let hr = "1001,Anna,Berg,anna.berg@x.se,in,\n7711,Anna,Lund,anna.lund@x.se,in,\n";
    let lists = Lists { hr, ad: "1001,,x,\n1006,,x,\n", prefer: "", settings: format!("{FROM_HR}{include}") };
    assert_eq!(lists.plan(&users), ["delete_withheld 1006"]);
    // Whose number the directory has lost has left all the same, if the first list says so.
    let hr = "1001,Anna,Berg,anna.berg@x.se,in,\n1006,Anna,Lund,anna.lund@x.se,left,\n";
    let settings = format!("{MAIL_FROM_AD}{IN_SCOPE}");
    let lists = Lists { hr, ad: "1001,anna.berg@x.se,,\n,anna.lund@x.se,,\n", prefer: "", settings };
    assert_eq!(lists.plan(&users), ["1 delete 1006 l (outside the scope)"]);
    let settings = format!("{MAIL_FROM_AD}[scope]\ninclude = \"hr.status == 'in' and ad.mail is defined\"\n");
    let lists = Lists { hr, ad: "1001,anna.berg@x.se,,\nX1,anna.lund@x.se,,\n", prefer: "", settings };
    assert_eq!(lists.plan(&users), ["1 delete 1006 l (outside the scope)"]);
    // Whoever has left has no half of a record.
    let hr = "1001,Anna,Berg,anna.berg@x.se,in,\n1006,Anna,Lund,anna.lund@x.se,in,\n";
    let lists = Lists { hr, ad: "1001,anna.berg@x.se,x,\n", prefer: "", settings: format!("{MAIL_FROM_AD}{include}") };
    assert_eq!(lists.plan(&users), ["1 delete 1006 l (outside the scope)"]);
}

/// Eva Moe is Eva Stark now, and her number or e-mail is somebody else's.
#[test]
fn who_has_a_new_name_and_the_number_of_somebody_else_is_not_deleted() {
    let users = [
        user("e", Some("1005"), "eva.moe@x.se", None),
        user("b", Some("1002"), "ben.holm@x.se", None),
        user("k", Some("1009"), "karl.weiss@x.se", None),
    ];
    let ben = "1002,Ben,Holm,ben.holm@x.se,in,\n";
    for (record, codes) in [
        ("1009,Eva,Stark,eva.stark@x.se", &["delete_withheld 1005", "identifier_reused 1009"][..]),
        ("1009,Eva,Stark,", &["delete_withheld 1005", "email_missing 1009"]),
        (
            "2005,Eva,Stark,ben.holm@x.se",
            &["delete_withheld 1005", "email_claimed_twice 1002", "email_claimed_twice 2005"],
        ),
        ("2005,Eva,Stark,karl.weiss@x.se", &["delete_withheld 1005", "renumbering_undecided 2005"]),
        (",Eva,Stark,karl.weiss@x.se", &["delete_withheld 1005", "key_missing -"]),
    ] {
        let hr = format!("{ben}{record},in,\n");
        let mut plan = Lists { hr: &hr, ad: "", prefer: "", settings: FROM_HR.to_owned() }.plan(&users);
        plan.retain(|line| !line.contains("delete 1009"));
        plan.sort_unstable();
        let mut codes = codes.to_vec();
        codes.sort_unstable();
        assert_eq!(plan, codes, "{record}");
    }
    // The record of somebody with that number is passed over, and the newer one has no e-mail.
    let eva = user("k", Some("1009"), "eva.weiss@x.se", None);
    let users = [users[0].clone(), users[1].clone(), eva];
    let hr = format!("{ben}1009,Eva,Weiss,eva.weiss@x.se,in,2020-01-01\n1009,Eva,Stark,,in,2026-01-01\n");
    let mut plan = Lists { hr: &hr, ad: "", prefer: PREFER, settings: FROM_HR.to_owned() }.plan(&users);
    plan.sort_unstable();
    assert_eq!(plan, ["delete_withheld 1005", "email_missing 1009"]);
}

/// The first list has numbers alone, and one is that of somebody whom no list has.
#[test]
fn a_number_alone_tells_nobody() {
    let users = [anna_berg(), anna_lund(), user("k", Some("1009"), "karl.weiss@x.se", None)];
    let ad = "1001,anna.berg@x.se,Anna,Berg\n1006,anna.lund@x.se,Anna,Lund\n";
    let plan = |number: &str| {
        let hr = format!("1001,,,,in,\n{number},,,,in,\n");
        Lists { hr: &hr, ad, prefer: "", settings: ALL_FROM_AD.to_owned() }.plan(&users)
    };
    assert_eq!(plan("1009"), ["template_failed 1009", "delete_withheld 1006"]);
    assert_eq!(plan("1006"), ["1 delete 1009 k (in no source)"]);
}

/// The e-mails of two people are exchanged, and one of them is a new one.
#[test]
fn an_e_mail_that_changes_hands_is_told_of() {
    let users = [anna_berg(), user("b", Some("1002"), "ben.holm@x.se", None)];
    let plan = |hr: &str| Lists { hr, ad: "", prefer: "", settings: FROM_HR.to_owned() }.plan(&users);
    let exchanged = plan("1001,Anna,Berg,ben.holm@x.se,in,\n1002,Ben,Holm,anna.stark@x.se,in,\n");
    assert_eq!(exchanged.last().map(String::as_str), Some("looks_like 1001"), "{exchanged:?}");
    let with_newcomer =
        plan("1001,Anna,Berg,zoe.quist@x.se,in,\n1002,Ben,Holm,ben.holm@x.se,in,\n1003,Zoe,Quist,anna.berg@x.se,in,\n");
    assert_eq!(with_newcomer.last().map(String::as_str), Some("looks_like 1003"), "{with_newcomer:?}");
}

/// The keys of a newcomer and of somebody with the same last name are exchanged, and the names come by the key.
#[test]
fn a_name_that_changes_hands_is_told_of() {
    let settings = FROM_HR.replace("{{ hr.first }}", "{{ ad.first }}").replace("{{ hr.last }}", "{{ ad.last }}");
    let settings = settings.replace("{{ hr.k }}", "{{ hr.start }}");
    let hr = "K2,,,anna.berg@x.se,in,1001\nK1,,,ben.berg@x.se,in,1003\n";
    let lists = Lists { hr, ad: "K1,,Anna,Berg\nK2,,Ben,Berg\n", prefer: "", settings };
    let plan = lists.plan(&[anna_berg()]);
    assert_eq!(plan, ["1 create 1003", "2 update 1001 a, first_name: Anna → Ben", "looks_like 1003"]);
}

/// Anna Lund's number is typed as that of Karl, who has left; his row in the directory gives the name.
#[test]
fn an_e_mail_tells_who_a_record_is_of_whose_name_comes_by_the_number() {
    let settings = FROM_HR.replace("{{ hr.first }}", "{{ ad.first }}").replace("{{ hr.last }}", "{{ ad.last }}");
    let hr = "1001,,,anna.berg@x.se,in,\n1009,,,anna.lund@x.se,in,\n";
    let ad = "1001,,Anna,Berg\n1006,,Anna,Lund\n1009,,Karl,Weiss\n";
    let users = [anna_berg(), anna_lund(), user("k", Some("1009"), "karl.weiss@x.se", None)];
    let plan = Lists { hr, ad, prefer: "", settings }.plan(&users);
    assert_eq!(plan, ["identifier_reused 1009"]);
}

/// The e-mail of a record that does not count is that of the user, too.
#[test]
fn the_e_mail_of_a_record_that_does_not_count_keeps_its_user() {
    let settings = format!("{FROM_HR}{IN_SCOPE}");
    for old in ["1009,,,karl.weiss@x.se,left,", "1009,Karl,Maier,karl.weiss@x.se,left,"] {
        let hr = format!("{old}\n1009,Karl,Stark,karl.stark@x.se,in,\n");
        let plan = Lists { hr: &hr, ad: "", prefer: "", settings: settings.clone() }.plan(&[user(
            "k",
            Some("1009"),
            "karl.weiss@x.se",
            None,
        )]);
        assert_eq!(plan, ["identifier_reused 1009"], "{old}");
    }
}
