//! Cells without a value, and values with invisible characters.

use super::*;

#[test]
fn an_error_of_a_spreadsheet_sets_aside_whoever_it_is_about() {
    let rows =
        ["1,a@x.se,#N/A,Berg,active", "2,b@x.se,Bo,Ek,#REF!", "3,c@x.se,Cy,#NAME?,left", "4,d@x.se,Di,Falk,active"];
    let settings = with(",status", &rows, "", "[scope]\ninclude = \"hr.status == 'active'\"\n");
    let Desired { employees, set_aside, out_of_scope, .. } = map(&settings).unwrap();
    assert_eq!(employees.len(), 1);
    let found: Vec<_> = set_aside.iter().map(|bad| (bad.origin.row, bad.code)).collect();
    assert_eq!(found, [(2, "template_failed"), (3, "scope_failed")]);
    assert!(
        set_aside[0].reason.contains("`first` of `hr` holds #N/A, which is an error of a spreadsheet"),
        "{:?}",
        set_aside[0]
    );
    // A bad value in an unused column does not matter.
    assert!(out_of_scope.contains("3"));
}

#[test]
fn what_nobody_sees_sets_aside_where_it_tells_people_apart() {
    for (row, character) in [
        ("1,a\u{200b}@x.se,Anna,Berg", "U+200B"),
        ("1,a@x.se,An\u{ad}na,Berg", "U+00AD"),
        ("1,a@x.se,Anna,van\u{a0}Berg", "U+00A0"),
        ("1,a@x.se,Anna,\u{feff}Berg", "U+FEFF"),
    ] {
        let (code, reason) = code_of(row);
        assert_eq!(code, "unseen_character", "{row:?}");
        assert!(reason.contains(character) && reason.contains("`| visible`"), "{reason}");
    }
    let visible = EMPLOYEE.replace("{{ hr.last }}", "{{ hr.last | visible }}");
    let company = Fixture::csv("id,mail,first,last\n1,a@x.se,Anna,van\u{a0}Berg\u{200b}\n").into_parts(&visible);
    assert_eq!(&*map(&company).unwrap().employees[0].last_name, "van Berg");
    assert!(outcome("[employee.custom_fields]\n\"Title\" = \"{{ hr.x }}\"", "a\u{a0}b").is_ok());
}

#[test]
fn options_whose_values_look_the_same_are_not_chosen_between() {
    let option = |label: &str, value: &str| ChoiceOption { label: label.into(), value: value.into() };
    let options = vec![
        option("One", "\u{c5}"),
        option("Other", "A\u{30a}"),
        option("Third", "x"),
        option("Third", "x"),
        option("Fourth", " y"),
        option("Fifth", "b\u{7}"),
        option("Sixth", &"z".repeat(1001)),
    ];
    let values = FieldValues::new(&CustomFieldKind::MultipleChoice(options));
    let value = |text: &str| match values.value("`f`", text) {
        Ok(CustomValue::Text(value)) => Ok(value.to_string()),
        Ok(other) => panic!("{other:?}"),
        Err(problem) => Err((problem.code, problem.reason)),
    };
    let (code, reason) = value("\u{c5}").unwrap_err();
    assert!(code == "choice_unknown" && reason.contains("differ from it only in Unicode form"), "{reason}");
    // The labels of these options still tell them apart.
    assert_eq!(value("One").unwrap(), "\u{c5}");
    assert_eq!([value("x").unwrap(), value("Third").unwrap()], ["x", "x"]);
    // No plan can hold the values of the others.
    for (label, parts) in [
        ("Other", ["\"A\\u{30a}\"", "not in its normal form"]),
        ("y", ["\" y\"", "outer white space"]),
        ("Fourth", ["\" y\"", "outer white space"]),
        ("Fifth", ["\\u{7}", "a control character"]),
        ("Sixth", ["zzz", "too long"]),
    ] {
        let (code, reason) = value(label).unwrap_err();
        assert!(code == "choice_unknown" && parts.iter().all(|part| reason.contains(part)), "{label}: {reason}");
    }
}
