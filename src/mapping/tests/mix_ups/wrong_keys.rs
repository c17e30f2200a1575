//! A wrong number joins somebody's record with the row of somebody else, which puts it out of scope, into another branch, or gives
//! it another name. Whoever has a record all the same is not deleted.

use super::{ALL_FROM_AD, FROM_HR, IN_SCOPE, Lists, MAIL_FROM_AD, anna_berg, anna_lund};
use crate::employee::User;

const ACTIVE: &str = "[scope]\ninclude = \"ad.first == 'in'\"\n";
const BERG: &str = "1001,Anna,Berg,anna.berg@x.se,in,\n";

fn plan(hr: &str, ad: &str, settings: &str) -> Vec<String> {
    Lists { hr, ad, prefer: "", settings: settings.to_owned() }.plan(&[anna_berg(), anna_lund()])
}

/// Anna Lund's number is typed as that of Karl, who has left, and whose account says so.
#[test]
fn a_row_that_puts_a_record_out_of_scope_may_be_a_strangers() {
    let hr = format!("{BERG}1009,Anna,Lund,anna.lund@x.se,in,\n");
    let ad = "1001,anna.berg@x.se,in,\n1006,anna.lund@x.se,in,\n1009,karl.weiss@x.se,out,\n";
    for settings in [FROM_HR, MAIL_FROM_AD] {
        assert_eq!(plan(&hr, ad, &format!("{settings}{ACTIVE}")), ["delete_withheld 1006"], "{settings}");
    }
    let names_from_ad =
        ALL_FROM_AD.replace("ad.mail", "hr.mail").replace("ad.last", "ad.mail").replace("ad.first", "ad.last");
    let ad = "1001,Berg,in,Anna\n1006,Lund,in,Anna\n1009,Weiss,out,Karl\n";
    assert_eq!(plan(&hr, ad, &format!("{names_from_ad}{ACTIVE}")), ["delete_withheld 1006"]);
    // Whoever has a record of their own outside the scope has left, also with a second one.
    let hr = format!("{BERG}1006,Anna,Lund,anna.lund@x.se,in,\n1009,Anna,Lund,anna.lund@x.se,in,\n");
    let ad = "1001,anna.berg@x.se,in,\n1006,anna.lund@x.se,out,\n1009,,out,\n";
    assert_eq!(plan(&hr, ad, &format!("{FROM_HR}{ACTIVE}")), ["1 delete 1006 l (outside the scope)"]);
    // Somebody wrote the number in another way into Skovik.
    let hr = format!("{BERG}1006,Anna,Lund,anna.lund@x.se,in,\n");
    let ad = "1001,anna.berg@x.se,in,\n1006,anna.lund@x.se,out,\n";
    let lists = Lists { hr: &hr, ad, prefer: "", settings: format!("{FROM_HR}{ACTIVE}") };
    let lund = User { identifier: Some("1006.0".into()), ..anna_lund() };
    assert_eq!(lists.plan(&[anna_berg(), lund]), ["1 delete 1006.0 l (in no source)"]);
    // Whose row in the first list says that they have left has left, under whatever number.
    let both = "[scope]\ninclude = \"hr.status == 'in' and ad.first == 'in'\"\n";
    for number in ["1009", ""] {
        let hr = format!("{BERG}{number},Anna,Lund,anna.lund@x.se,left,\n");
        let ad = "1001,anna.berg@x.se,in,\n1009,karl.weiss@x.se,out,\n";
        for include in [IN_SCOPE, both] {
            let gone = plan(&hr, ad, &format!("{FROM_HR}{include}"));
            assert_eq!(gone, ["1 delete 1006 l (in no source)"], "{number}: {include}");
        }
    }
    // A namesake who has left as well.
    let hr = format!("{BERG}1009,Anna,Lund,anna.lund2@x.se,in,\n");
    let ad = "1001,anna.berg@x.se,in,\n1009,anna.lund2@x.se,out,\n";
    assert_eq!(plan(&hr, ad, &format!("{FROM_HR}{ACTIVE}")), ["1 delete 1006 l (in no source)"]);
}

/// The number of Anna Lund's account is typed as that of Karl, who has left by the first list, or as that of nobody.
#[test]
fn a_row_that_a_record_lacks_may_be_part_of_a_strangers() {
    let both = "[scope]\ninclude = \"hr.status == 'in' and ad.mail is defined\"\n";
    let hr = format!("{BERG}1006,Anna,Lund,anna.lund@x.se,in,\n1009,Karl,Weiss,karl.weiss@x.se,left,\n");
    for number in ["1009", "7777"] {
        let ad = format!("1001,anna.berg@x.se,Anna,Berg\n{number},anna.lund@x.se,Anna,Lund\n");
        let names_from_ad = ALL_FROM_AD.replace("ad.mail", "hr.mail");
        for settings in [MAIL_FROM_AD, ALL_FROM_AD, &names_from_ad] {
            assert_eq!(plan(&hr, &ad, &format!("{settings}{both}")), ["delete_withheld 1006"], "{number}: {settings}");
        }
    }
}

/// Anna Lund's number is typed as that of Karl, whose row wins.
#[test]
fn a_name_that_does_not_win_is_said_all_the_same() {
    let or_hr = "[employee]\nexternal_identifier = \"{{ hr.k }}\"\nprimary_email = \"{{ ad.mail | default(hr.mail) }}\"\n\
                 first_name = \"{{ ad.first | default(hr.first) }}\"\nlast_name = \"{{ ad.last | default(hr.last) }}\"\n";
    let hr = format!("{BERG}1009,Anna,Lund,anna.lund@x.se,in,\n");
    let ad = "1001,anna.berg@x.se,Anna,Berg\n1006,anna.lund@x.se,Anna,Lund\n1009,karl.weiss@x.se,Karl,Weiss\n";
    assert_eq!(plan(&hr, ad, or_hr), ["1 create 1009", "delete_withheld 1006"]);
    // The row of the first list says no more than the e-mail.
    let mail_alone =
        or_hr.replace("ad.first | default(hr.first)", "ad.first").replace("ad.last | default(hr.last)", "ad.last");
    assert_eq!(plan(&hr, ad, &mail_alone), ["1 create 1009", "delete_withheld 1006"]);
    // With the number of a colleague, whose older record `prefer` passes over.
    let hr = "1001,Anna,Berg,anna.berg@x.se,in,2020-01-01\n1001,Anna,Lund,anna.lund@x.se,in,2026-01-01\n";
    let ad = "1001,anna.berg@x.se,Anna,Berg\n1006,anna.lund@x.se,Anna,Lund\n";
    let prefer = "prefer = { greatest = \"start\" }\n";
    let lists = Lists { hr, ad, prefer, settings: or_hr.to_owned() };
    assert_eq!(lists.plan(&[anna_berg(), anna_lund()]), ["delete_withheld 1006"]);
    // Another spelling is nobody else.
    let hr = format!("{BERG}1006,Annie,Lund,anna.lund@x.se,in,\n");
    assert_eq!(plan(&hr, ad, or_hr), [""; 0]);
}

/// Her number is typed as that of Karl, who is in a branch that another configuration manages.
#[test]
fn a_row_that_brings_another_branch_may_be_a_strangers() {
    let settings = format!(
        "{}branch = \"{{{{ ad.first }}}}\"\n[scope]\nbranches = [\"SE01\"]\n",
        MAIL_FROM_AD.replace("ad.first", "hr.first")
    );
    let hr = format!("{BERG}1009,Anna,Lund,,in,\n");
    let ad = "1001,anna.berg@x.se,SE01,\n1006,anna.lund@x.se,SE01,\n1009,karl.weiss@x.se,NO01,\n";
    let lists = Lists { hr: &hr, ad, prefer: "", settings };
    let found = lists.plan(&[anna_berg(), anna_lund()]);
    assert!(found.iter().any(|line| line == "delete_withheld 1006"), "{found:?}");
    assert!(!found.iter().any(|line| line.contains("delete 1006")), "{found:?}");
}

/// Two have one name, and one of them is out of scope only because of a number that nobody has.
#[test]
fn a_namesake_who_may_be_in_scope_counts_for_managers() {
    let settings = format!(
        "{FROM_HR}manager = {{ value = \"{{{{ hr.start }}}}\", refers_to = \"{{{{ hr.first }}}} {{{{ hr.last }}}}\" }}\n{ACTIVE}"
    );
    let hr =
        "1001,Anna,Berg,anna.berg@x.se,in,\n1006,Anna,Berg,anna.lund@x.se,in,\n1002,Ben,Holm,ben@x.se,in,Anna Berg\n";
    for number in ["1006", "#N/A"] {
        let ad = format!("1001,,in,\n{number},,in,\n1002,,in,\n");
        let lists = Lists { hr, ad: &ad, prefer: "", settings: settings.clone() };
        let company = lists.company(vec![anna_berg()]);
        let ben = company.desired.employees.iter().find(|one| one.identifier.as_str() == "1002").expect("Ben");
        assert!(matches!(ben.manager, crate::employee::DesiredManager::Unresolved { .. }), "{number}: {ben:?}");
    }
}

/// A number that Skovik has in another spelling is that of a record which is set aside, too.
#[test]
fn a_record_that_is_set_aside_keeps_the_user_of_its_number_however_it_is_written() {
    for (held, number) in [("017", "17"), ("17", "017"), ("17", "17.0"), ("\u{410}17", "A17")] {
        let zoe =
            User { identifier: Some(held.into()), ..crate::diff::tests::company::user("z", None, "zoe.ek@x.se", None) };
        let hr = format!("{BERG}{number},Maja,Holm,nope,in,\n");
        let lists = Lists { hr: &hr, ad: "", prefer: "", settings: FROM_HR.to_owned() };
        let mut found = lists.plan(&[anna_berg(), zoe]);
        found.sort_unstable();
        assert_eq!(found, [format!("delete_withheld {held}"), format!("email_impossible {number}")]);
    }
}
