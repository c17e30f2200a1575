//! Several records with one key, between which `prefer` decides: only if they are of one person.

use super::*;
use crate::employee::SetAside;

/// Who is good and who is set aside, by identifier.
fn people(rows: &[&str], include: &str) -> (Vec<String>, Vec<String>) {
    let sources = format!("{}prefer = {{ greatest = \"start\" }}\n", source("hr", "csv", "hr", "number"));
    let hr = format!("number,id,mail,first,last,start\n{}\n", rows.join("\n"));
    let fixture = Fixture::new(&sources, &[("hr", hr.as_bytes())]);
    let Desired { employees, set_aside, .. } = map(&fixture.into_parts(&format!("{EMPLOYEE}{include}"))).unwrap();
    let code = |aside: &SetAside| {
        assert!(aside.code != "key_claimed_twice" || aside.reason.contains("different people"), "{}", aside.reason);
        format!("{} {}", aside.identifier.as_ref().map_or("none", ExternalIdentifier::as_str), aside.code)
    };
    (employees.iter().map(|employee| employee.identifier.to_string()).collect(), set_aside.iter().map(code).collect())
}

#[test]
fn a_skipped_record_is_found_by_what_it_says() {
    let sources = format!("{}prefer = {{ greatest = \"start\" }}\n", source("hr", "csv", "hr", "number"));
    let rows = "7,5,new@x.se,Anna,Berg,2024-01-01\n7,4,old@x.se,Anna,Berg,2020-01-01\n8,9,b@x.se,Ben,Ek,2020-01-01\n";
    let hr = format!("number,id,mail,first,last,start\n{rows}");
    let (_folder, settings) = Fixture::new(&sources, &[("hr", hr.as_bytes())]).into_parts(EMPLOYEE);
    let rules = Mapper::new(&settings).resolve(&[], &[]).unwrap();
    let records = rules.settle(&read(&settings).unwrap()).unwrap();
    for key in ["4", "old@x.se", "5", "new@x.se", "7"] {
        let found = rules.records_of(&records, key).unwrap();
        assert_eq!(found, [FoundRecord { record: 0, identifier: Some("5".into()) }], "{key}");
    }
}

#[test]
fn prefer_does_not_decide_between_different_people() {
    let anna = "7,5,anna@x.se,Anna,Berg,2024-01-01";
    let other = "8,9,nils@x.se,Nils,Ek,2024-01-01";
    for (second, is_somebody_else) in [
        ("7,6,ben@x.se,Ben,Dahl,2026-01-01", true),
        ("7,6,,Ben,Dahl,2026-01-01", true),
        ("7,6,ben@x.se,,,2023-01-01", true),
        ("7,6,ben@x.se,Berg,Anna,2023-01-01", true),
        // Two names and two e-mails, although one of them has the identifier of the other.
        ("7,5,ben@x.se,Ben,Dahl,2023-01-01", true),
        // Two employments: the same identifier, e-mail or name.
        ("7,5,anna@x.se,Ben,Dahl,2023-01-01", false),
        ("7,5,ben@x.se,Anna,Dahl,2023-01-01", false),
        ("7,5,,Ben,Dahl,2023-01-01", true),
        ("7,5,,Ben,Berg,2023-01-01", false),
        ("7,5,ben@x.se,,,2023-01-01", false),
        ("7,6,Anna@x.se,Anna,Dahl,2023-01-01", false),
        ("7,6,,ANNA,Berg,2023-01-01", false),
        ("7,,Anna@x.se,,,2023-01-01", false),
    ] {
        let (good, aside) = people(&[anna, second, other], "");
        if is_somebody_else {
            assert_eq!(
                (good, aside),
                (
                    vec!["9".to_owned()],
                    vec!["5 key_claimed_twice".to_owned(), format!("{} key_claimed_twice", &second[2..3])]
                ),
                "{second}"
            );
        } else {
            assert_eq!((good, aside), (vec!["5".to_owned(), "9".to_owned()], vec![]), "{second}");
        }
    }
    // What a record lacks is not in common: whose it is cannot be told.
    for second in [
        "7,,ben@x.se,Ben,Dahl,2023-01-01",
        "7,#N/A,ben@x.se,Ben,Dahl,2026-01-01",
        "7,,,,,2023-01-01",
        // A name alone does not make a record without an identifier that of somebody who has one, whichever is chosen.
        "7,#N/A,,Anna,Berg,2023-01-01",
        "7,,ben@x.se,Anna,Berg,2023-01-01",
        "7,,ben@x.se,Anna,Berg,2030-01-01",
        "7,,Anna@x.se,Anna,Berg,2030-01-01",
    ] {
        let aside = vec!["5 key_claimed_twice".to_owned(), "none key_claimed_twice".to_owned()];
        assert_eq!(people(&[anna, second, other], ""), (vec!["9".to_owned()], aside), "{second}");
    }
    // A text that is no e-mail is not one that they share.
    let rows = ["7,5,n/a,Anna,Berg,2026-01-01", "7,6,N/A,Ben,Dahl,2024-01-01", other];
    assert_eq!(people(&rows, "").1, ["5 key_claimed_twice", "6 key_claimed_twice"]);
    // A third one, of the same person as the first, changes nothing.
    let rows = [anna, "7,5,anna@x.se,Anna,Berg,2020-01-01", "7,6,ben@x.se,Ben,Dahl,2026-01-01"];
    assert_eq!(people(&rows, "").1, ["5 key_claimed_twice", "6 key_claimed_twice"]);
    // Who is out of scope is not asked.
    let out = people(&[anna, "7,6,ben@x.se,Ben,Dahl,2026-01-01"], "[scope]\ninclude = \"hr.id != '6'\"\n");
    assert_eq!(out, (vec!["5".to_owned()], vec![]));
}

#[test]
fn what_a_later_source_says_of_a_key_does_not_make_two_people_one() {
    let sources = format!(
        "{}prefer = {{ greatest = \"start\" }}\n{}",
        source("hr", "csv", "hr", "number"),
        source("ad", "csv", "ad", "number")
    );
    let hr = "number,id,first,last,start\n7,5,Anna,Berg,2024-01-01\n7,6,Ben,Dahl,2026-01-01\n8,9,Nils,Ek,2024-01-01\n";
    let ad = "number,id,mail,first,last\n7,5,anna@x.se,Anna,Berg\n8,9,nils@x.se,Nils,Ek\n";
    let counts = |employee: &str| {
        let fixture = Fixture::new(&sources, &[("hr", hr.as_bytes()), ("ad", ad.as_bytes())]);
        let Desired { employees, set_aside, .. } = map(&fixture.into_parts(employee)).unwrap();
        (employees.len(), set_aside.len())
    };
    let mail = EMPLOYEE.replace("hr.mail", "ad.mail");
    assert_eq!(counts(&mail), (1, 2));
    assert_eq!(counts(&mail.replace("hr.id", "ad.id")), (1, 2));
    // The first source says nothing of the person.
    assert_eq!(counts(&mail.replace("hr.", "ad.")), (2, 0));
}

/// A later source that says who somebody is: its records with one key can be of different people as well.
#[test]
fn prefer_does_not_decide_between_different_people_in_a_later_source() {
    let told = |second: &str, first_name: &str| {
        let sources = source("pay", "csv", "pay", "number")
            + &source("hr", "csv", "hr", "number")
            + "prefer = { greatest = \"start\" }\n";
        let hr = format!(
            "number,id,mail,first,last,start\n7,5,anna@x.se,Anna,Berg,2024-01-01\n{second}\n8,9,nils@x.se,Nils,Ek,2024-01-01\n"
        );
        let pay = "number,name\n7,Anna\n8,Nils\n";
        let employee = EMPLOYEE.replace("{{ hr.first }}", first_name);
        let fixture = Fixture::new(&sources, &[("hr", hr.as_bytes()), ("pay", pay.as_bytes())]);
        let Desired { employees, set_aside, .. } = map(&fixture.into_parts(&employee)).unwrap();
        let good: Vec<_> = employees.iter().map(|employee| employee.identifier.to_string()).collect();
        (good, set_aside.iter().map(|aside| aside.reason.clone()).collect::<Vec<_>>())
    };
    for (second, decided) in [
        ("7,6,ben@x.se,Ben,Dahl,2026-01-01", None),
        ("7,6,ben@x.se,Ben,Dahl,2020-01-01", None),
        ("7,,ben@x.se,Anna,Berg,2026-01-01", None),
        ("7,,ben@x.se,Ben,Dahl,2020-01-01", None),
        ("7,6,anna@x.se,Ben,Dahl,2026-01-01", Some("6")),
        ("7,6,ben@x.se,Anna,Berg,2026-01-01", Some("6")),
        ("7,5,ben@x.se,Ben,Dahl,2026-01-01", None),
        ("7,5,ben@x.se,Anna,Dahl,2026-01-01", Some("5")),
        ("7,,anna@x.se,Ben,Dahl,2020-01-01", Some("5")),
    ] {
        let (good, aside) = told(second, "{{ hr.first }}");
        if let Some(decided) = decided {
            assert_eq!((good, aside.len()), (vec![decided.to_owned(), "9".to_owned()], 0), "{second}");
        } else {
            assert_eq!((good, aside.len()), (vec!["9".to_owned()], 1), "{second}");
            assert!(
                aside[0].contains("rows 2 and 3 of source `hr`") && aside[0].contains("different people"),
                "{aside:?}"
            );
        }
    }
    // What another source says is the same of each of the records, and tells nothing.
    assert_eq!(told("7,6,anna@x.se,Ben,Berg,2026-01-01", "{{ pay.name }}").0, ["6", "9"]);
    assert_eq!(told("7,6,ben@x.se,Ben,Berg,2026-01-01", "{{ pay.name }}").0, ["9"]);
}

#[test]
fn a_row_that_does_not_count_is_of_the_person_whose_row_counts() {
    let of = |rows: &str, prefer: &str, include: &str| {
        let sources = source("hr", "csv", "hr", "number") + prefer;
        let hr = format!("number,id,mail,first,last,start\n{rows}\n");
        let settings = Fixture::new(&sources, &[("hr", hr.as_bytes())]).into_parts(&format!("{EMPLOYEE}{include}"));
        map(&settings).unwrap().same_key
    };
    let active = "[scope]\ninclude = \"hr.start == '2024-01-01'\"\n";
    let prefer = "prefer = { greatest = \"start\" }\n";
    let (old, new) = ("7,4,anna@x.se,Anna,Berg,2020-01-01", "7,5,anna@x.se,Anna,Lund,2024-01-01");
    let pair = vec![["4".into(), "5".into()]];
    for (prefer, include) in [(prefer, ""), ("", active)] {
        assert_eq!(of(&format!("{old}\n{new}"), prefer, include), pair, "{prefer}{include}");
        assert_eq!(of(&format!("{new}\n{old}"), prefer, include), pair, "{prefer}{include}");
    }
    // One number, two keys, and no number.
    for old in [old.replace(",4,", ",5,"), old.replace("7,", "8,"), old.replace(",4,", ",,")] {
        assert_eq!(of(&format!("{old}\n{new}"), "", active), Vec::<[ExternalIdentifier; 2]>::new(), "{old}");
    }
}
