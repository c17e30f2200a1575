//! Who counts as one person, by the lines of `allowed_signers`.

use jiff::tz::TimeZone;

use super::*;
use crate::approval::policy::tests::{approval, key, line};

/// How many people approved: lines are principals and the number of a key, approvals are names and the number of a key.
fn counted(lines: &[(&str, u8)], approvals: &[(&str, u8)]) -> usize {
    let text: String = lines.iter().map(|(before, number)| line(before, *number)).collect();
    let signers = AllowedSigners::parse(&text, &TimeZone::UTC).expect("signers");
    let written: Vec<Approval> = approvals.iter().map(|(approver, _)| approval(approver)).collect();
    let signed = |(approval, (_, number)): (_, &(&str, u8))| {
        let public = key(*number).public_key().to_openssh().expect("a key");
        let (kind, base64) = public.split_once(' ').expect("a kind");
        let key = Some(SignerKey::parse(kind, base64.trim()).expect("a key"));
        Accepted { approval, key, readings: readings(&approval.approver) }
    };
    let mut accepted: Vec<_> = written.iter().zip(approvals).map(signed).collect();
    let found = people(&accepted, Some(&signers)).len();
    accepted.reverse();
    assert_eq!(people(&accepted, Some(&signers)).len(), found, "{lines:?}");
    found
}

const ANNA_AND_BEN: [(&str, u8); 2] = [("anna", 1), ("ben", 2)];

#[test]
fn names_and_keys_are_followed_over_any_number_of_lines() {
    type Case = (&'static [(&'static str, u8)], usize);
    let cases: [Case; 16] = [
        (&[("anna", 1), ("ben", 2)], 2),
        (&[("anna,kim", 1), ("ben,kim", 2)], 1),
        (&[("anna,kim", 1), ("kim,lou", 3), ("lou,ben", 2)], 1),
        (&[("lou,ben", 2), ("anna,kim", 1), ("kim,lou", 3)], 1),
        (&[("anna,kim", 1), ("kim,lou", 3), ("lou,max", 4), ("max,ben", 2)], 1),
        (&[("anna,kim", 1), ("k\u{456}m,lou", 3), ("Lou,ben", 2)], 1),
        // A name of the approver alone, and a key in two lines.
        (&[("anna", 1), ("anna,kim", 3), ("kim,ben", 4), ("ben", 2)], 1),
        (&[("anna", 1), ("anna", 3), ("ben", 3), ("ben", 2)], 1),
        // A line for another use tells whose key it is, too, and so does one that has expired.
        (&[("anna,kim", 1), ("kim,lou namespaces=\"git\"", 3), ("lou,ben valid-before=\"20200101Z\"", 2)], 1),
        // What has nothing to do with one of them.
        (&[("anna,kim", 1), ("zoe", 3), ("lou,ben", 2)], 2),
        (&[("anna,kim", 1), ("kim,lou,!lou", 3), ("lou,ben", 2)], 2),
        // A pattern counts for the two, over names and keys too, and leads no further.
        (&[("anna,k*", 1), ("kim,lou", 3), ("lou,ben", 2)], 1),
        (&[("anna", 1), ("anna,*", 3), ("ben", 2)], 1),
        (&[("anna", 1), ("*", 3), ("ben", 2)], 2),
        (&[("anna", 1), ("* namespaces=\"git\"", 3), ("ben", 2)], 2),
        (&[("anna", 1), ("*,!ben", 1), ("ben", 2)], 2),
    ];
    for (lines, expected) in cases {
        assert_eq!(counted(lines, &ANNA_AND_BEN), expected, "{lines:?}");
    }
}

#[test]
fn the_owner_of_a_key_may_be_whoever_looks_like_a_principal() {
    for (principals, name, expected) in [
        ("boss,anna@example.com", "anna@example.com", 1),
        ("boss,anna@example.com", "Anna@Example.com", 1),
        ("boss,anna@example.com", "ａｎｎａ@example.com", 1),
        ("boss,anna@example.com", "anna\u{200b}@example.com", 1),
        ("boss,anna@example.com", "anne@example.com", 2),
        // Letters of other scripts, in the file or in the name, in patterns too.
        ("\u{430}nna,kim", "anna", 1),
        ("anna", "\u{430}nna", 1),
        ("\u{410}nna", "anna", 1),
        ("\u{410}*", "anna", 1),
        ("*\u{430}", "anna", 1),
        ("rn*", "mark", 1),
        ("mark", "rnark", 1),
        ("*,!ben@example.com", "carla@example.com", 1),
        ("*,!ben@example.com", "ben@example.com", 2),
    ] {
        assert_eq!(counted(&[(principals, 1)], &[("boss", 1), (name, 2)]), expected, "{principals} {name}");
    }
}

#[test]
fn two_keys_may_be_one_owner_s() {
    for (anna, ben, expected) in [
        ("anna,kim", "ben,kim", 1),
        ("anna,Kim", "ben,\u{ff4b}im", 1),
        ("anna,kim@example.com", "ben,*@example.com", 1),
        ("anna,*@example.com", "ben,kim@*", 1),
        ("anna,kim", "ben,k\u{456}m", 1),
        ("anna,\u{43a}im@*", "ben,*@example.com", 1),
        ("anna,*@one.example.com", "ben,*@two.example.com", 2),
        ("anna,kim", "ben,*,!kim,!anna", 2),
        ("anna", "ben", 2),
        ("anna,k?m", "ben,kimm", 2),
    ] {
        assert_eq!(counted(&[(anna, 1), (ben, 2)], &ANNA_AND_BEN), expected, "{anna} {ben}");
    }
}

#[test]
fn patterns_join_three_approvals_where_one_of_them_links_the_others() {
    let approvals = [("anna", 1), ("ben", 2), ("carla", 3)];
    assert_eq!(counted(&[("anna", 1), ("ben", 2), ("carla", 3)], &approvals), 3);
    assert_eq!(counted(&[("anna", 1), ("ben", 2), ("*", 3)], &approvals), 1);
}
