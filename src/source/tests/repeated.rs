//! Keys that several records have.

use super::keys::judged_by_ad;
use super::*;
use crate::employee::{Desired, SetAside};
use crate::mapping::{Mapper, MappingError};

pub(super) const EMPLOYEE: &str = "[employee]\nexternal_identifier = '{{ hr.id }}'\nprimary_email = '{{ hr.mail }}'\n\
                        first_name = '{{ hr.title }}'\nlast_name = 'y'\n";

/// What the settings make of the sources.
pub(super) struct Company {
    pub(super) records: Records,
    desired: Result<Desired, MappingError>,
}

impl Company {
    pub(super) fn new(sources: &str, files: &[(&str, &str)], rest: &str) -> Self {
        let files: Vec<(&str, &[u8])> = files.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
        let (_folder, settings) = Fixture::new(sources, &files).into_parts(rest);
        let records = read(&settings).unwrap();
        let rules = Mapper::new(&settings).resolve(&[], &[]).unwrap();
        let desired = rules.employees(&records);
        Self { records: rules.settle(&records).unwrap(), desired }
    }

    /// One list, with further settings of its source.
    fn hr(more: &str, text: &str, include: &str) -> Self {
        let include = if include.is_empty() { String::new() } else { format!("[scope]\ninclude = \"{include}\"\n") };
        let sources = format!("{}{more}\n", source("hr", "csv", "hr", "id"));
        Self::new(&sources, &[("hr", text)], &format!("{EMPLOYEE}{include}"))
    }

    pub(super) fn desired(&self) -> &Desired {
        self.desired.as_ref().unwrap()
    }

    /// The good people, by first name and row.
    pub(super) fn good(&self) -> Vec<String> {
        let told = |employee: &crate::employee::Employee| format!("{} {}", employee.first_name, employee.origin.row);
        self.desired().employees.iter().map(told).collect()
    }

    /// The people set aside, by row and code, with the reason.
    pub(super) fn aside(&self) -> Vec<(u64, &str, &str)> {
        let told = |aside: &'_ SetAside| (aside.origin.row, aside.code);
        let asides = &self.desired().set_aside;
        asides.iter().map(|aside| (told(aside).0, told(aside).1, aside.reason.as_str())).collect()
    }

    #[track_caller]
    pub(super) fn one_aside(&self, row: u64, code: &str, parts: &[&str]) {
        let aside = self.aside();
        assert_eq!(aside.len(), 1, "{aside:?}");
        assert_eq!((aside[0].0, aside[0].1), (row, code), "{}", aside[0].2);
        parts.iter().for_each(|part| assert!(aside[0].2.contains(part), "{}", aside[0].2));
    }
}

#[test]
fn of_several_records_the_preferred_one_counts() {
    let text = "id,main,title,mail\n2,N,cook,b@x.se\n1,Y,nurse,a@x.se\n2,Y,teacher,b@x.se\n3,N,guard,c@x.se\n";
    for prefer in ["main == 'Y'", "hr.main == 'Y'", "hr['main'] == 'Y' and title != ''"] {
        let company = Company::hr(&format!("prefer = \"{prefer}\""), text, "");
        assert_eq!(company.good(), ["nurse 3", "teacher 4", "guard 5"], "{prefer}");
        assert_eq!(company.desired().in_scope, 3);
        assert_eq!(company.records.summaries()[0].records, 4, "all that were read");
    }
    let fingerprint = |text: &str| {
        let company = Company::hr("prefer = \"main == 'Y'\"", text, "");
        company.records.summaries()[0].fingerprint
    };
    let one = fingerprint("id,main,title,mail\n1,Y,a,a@x.se\n1,N,a,a@x.se\n");
    assert_ne!(one, fingerprint("id,main,title,mail\n1,Y,a,a@x.se\n"), "the other record is part of the source");
    assert_eq!(one, fingerprint("main,id,mail,title\nN,1,a@x.se,a\nY,1,a@x.se,a\n"));
}

#[test]
fn what_lies_outside_the_scope_is_nobodys_business() {
    let former = "id,status,main,title,mail\n1,left,N,cook,a@x.se\n1,left,N,nurse,a@x.se\n2,active,Y,guard,b@x.se\n";
    let nobody = "id,status,main,title,mail\nN/A,ext,N,cook,c@x.se\nN/A,ext,N,nurse,d@x.se\n,ext,N,x,e@x.se\n2,active,Y,guard,b@x.se\n";
    for more in ["", "prefer = \"main == 'Y'\"", "prefer = { greatest = \"main\" }"] {
        for text in [former, nobody] {
            let company = Company::hr(more, text, "hr.status == 'active'");
            assert_eq!((company.good().len(), company.aside().len()), (1, 0), "{more}");
        }
        // The one inside the scope counts, whatever `prefer` would say of the one outside.
        let back = "id,status,main,title,mail\n1,left,Y,cook,a@x.se\n1,active,N,nurse,a@x.se\n";
        assert_eq!(Company::hr(more, back, "hr.status == 'active'").good(), ["nurse 3"], "{more}");
    }
}

#[test]
fn a_key_that_is_not_decided_sets_its_person_aside_and_nobody_else() {
    let text = "id,main,title,mail\n1,Y,cook,a@x.se\n2,N,guard,b@x.se\n1,Y,cook,a@x.se\n";
    for (more, expected) in [
        ("", "`prefer` in its [[source]], such as prefer = \"is_primary == 'Y'\""),
        ("prefer = \"main == 'Y'\"", "`prefer` is true of 2 of them"),
        ("prefer = \"main == 'N'\"", "`prefer` is true of 0 of them"),
        ("prefer = \"main\"", "gives string and neither true nor false"),
        ("prefer = \"main + 1 > 0\"", "`prefer` fails: "),
        ("prefer = { greatest = \"main\" }", "ranks by \"Y\", which is neither a number nor a date"),
    ] {
        let company = Company::hr(more, text, "");
        assert_eq!(company.good(), ["guard 3"]);
        company.one_aside(2, "key_claimed_twice", &["rows 2 and 4 of source `hr` have the same id \"1\"", expected]);
        assert_eq!(company.desired().in_scope, 2, "the records say the same of one person");
    }
    // Records that say something else may be of different people, who are all set aside.
    let different = "id,main,title,mail\nN/A,Y,cook,a@x.se\nN/A,Y,nurse,b@x.se\nN/A,Y,cook,a@x.se\n";
    let company = Company::hr("", different, "");
    let told: Vec<_> = company.aside().into_iter().map(|(row, code, _)| (row, code)).collect();
    assert_eq!(told, [(2, "key_claimed_twice"), (3, "key_claimed_twice")]);
    assert!(company.aside()[0].2.contains("rows 2, 3, 4 of source `hr`"));
    // A record whose scope is not clear may be in it.
    let unclear = "id,n,title,mail\n1,x,cook,a@x.se\n1,5,cook,a@x.se\n2,5,guard,b@x.se\n";
    let company = Company::hr("", unclear, "hr.n | int > 3");
    company.one_aside(2, "key_claimed_twice", &["rows 2 and 3"]);
    let many: String = (0..20).map(|_| "7,N,cook,a@x.se\n").collect();
    let company = Company::hr("", &format!("id,main,title,mail\n{many}"), "");
    company.one_aside(2, "key_claimed_twice", &["rows 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 10 more of"]);
}

#[test]
fn the_greatest_counts_where_one_is_greatest() {
    let list = |dates: &[&str]| {
        let rows: String = dates.iter().map(|date| format!("1,{date},t{date},a@x.se\n")).collect();
        Company::hr("prefer = { greatest = \"start\" }", &format!("id,start,title,mail\n{rows}"), "")
    };
    assert_eq!(list(&["2024-01-31", "2026-01-01", "2025-12-31"]).good(), ["t2026-01-01 3"]);
    assert_eq!(list(&["9", "10", "-3.5"]).good(), ["t10 3"]);
    list(&["2026-01-01", "2024-01-31", "2026-01-01"]).one_aside_of(3, "several of them have the greatest value");
    list(&["01.02.2026", "31.01.2026"]).one_aside_of(2, "\"01.02.2026\", which is neither a number nor a date");
    list(&["2026-01-01", ""]).one_aside_of(2, "ranks by \"\"");
    list(&["2026-01-01", "7"]).one_aside_of(2, "a date and a number");
}

impl Company {
    /// Everybody is set aside for this.
    #[track_caller]
    fn one_aside_of(&self, least: usize, expected: &str) {
        assert!(self.desired().employees.is_empty() && self.aside().len() >= least - 1, "{:?}", self.aside());
        self.aside().iter().for_each(|(.., reason)| assert!(reason.contains(expected), "{reason}"));
    }
}

#[test]
fn the_key_of_a_later_source_can_be_repeated_too() {
    let hr = "id,status,title,mail\n1,active,cook,a@x.se\n2,active,guard,b@x.se\n3,left,nurse,c@x.se\n";
    let pay = "id,on,since\n1,yes,2024-01-01\n1,yes,2026-01-01\n2,yes,2024-01-01\n3,yes,1\n3,yes,2\n9,yes,1\n9,yes,2\n,yes,3\n";
    let two = |more: &str, pay: &str, include: &str, title: &str| {
        let sources = format!("{}{}{more}\n", source("hr", "csv", "hr", "id"), source("pay", "csv", "pay", "id"));
        let employee = EMPLOYEE.replace("'{{ hr.title }}'", title);
        let rest = format!("{employee}[scope]\ninclude = \"{include}\"\n");
        Company::new(&sources, &[("hr", hr), ("pay", pay)], &rest)
    };
    let since = "'{{ hr.title }}{{ pay.since }}'";
    let company = two("", pay, "hr.status == 'active'", since);
    assert_eq!(company.good(), ["guard2024-01-01 3"], "who is outside the scope, or nowhere, is nobody's business");
    company.one_aside(
        2,
        "key_claimed_twice",
        &["rows 2 and 3 of source `pay` have the same id \"1\"", "`prefer` in its"],
    );
    let company = two("prefer = { greatest = \"since\" }", pay, "hr.status == 'active'", since);
    assert_eq!(company.good(), ["cook2026-01-01 2", "guard2024-01-01 3"]);
    let join = company.desired().joins[0];
    assert_eq!((join.people, join.with_row, join.rows_of_nobody), (2, 2, 3));
    // Where the scope depends on it, the record inside the scope counts.
    let pay = "id,on,since\n1,no,5\n1,yes,6\n2,no,7\n2,no,8\n3,no,1\n3,no,2\n";
    let company = two("", pay, "pay.on == 'yes'", since);
    assert_eq!((company.good(), company.aside()), (vec!["cook6 2".to_owned()], vec![]));
    // Nobody is out of scope by a record that may not be theirs.
    let pay = "id,on,since\n1,maybe,5\n1,no,6\n2,yes,7\n3,yes,8\n";
    let company = two("", pay, "{'yes': true, 'no': false}[pay.on]", since);
    company.one_aside(2, "scope_failed", &[]);
}

/// Three lists, of which the last two may repeat keys and decide who is in scope.
fn three(hr: &str, ad: &str, pay: &str, include: &str) -> Company {
    let greatest = "prefer = { greatest = \"day\" }\n";
    let later = |name: &str| source(name, "csv", name, "id") + greatest;
    let sources = source("hr", "csv", "hr", "id") + &later("ad") + &later("pay");
    let rest = format!("{EMPLOYEE}[scope]\ninclude = \"{include}\"\n");
    Company::new(&sources, &[("hr", hr), ("ad", ad), ("pay", pay)], &rest)
}

#[test]
fn nobody_is_out_of_scope_by_one_of_very_many_records() {
    let rows = |id: &str, count: usize| -> String {
        std::iter::once(format!("{id},true,2020-01-01\n"))
            .chain((1..count).map(|day| format!("{id},false,2021-{:02}-{:02}\n", day / 28 + 1, day % 28 + 1)))
            .collect()
    };
    let one = "id,title,mail\n1,cook,a@x.se\n";
    for count in [2, 64, 65, 200] {
        let ad = format!("id,enabled,day\n{}", rows("1", count));
        let company = three(one, &ad, "id,day\n", "ad.enabled == 'true'");
        assert_eq!((company.good(), company.aside()), (vec!["cook 2".to_owned()], vec![]), "{count}");
    }
    // If several people have the key too, judging all of them would take too long.
    let two = "id,status,title,mail\nN/A,active,cook,a@x.se\nN/A,left,nurse,b@x.se\n3,active,guard,c@x.se\n";
    for count in [64, 65] {
        let ad = format!("id,enabled,day\n3,true,1\n{}", rows("N/A", count));
        let company = three(two, &ad, "id,day\n", "hr.status == 'active' and ad.enabled == 'true'");
        if count == 64 {
            assert_eq!((company.good(), company.aside()), (vec!["cook 2".to_owned(), "guard 4".to_owned()], vec![]));
        } else {
            let parts = ["of source `ad` have the same id", "more than 64, and several people have that key"];
            company.one_aside(2, "key_claimed_twice", &parts);
        }
        assert_eq!(company.desired().out_of_scope.len(), 1);
    }
}

#[test]
fn what_several_sources_leave_open_puts_nobody_out_of_scope() {
    let hr = "id,status,title,mail\n1,active,cook,a@x.se\n2,active,guard,b@x.se\n3,left,nurse,c@x.se\n";
    let ad = "id,enabled,day\n1,true,2020\n1,false,2021\n2,true,1\n3,true,1\n3,false,2\n";
    let pay = "id,paid,day\n1,yes,1\n1,yes,2\n2,yes,1\n3,yes,1\n3,yes,2\n";
    let company = three(hr, ad, pay, "hr.status == 'active' and ad.enabled == 'true' and pay.paid == 'yes'");
    assert_eq!((company.good(), company.aside()), (vec!["cook 2".to_owned(), "guard 3".to_owned()], vec![]));
    assert_eq!(company.desired().out_of_scope, ["3".into()].into());
    // While the second one is open, it is not known which row of the first one puts somebody out of scope.
    let company = three(hr, ad, pay, "hr.status == 'active' and pay.paid == 'yes' and ad.enabled == 'true'");
    assert_eq!(company.good(), ["guard 3"]);
    let parts =
        ["rows 2 and 3 of source `ad` have the same id", "depends on other sources with a key that is repeated"];
    company.one_aside(2, "key_claimed_twice", &parts);
    assert_eq!(company.desired().out_of_scope, ["3".into()].into());
    // The first list can repeat the key as well.
    let twice = format!("{hr}1,active,clerk,d@x.se\n");
    let company = three(&twice, ad, pay, "pay.paid == 'yes' and ad.enabled == 'true' and hr.status == 'active'");
    assert_eq!(company.good(), ["guard 3"]);
    assert!(company.desired().out_of_scope.iter().all(|identifier| identifier.as_str() != "1"));
}

/// Whom `prefer` passes over is not in the list any more. So it takes nobody who may be out of scope in the place of somebody.
#[test]
fn a_record_that_may_be_out_of_scope_takes_nobodys_place() {
    let told = |hr: &str| {
        let sources =
            source("hr", "csv", "hr", "id") + "prefer = { greatest = \"day\" }\n" + &source("ad", "csv", "ad", "id");
        let employee = EMPLOYEE.replace("{{ hr.id }}", "{{ hr.no }}");
        let include = "[scope]\ninclude = \"hr.status == 'in' or ad.on is defined\"\n";
        let hr = format!("id,no,status,title,mail,day\n{hr}8,8,in,guard,g@x.se,1\n");
        let company =
            Company::new(&sources, &[("hr", &hr), ("ad", "id,on\n7\u{200b},true\n")], &format!("{employee}{include}"));
        let aside: Vec<_> = company.aside().into_iter().map(|(row, code, _)| format!("{row} {code}")).collect();
        let doubtful = company.desired().doubtful.len();
        (company.good(), aside, doubtful)
    };
    let guard = || vec!["guard 4".to_owned()];
    // One is surely in scope, and the later one may be: of the same person, or of somebody else.
    for (second, aside) in [("7,5,out,cook,a@x.se,2", &[2][..]), ("7,6,out,cook,b@x.se,2", &[2, 3])] {
        let aside = aside.iter().map(|row| format!("{row} key_claimed_twice")).collect();
        assert_eq!(told(&format!("7,5,in,cook,a@x.se,1\n{second}\n")), (guard(), aside, 0), "{second}");
    }
    // Neither is surely in scope: each is read by itself.
    assert_eq!(told("7,5,out,cook,a@x.se,1\n7,6,out,cook,b@x.se,2\n"), (guard(), vec![], 2));
}

#[test]
fn a_record_that_may_be_somebodys_counts_where_a_key_is_repeated() {
    // The person has two records in the first list, of which the second one is in scope in any case.
    let hr = "id,no,status,title,mail\n1,1,x,cook,a@x.se\n1,1,other,clerk,a@x.se\n2,2,other,guard,b@x.se\n";
    let include = "hr.status == 'other' or ad.on is defined";
    for (key, is_decided) in [("1", false), ("1\u{200b}", false), ("9", true)] {
        let company = judged_by_ad(hr, &format!("id,on\n{key},true\n"), ["csv", "csv"], include);
        if is_decided {
            assert_eq!((company.good(), company.aside()), (vec!["clerk 3".to_owned(), "guard 4".to_owned()], vec![]));
        } else {
            assert_eq!(company.good(), ["guard 4"], "{key}");
            let told: Vec<_> = company.aside().into_iter().map(|(row, code, _)| (row, code)).collect();
            assert_eq!(told, [(2, "key_claimed_twice"), (3, "key_claimed_twice")], "{key}");
        }
    }
    // What the first list says alone still decides.
    let company =
        judged_by_ad(hr, "id,on\n1\u{200b},true\n", ["csv", "csv"], "hr.status == 'other' and ad.on is defined");
    assert_eq!((company.good(), company.aside().len()), (vec![], 0));
    assert_eq!(company.desired().doubtful.len(), 2, "but for the first record of the person");
    // The person has two records in a later list, of which `prefer` takes the one that the third list may put in scope.
    let hr = "id,title,mail\n1,cook,a@x.se\n";
    let ad = "id,type,day\n1,x,2020\n1,y,2021\n";
    let include = "ad.type == 'x' or pay.paid is defined";
    let counted = |pay: &str| {
        let employee = "{{ hr.title }}{{ ad.day }}";
        let later = |name: &str| source(name, "csv", name, "id") + "prefer = { greatest = \"day\" }\n";
        let sources = source("hr", "csv", "hr", "id") + &later("ad") + &later("pay");
        let rest = EMPLOYEE.replace("{{ hr.title }}", employee) + &format!("[scope]\ninclude = \"{include}\"\n");
        Company::new(&sources, &[("hr", hr), ("ad", ad), ("pay", &format!("id,paid,day\n{pay}"))], &rest)
    };
    assert_eq!(counted("9,yes,1\n").good(), ["cook2020 2"]);
    assert_eq!(counted("1,yes,1\n").good(), ["cook2021 2"]);
    let parts = ["rows 2 and 3 of source `ad`", "or cannot be used"];
    counted("1\u{200b},yes,1\n").one_aside(2, "key_claimed_twice", &parts);
}
