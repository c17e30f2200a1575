//! Who is named by rows of a later source of which it is not known whose they are.

use super::*;
use crate::employee::{Named, Stray};

const BOTH: &str = "[employee]\nexternal_identifier = '{{ ad.num }}'\nprimary_email = '{{ ad.mail | lower }}'\nfirst_name = '{{ hr.first }}'\nlast_name = '{{ hr.last }}'\n";

/// The identifiers and e-mails of the strays, with their rows.
fn strays(ad: &str, employee: &str, rest: &str) -> Vec<(u64, Option<String>, Option<String>)> {
    let sources = source("hr", "csv", "hr", "k") + &source("ad", "csv", "ad", "k");
    let hr = "k,first,last,status\nK1,Anna,Berg,in\nK2,Ben,Dahl,in\nK3,Eva,Ek,out\n";
    let ad = format!("k,num,mail\n{ad}");
    let fixture = Fixture::new(&sources, &[("hr", hr.as_bytes()), ("ad", ad.as_bytes())]);
    let desired = map(&fixture.into_parts(&format!("{employee}{rest}"))).unwrap();
    let text = |Stray { record: stray, .. }: &Stray| {
        let identifier = stray.identifier.as_ref().map(ToString::to_string);
        (stray.origin.row, identifier, stray.email.as_ref().map(ToString::to_string))
    };
    desired.strays.iter().map(text).collect()
}

fn stray(row: u64, identifier: &str, email: &str) -> (u64, Option<String>, Option<String>) {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    (row, text(identifier), text(email))
}

#[test]
fn rows_of_a_key_that_is_not_decided_are_strays() {
    let ad = "K1,1,a@x.se\nK2,2,b@x.se\nK2,2,B@x.se\nK3,3,c@x.se\nK3,3,c@x.se\nK9,9,d@x.se\nK9,9,d@x.se\n";
    let scope = "[scope]\ninclude = \"hr.status == 'in'\"\n";
    assert_eq!(strays(ad, BOTH, scope), [stray(3, "2", "b@x.se"), stray(4, "2", "b@x.se")]);
    let by_hr = BOTH.replace("ad.num", "hr.k");
    assert_eq!(strays(ad, &by_hr, scope), [stray(3, "", "b@x.se"), stray(4, "", "b@x.se")]);
    let neither = by_hr.replace("{{ ad.mail | lower }}", "{{ hr.k }}@x.se");
    assert_eq!(strays(ad, &neither, scope), []);
    assert_eq!(strays("K1,1,a@x.se\nK2,2,b@x.se\nK2,2,b@x.se\n", &neither, scope), []);
}

#[test]
fn rows_whose_key_cannot_be_used_are_strays_if_anybody_is_not_identified() {
    let ad = "K1,1,a@x.se\nK\u{200b}2,2,b@x.se\n#N/A,8,h@x.se\n,9,i@x.se\n";
    let both = [stray(3, "2", "b@x.se"), stray(4, "8", "h@x.se")];
    // Ben is set aside, because a template fails; or he may be in scope.
    assert_eq!(strays(ad, BOTH, ""), both);
    assert_eq!(strays(ad, BOTH, "[scope]\ninclude = \"ad.num is defined\"\n"), both);
    let all = "K1,1,a@x.se\nK2,2,b@x.se\nK3,3,c@x.se\n#N/A,8,h@x.se\n";
    assert_eq!(strays(all, BOTH, ""), [], "everybody is identified");
}

#[test]
fn rows_that_nobody_has_are_strays_where_somebody_has_no_usable_key() {
    let ad = "K1,1,a@x.se\nK2,2,b@x.se\nK3,3,c@x.se\nK8,8,h@x.se\n,9,i@x.se\n";
    for key in ["#N/A", "", "K\u{200b}8"] {
        let sources = source("hr", "csv", "hr", "k") + &source("ad", "csv", "ad", "k");
        let hr = format!("k,first,last,status\nK1,Anna,Berg,in\nK2,Ben,Dahl,in\nK3,Eva,Ek,in\n{key},Nils,Ny,in\n");
        let ad = format!("k,num,mail\n{ad}");
        let fixture = Fixture::new(&sources, &[("hr", hr.as_bytes()), ("ad", ad.as_bytes())]);
        let strays = map(&fixture.into_parts(BOTH)).unwrap().strays;
        assert_eq!(strays.iter().map(|stray| stray.record.origin.row).collect::<Vec<_>>(), [5, 6], "{key:?}");
    }
    assert_eq!(strays(ad, BOTH, ""), []);
}

#[test]
fn who_is_identified_without_a_row_may_be_unjoined() {
    let by_default = "[employee]\nexternal_identifier = \"{{ ad.num | default(hr.k) }}\"\nprimary_email = \"{{ ad.mail | default(hr.k ~ '@x.se') }}\"\nfirst_name = '{{ hr.first }}'\nlast_name = '{{ hr.last }}'\n";
    let unjoined = |ad: &str, employee: &str| {
        let sources = source("hr", "csv", "hr", "k") + &source("ad", "csv", "ad", "k");
        let ad = format!("k,num,mail\n{ad}");
        let fixture =
            Fixture::new(&sources, &[("hr", b"k,first,last\nK1,Anna,Berg\nK2,Ben,Dahl\n"), ("ad", ad.as_bytes())]);
        let unjoined = map(&fixture.into_parts(employee)).unwrap().unjoined;
        unjoined.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    for bad in ["K\u{200b}2,2,b@x.se\n", "#N/A,2,b@x.se\n", "K1,2,b@x.se\n"] {
        assert_eq!(unjoined(&format!("K1,1,a@x.se\n{bad}"), by_default), ["K2"], "{bad:?}");
    }
    for good in ["K1,1,a@x.se\nK2,2,b@x.se\n#N/A,8,h@x.se\n", "K1,1,a@x.se\n", "K1,1,a@x.se\n,2,b@x.se\n"] {
        assert_eq!(unjoined(good, by_default), [] as [String; 0], "{good:?}");
    }
    // The names alone do not say who somebody is.
    let named = "[employee]\nexternal_identifier = '{{ hr.k }}'\nprimary_email = '{{ hr.k }}@x.se'\nfirst_name = '{{ ad.num | default(hr.first) }}'\nlast_name = '{{ hr.last }}'\n";
    assert_eq!(unjoined("K1,1,a@x.se\n#N/A,2,b@x.se\n", named), [] as [String; 0]);
}

/// Two people have one key in the first list: later rows with a bad key, or that nobody has, may be those of one of them,
/// whatever else sets the two aside.
#[test]
fn where_two_people_have_one_key_later_rows_may_be_theirs() {
    let all = "[employee]\nexternal_identifier = '{{ ad.num }}'\nprimary_email = '{{ ad.mail | lower }}'\nfirst_name = '{{ ad.first }}'\nlast_name = '{{ ad.last }}'\n";
    let key = all.replace("{{ ad.num }}", "{{ hr.k }}");
    let mapped = |employee: &str, ad: &str, scope: &str| {
        let sources = source("hr", "csv", "hr", "k") + &source("ad", "csv", "ad", "k");
        let hr = b"k,first,last\nK1,Anna,Berg\nK2,Ben,Dahl\nK2,Eva,Ek\n";
        let ad = format!("k,num,mail,first,last,on\nK1,1,a@x.se,Anna,Berg,y\n{ad}");
        let fixture = Fixture::new(&sources, &[("hr", hr), ("ad", ad.as_bytes())]);
        map(&fixture.into_parts(&format!("{employee}{scope}"))).unwrap()
    };
    let names_eva = |desired: &Desired| {
        let emails = desired.strays.iter().filter_map(|stray| stray.record.email.as_ref());
        emails.filter(|email| email.as_str() == "e@x.se").count()
    };
    let ben = "K2,2,b@x.se,Ben,Dahl,y\n";
    for eva in ["K3,3,e@x.se,Eva,Ek,y\n", "#N/A,3,e@x.se,Eva,Ek,y\n", "K\u{200b}3,3,e@x.se,Eva,Ek,y\n"] {
        for employee in [all, &key] {
            for scope in ["", "[scope]\ninclude = \"ad.on == 'y'\"\n"] {
                for ben in ["", ben, &ben.repeat(2)] {
                    let desired = mapped(employee, &format!("{ben}{eva}"), scope);
                    assert_eq!(names_eva(&desired), 1, "{employee} {scope} {ben} {eva}: {:?}", desired.strays);
                }
            }
        }
    }
}

#[test]
fn rows_that_belong_to_nobody_name_people_for_the_reasons_of_deletes() {
    let sources = source("hr", "csv", "hr", "k") + &source("ad", "csv", "ad", "k");
    let ad = b"k,num,mail\nK1,1,a@x.se\nK9,9,i@x.se\n#N/A,8,h@x.se\n,,service@x.se\nK2,2,\n";
    let of_nobody = |employee: &str| {
        let fixture = Fixture::new(&sources, &[("hr", b"k,first,last\nK1,Anna,Berg\n"), ("ad", ad)]);
        let named = map(&fixture.into_parts(employee)).unwrap().of_nobody;
        let text = |named: &Named| {
            let identifier = named.identifier.as_ref().map(ToString::to_string);
            (identifier.unwrap_or_default(), named.email.as_ref().map(ToString::to_string).unwrap_or_default())
        };
        named.iter().map(text).collect::<Vec<_>>()
    };
    let text = |one: &str, other: &str| (one.to_owned(), other.to_owned());
    let all = [text("9", "i@x.se"), text("", "service@x.se"), text("2", ""), text("8", "h@x.se")];
    assert_eq!(of_nobody(BOTH), all);
    // Another source says who people are.
    assert_eq!(of_nobody(&BOTH.replace("ad.num", "hr.k").replace("{{ ad.mail | lower }}", "{{ hr.first }}@x.se")), []);
}

/// A row that does not count may be somebody else's, under a wrong key.
#[test]
fn a_row_that_another_one_takes_the_place_of_may_be_somebody_elses() {
    let prefer = "prefer = { greatest = \"d\" }\n";
    let named = |hr: &str, ad: &str, employee: &str, scope: &str| {
        let sources = source("hr", "csv", "hr", "k") + prefer + &source("ad", "csv", "ad", "k") + prefer;
        let (hr, ad) = (format!("k,mail,first,last,st,d\n{hr}"), format!("k,num,mail,d\n{ad}"));
        let fixture = Fixture::new(&sources, &[("hr", hr.as_bytes()), ("ad", ad.as_bytes())]);
        let strays = map(&fixture.into_parts(&format!("{employee}{scope}"))).unwrap().strays;
        let email = |stray: &Stray| stray.record.email.as_ref().map(ToString::to_string).unwrap_or_default();
        strays.iter().map(email).collect::<Vec<_>>()
    };
    let by_hr = "[employee]\nexternal_identifier = '{{ hr.k }}'\nprimary_email = '{{ hr.mail }}'\nfirst_name = '{{ hr.first }}'\nlast_name = '{{ hr.last }}'\n";
    // Father and son with one number.
    let hr = "K1,jan@x.se,Jan,Jung,in,2024\nK1,jan2@x.se,Jan,Jung,in,2020\nK3,eva@x.se,Eva,Ek,out,2024\nK3,eva2@x.se,Eva,Ek,out,2020\n";
    let scope = "[scope]\ninclude = \"hr.st == 'in'\"\n";
    assert_eq!(named(hr, "", by_hr, scope), ["jan2@x.se"]);
    let by_ad = by_hr.replace("hr.mail", "ad.mail");
    let ad = "K1,1,jan@x.se,2024\nK1,2,jan2@x.se,2020\nK3,3,eva@x.se,2024\nK3,3,eva2@x.se,2020\nK9,9,gone@x.se,2024\nK9,9,gone2@x.se,2020\n";
    assert_eq!(named("K1,,Jan,Jung,in,2024\nK3,,Eva,Ek,out,2024\n", ad, &by_ad, scope), ["jan@x.se", "jan2@x.se"]);
}
