//! What is found in parts of workbooks, however they are cut into pieces.

use super::*;

fn found(xml: &str, at_once: usize) -> Option<String> {
    let mut references = References::default();
    xml.as_bytes().chunks(at_once).for_each(|bytes| references.add(bytes));
    references.problem().map(str::to_owned)
}

fn finds(part: impl Fn(&str) -> String, inner: &str, expected: Option<&str>) {
    for at_once in [1, 7, 10_000] {
        let found = found(&part(inner), at_once);
        let is_expected = match (&found, expected) {
            (Some(found), Some(expected)) => found.contains(expected),
            (found, expected) => found.is_none() && expected.is_none(),
        };
        assert!(is_expected, "{inner}: {found:?}");
    }
}

fn sheet(inner: &str) -> String {
    format!("<?xml version=\"1.0\"?>\n<!-- a --><x:worksheet xmlns:x='u'>{inner}</x:worksheet>")
}

#[test]
fn names_beyond_a_sheet_are_found_and_no_others() {
    for (inner, expected) in [
        ("<c r=\"A1\" s=\"1\"/><row r='1048576'/><dimension ref=\"A1:XFD1048576\"/><a r='A:D'/>", None),
        ("<c r=\"ZZZZZZZZ2\" t=\"n\"/>", Some("the cell ZZZZZZZZ2,")),
        ("<c\n r = 'XFE1'/>", Some("XFE1")),
        ("<row spans=\"1:2\" r=\"1048577\">", Some("1048577")),
        ("<dimension ref=\"A1:ZZZZZZZ99999999999\"/>", Some("ZZZZZZZ99999999999")),
        ("<c r=\"A4294967297\"/>", Some("A4294967297")),
        ("<t>r=\"ZZZZZZZZ2\"</t><t a='r=\"ZZZZZZZZ2\"' ar='ZZZZZZZZ2' b='>'/>", None),
    ] {
        finds(sheet, inner, expected);
    }
    assert_eq!(found("<theme><fillRect r=\"9999999\"/></theme>", 5), None, "no sheet");
}

#[test]
fn a_value_is_in_one_piece_and_of_its_kind() {
    let all = "<c r='A1' t='s'><v>12</v></c><c><v>-1.5E+7</v></c><c r='B1' t='n'><f>1<2</f><v> 3\n</v></c><x:c t='s'><x:v>0</x:v></x:c>\
               <c t='str'><f>A</f><v>a&amp;b<![CDATA[c]]></v></c><c t='b'><v>1</v></c><c t='inlineStr'><is><t>v</t></is></c><c><v/></c>";
    finds(sheet, all, None);
    for (inner, expected) in [
        ("<c r='A3' t='s'><v> 1 </v></c>", "a text whose number is no number in the cell A3"),
        ("<c t='s'><v>1.0</v></c>", "a text whose number is no number"),
        ("<c r='A3'><v>10</v><v>05</v></c>", "two values in the cell A3"),
        ("<c r='A3' t='inlineStr'><is><t>a</t></is><is/></c>", "two values in the cell A3"),
        ("<c r='A3'><v/><is><t>1</t></is></c>", "two values in the cell A3"),
        ("<c t='s'><v>x</v></c>", "a text whose number"),
        ("<c t='s'><v>1<!--x--></v></c>", "in pieces"),
        ("<c r='A3'><v>2&#48;</v></c>", "a number that is not written as one in the cell A3"),
        ("<c><v>2<!--x-->0</v></c>", "in pieces"),
        ("<c t='n'><v>2<![CDATA[0]]></v></c>", "in pieces"),
        ("<c><v><![CDATA[0]]></v></c>", "in pieces"),
        ("<c><v>1<?x?>0</v></c>", "in pieces"),
        ("<c r='A3' t='s' t='str'><v>1<!--x-->0</v></c>", "two attributes t in the cell A3"),
        ("<c s=\"1\" r='A3' s='1'/>", "two attributes s"),
        ("<c\"t='a>b'/><c t='s'/>", "a quotation mark in a name"),
        ("<!DOCTYPE a [<!ENTITY b \"'\">]>", "a declaration"),
        ("<c r='A3'><v>1</a:b:v>", "in pieces in the cell A3"),
    ] {
        finds(sheet, inner, Some(expected));
    }
}

#[test]
fn what_is_no_tag_ends_where_it_does_for_the_library() {
    let two = "<c r='A3'><v>1</v><v>2</v></c>";
    for before in [
        "<!-- don't -->",
        "<!-- \" > -- -->",
        "<!---->",
        "<!-->'-->",
        "<!--->'-->",
        "<![CDATA[ it's ]] > ]]]>",
        "<?x don't?>",
        "<?>",
        "<?x > '??>",
        "<!--<v>-->",
        "<f>a<![CDATA[ ' <v> ]]>b</f>",
        "</x y='>' >",
        "> ' \"",
    ] {
        finds(sheet, &format!("{before}<c r='A2'><v>7</v></c>"), None);
        finds(sheet, &format!("{before}{two}"), Some("two values in the cell A3"));
    }
}

#[test]
fn a_relationship_says_one_thing() {
    let part = |inner: &str| format!("<?xml version=\"1.0\"?><Relationships xmlns=\"u\">{inner}</Relationships>");
    let texts = "<Relationship Id=\"STYLES\" Type=\"http://x/sharedStrings\" Target=\"SharedStrings.xml\"/>";
    finds(
        part,
        &format!(
            "{texts}<Relationship Id='b' Type='http://x/worksheet' Target='1'/><Relationship Target='2' Type='http://x/worksheet' Id='c'/>"
        ),
        None,
    );
    for (inner, expected) in [
        ("<Relationship Id='a' Type='x'/><Relationship Id=\"a\" Type='y'/>", "uses the id a twice"),
        (
            "<Relationship Id='a' Type='u/officeDocument'/><Relationship Id='b' Type='v/officeDocument'/>",
            "two parts as its officeDocument",
        ),
        ("<Relationship Id='a' Target='strings7.xml' Type='u/sharedStrings'/>", "elsewhere"),
    ] {
        finds(part, inner, Some(expected));
    }
    finds(part, &texts.repeat(2), Some("twice"));
}
