//! The `ldap` source against OpenLDAP.

mod lies;
mod refusals;

use serde_json::{Value, json};

use crate::harness::{Company, Output, snapshot};
use crate::servers::certificates::Authority;
use crate::servers::proxy;
use crate::servers::slapd::{PASSWORD, PEOPLE, READER, Slapd, authority, dn, people};

/// How many of the shared directory's people are active.
const ACTIVE: usize = PEOPLE - PEOPLE / 50;
const EVERYBODY: &str = "base = \"dc=example,dc=test\"";

/// A company whose people are in a directory; `more` are further settings of the source.
fn company(url: &str, more: &str) -> Company {
    let settings = format!(
        r#"[target]
kind = "skovik"
url = "http://127.0.0.1:8480/v1"

[[source]]
name = "ad"
kind = "ldap"
url = "{url}"
bind_dn = "{READER}"
password_env = "LDAP_PASSWORD"
filter = "(objectClass=inetOrgPerson)"
key = "employeeNumber"
{more}

[employee]
external_identifier = "{{{{ ad.employeeNumber }}}}"
primary_email = "{{{{ ad.mail | lower }}}}"
first_name = "{{{{ ad.givenName }}}}"
last_name = "{{{{ ad.sn }}}}"
branch = "{{{{ ad.departmentNumber }}}}"
manager = {{ value = "{{{{ ad.manager }}}}", refers_to = "{{{{ ad.dn }}}}" }}

[scope]
include = "ad.employeeType == 'active'"
"#
    );
    with_ca(&settings, "LDAP_PASSWORD", PASSWORD)
}

/// A company with these settings, the certificate of the tests' CA, and a password in a variable.
pub(super) fn with_ca(settings: &str, variable: &str, password: &str) -> Company {
    let mut company = Company::of(settings, "", &branches(), |_| {});
    company.write("ca.pem", authority().pem());
    company.env(variable, password);
    company
}

/// The company of the shared directory over TLS.
fn shared(more: &str) -> Company {
    company(&Slapd::shared().tls(), &format!("ca_file = \"ca.pem\"\n{more}"))
}

/// An account with two branches and nobody in it.
pub(super) fn branches() -> Vec<u8> {
    let branch = |identifier: &str| {
        json!({"type": "branches", "id": identifier.to_lowercase(),
               "attributes": {"name": format!("Example {identifier}"), "external_identifier": identifier}})
    };
    snapshot(&[branch("NO01"), branch("SE01")], &[], &[])
}

/// The list cannot be trusted: no plan, nothing written, a message with the source and the cause, and no password.
#[track_caller]
pub(super) fn is_refused(company: &Company, says: &[&str]) -> Output {
    let output = company.run(&["plan"]).ends(4).says(&["source `ad`: "]).says(says);
    assert!(!company.exists("plan.json"), "{output}");
    assert!(!output.stderr.contains(PASSWORD) && !output.stdout.contains(PASSWORD), "{output}");
    company.wrote_nothing();
    output
}

/// The settings do not fit the directory.
#[track_caller]
fn is_misconfigured(company: &Company, says: &[&str]) {
    let output = company.run(&["plan"]).ends(3).says(says);
    assert!(!company.exists("plan.json"), "{output}");
}

#[track_caller]
pub(super) fn fingerprint(company: &Company) -> Value {
    let plan = company.plan(0);
    json!([plan["config_hash"], plan["sources"], plan["operations"]])
}

#[test]
fn a_directory_is_read_planned_applied_and_then_in_line() {
    let company = shared(EVERYBODY);
    let plan = company.plan(0);
    let source = &plan["sources"][0];
    assert_eq!((&source["kind"], &source["proof"]), (&json!("ldap"), &json!("paged-results")), "{source}");
    assert_eq!(source["records"], json!(PEOPLE), "{source}");
    assert_eq!(plan["summary"]["create"], json!(ACTIVE), "{}", plan["summary"]);
    company.plan_and_apply();
    company.is_in_line();
    let manager = |n: usize| company.user(&(1000 + n).to_string()).expect("a user")["relationships"]["manager"].clone();
    assert_eq!(manager(300)["data"]["id"], json!(company.id("1037")));
    assert_eq!(manager(0)["data"], Value::Null);
    // Those who have left are nobody's business.
    assert_eq!(company.user("1049"), None);
}

#[test]
fn what_is_planned_does_not_depend_on_the_way_or_the_pages() {
    let directory = Slapd::shared();
    let company = shared(&format!("page_size = 500\n{EVERYBODY}"));
    let expected = fingerprint(&company);
    // Pages of which the last is full, of one entry less, and of one entry more.
    let mut before = 500;
    for page_size in [7, PEOPLE / 4, PEOPLE - 1, PEOPLE, PEOPLE + 1] {
        company.edit("skovik-sync.toml", &format!("page_size = {before}\n"), &format!("page_size = {page_size}\n"));
        assert_eq!(fingerprint(&company), expected, "{page_size}");
        before = page_size;
    }
    company.edit("skovik-sync.toml", &directory.tls(), &directory.plain());
    company.edit("skovik-sync.toml", "ca_file =", "start_tls = true\nca_file =");
    assert_eq!(fingerprint(&company), expected);
    company.edit("skovik-sync.toml", "start_tls = true\nca_file = \"ca.pem\"\n", "");
    assert_eq!(fingerprint(&company), expected);
}

#[test]
fn several_bases_and_filters_are_one_list() {
    let records = |more: &str| {
        let plan = shared(more).plan(0);
        plan["sources"][0]["records"].as_u64().expect("a number")
    };
    let (all, contractors) = (PEOPLE as u64, PEOPLE as u64 / 10);
    let staff = "base = \"ou=staff,dc=example,dc=test\"";
    assert_eq!(records(staff), all - contractors);
    assert_eq!(records(&format!("{staff}\nscope = \"one\"")), all - contractors);
    assert_eq!(records("base = [\"ou=staff,dc=example,dc=test\", \"ou=contractors,dc=example,dc=test\"]"), all);
    // Two searches that overlap: the union, and nobody twice.
    let searches = "search = [\n{ base = \"ou=staff,dc=example,dc=test\" },\n\
                    { base = \"dc=example,dc=test\", filter = \"(uid=p1*)\" },\n\
                    { base = \"uid=p9,ou=contractors,dc=example,dc=test\", scope = \"base\" } ]";
    let called_1 = (0..PEOPLE).filter(|n| n % 10 == 9 && n.to_string().starts_with('1')).count() as u64;
    assert_eq!(records(searches), all - contractors + called_1 + 1);
}

#[test]
fn nobody_at_all_is_not_believed() {
    let nobody = "base = \"dc=example,dc=test\"\nfilter = \"(uid=nobody)\"";
    let company = shared("");
    company.edit("skovik-sync.toml", "filter = \"(objectClass=inetOrgPerson)\"", nobody);
    is_refused(&company, &["finds nobody", "right to read"]);
}

#[test]
fn a_search_that_finds_nobody_is_not_believed_unless_it_may() {
    let says = |filter: &str| {
        let found = format!("the search below cn=reader,dc=example,dc=test for {filter} finds nobody");
        [found, "right to read".to_owned(), "may_be_empty = true".to_owned()]
    };
    let is_refused_for = |company: &Company, filter: &str| {
        is_refused(company, &says(filter).each_ref().map(String::as_str));
    };
    let bases = "base = [\"ou=staff,dc=example,dc=test\", \"cn=reader,dc=example,dc=test\"]";
    is_refused_for(&shared(bases), "(objectClass=inetOrgPerson)");
    let searches = "search = [ { base = \"ou=staff,dc=example,dc=test\" },\n\
                    { base = \"cn=reader,dc=example,dc=test\", filter = \"(uid=*)\" } ]";
    let company = shared(searches);
    is_refused_for(&company, "(uid=*)");
    company.edit("skovik-sync.toml", "(uid=*)\"", "(uid=*)\", may_be_empty = true");
    let plan = company.plan(0);
    assert_eq!(plan["sources"][0]["records"], json!(PEOPLE - PEOPLE / 10));
    // A completely empty result is an error.
    std::fs::remove_file(company.path("plan.json")).expect("removed");
    company.edit(
        "skovik-sync.toml",
        "ou=staff,dc=example,dc=test\"",
        "cn=reader,dc=example,dc=test\", may_be_empty = true",
    );
    is_refused(&company, &["127.0.0.1", " finds nobody; a directory shows nothing"]);
}

#[test]
fn a_manager_is_found_however_the_name_is_written() {
    let person = |dn: &str, number: usize, manager: &str| {
        let manager = if manager.is_empty() { String::new() } else { format!("manager: {manager}\n") };
        format!(
            "dn: {dn}\nobjectClass: inetOrgPerson\nemployeeNumber: {number}\ngivenName: First{number}\nsn: Doe\n\
             cn: Doe, John\nmail: p{number}@example.com\ndepartmentNumber: SE01\nemployeeType: active\n{manager}\n"
        )
    };
    let john = r"cn=Doe\, John,ou=staff,dc=example,dc=test";
    let mut ldif = person(john, 1000, "");
    let written = [
        john,
        r"cn=Doe\2C John,ou=staff,dc=example,dc=test",
        r"CN=doe\2c john, OU=Staff, DC=Example, DC=Test",
        r"cn=Doe\,  John,ou=staff,dc=example,dc=test",
        r"2.5.4.3=Doe\, John,ou=staff,dc=example,dc=test",
    ];
    for (n, manager) in (1001..).zip(written) {
        ldif.push_str(&person(&format!("employeeNumber={n},ou=staff,dc=example,dc=test"), n, manager));
    }
    let directory = Slapd::start(&ldif, "", &authority().for_loopback());
    let company = company(&directory.plain(), EVERYBODY);
    let plan = company.plan(0);
    assert_eq!(plan["summary"]["create"], json!(1 + written.len()), "{:#}", plan["diagnostics"]);
    company.plan_and_apply();
    for n in 1001..1001 + written.len() {
        let user = company.user(&n.to_string()).expect("a user");
        assert_eq!(user["relationships"]["manager"]["data"]["id"], json!(company.id("1000")), "{n}");
    }
}

#[test]
fn groups_within_groups_as_docs_say() {
    let group = |name: &str, member: &str| {
        format!("dn: cn={name},dc=example,dc=test\nobjectClass: groupOfNames\ncn: {name}\nmember: {member}\n\n")
    };
    let inner = group("team", &dn(1)) + &group("more", &dn(2));
    let outer = group("expenses", "cn=team,dc=example,dc=test");
    let schema = "include /etc/ldap/schema/dyngroup.schema\nmodulepath /usr/lib/ldap\nmoduleload dynlist";
    let overlay = "overlay dynlist\ndynlist-attrset groupOfURLs memberURL member+memberOf@groupOfNames*";
    let ldif = people(20) + &inner + &outer;
    let directory = Slapd::start_with_schema(schema, &ldif, overlay, &authority().for_loopback());
    let company = company(&directory.plain(), EVERYBODY);
    let of_group = "(&(objectClass=inetOrgPerson)(memberOf=cn=expenses,dc=example,dc=test))";
    company.edit("skovik-sync.toml", "(objectClass=inetOrgPerson)", of_group);
    let plan = company.plan(0);
    assert_eq!(plan["summary"]["create"], json!(1), "{:#}", plan["diagnostics"]);
    assert_eq!(plan["operations"][0]["employee"], json!("1001"));
}

#[test]
fn what_is_not_text_is_refused_unless_it_is_called_binary() {
    let schema = "attributetype ( 1.3.6.1.4.1.99999.1 NAME 'blob' SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 )";
    // 0xff 0xfe is not UTF-8.
    let ldif = people(2).replace("uid: p1\n", "objectClass: extensibleObject\nuid: p1\nblob:: //4=\n");
    let directory = Slapd::start_with_schema(schema, &ldif, "", &authority().for_loopback());
    let company = company(&directory.plain(), EVERYBODY);
    company.edit("skovik-sync.toml", "{{ ad.sn }}", "{{ ad.sn }}{{ ad.blob }}");
    is_refused(&company, &[&format!("\"{}\": a value of `blob` is not UTF-8 text", dn(1)), "`binary`"]);
    company.edit("skovik-sync.toml", EVERYBODY, &format!("{EVERYBODY}\nbinary = [\"Blob\"]"));
    let plan = company.plan(0);
    assert_eq!(plan["operations"][1]["after"]["last_name"], json!("Last1//4="));
}

#[test]
fn an_attribute_that_nobody_has_is_told_from_one_that_does_not_exist() {
    let company = shared(EVERYBODY);
    let rename = |from: &str, to: &str| company.edit("skovik-sync.toml", from, to);
    rename("{{ ad.sn }}", "{{ ad.sn }}{{ ad.title }}");
    let output = company.run(&["plan"]).ends(0).says(&["[[source]] `ad`: no entry has a `title`"]);
    assert!(company.json("plan.json")["operations"][0]["after"]["last_name"] == json!("Last0"), "{output}");
    std::fs::remove_file(company.path("plan.json")).expect("removed");
    rename("ad.title", "ad.tilte");
    is_misconfigured(&company, &["`tilte` of [[source]] `ad`", "did you mean `title`?"]);
    // What the directory answers under another name would be an empty column.
    rename("{{ ad.sn }}{{ ad.tilte }}", "{{ ad.surname }}");
    is_misconfigured(&company, &["`surname` of [[source]] `ad`, which this directory calls `sn`"]);
    rename("ad.surname", "ad['last name']");
    is_misconfigured(&company, &["`last name` of [[source]] `ad`, which cannot be the name of an attribute"]);
    // The names of attributes have no case.
    rename("ad['last name']", "ad.SN");
    assert_eq!(company.plan(0)["operations"][0]["after"]["last_name"], json!("Last0"));
}

#[test]
fn a_part_that_is_kept_elsewhere_is_missed() {
    let elsewhere = "dn: ou=elsewhere,dc=example,dc=test\nobjectClass: referral\nobjectClass: extensibleObject\n\
                     ou: elsewhere\nref: ldap://ldap2.example.test/ou=elsewhere,dc=example,dc=test\n\n";
    let directory = Slapd::start(&(people(4) + elsewhere), "", &authority().for_loopback());
    let company = company(&directory.plain(), EVERYBODY);
    is_refused(&company, &["kept elsewhere (ldap://ldap2.example.test/ou=elsewhere", "referrals = \"ignore\""]);
    company.edit("skovik-sync.toml", EVERYBODY, &format!("{EVERYBODY}\nreferrals = \"ignore\""));
    let plan = company.plan(0);
    assert_eq!(plan["sources"][0]["proof"], json!("paged-results,referrals-ignored"));
    // If everything is on another server, ignoring referrals does not help.
    std::fs::remove_file(company.path("plan.json")).expect("removed");
    company.edit("skovik-sync.toml", EVERYBODY, "base = \"ou=elsewhere,dc=example,dc=test\"");
    is_refused(&company, &["referral (10)"]);
}

#[test]
fn several_values_are_a_list() {
    let ldif = people(2).replace("mail: P1@", "mail: z@example.com\nmail: P1@");
    let directory = Slapd::start(&ldif, "", &authority().for_loopback());
    let company = company(&directory.plain(), EVERYBODY);
    company.edit("skovik-sync.toml", "ad.mail | lower", "ad.mail");
    let output = company.run(&["plan"]).ends(0);
    let plan = company.json("plan.json");
    assert_eq!(plan["summary"]["set_aside"], json!(1), "{output}");
    assert!(plan["diagnostics"][0]["message"].to_string().contains("| as_list | first"), "{output}");
    // An attribute in `lists` is a list even with a single value.
    company.edit("skovik-sync.toml", EVERYBODY, &format!("{EVERYBODY}\nlists = [\"MAIL\"]"));
    company.edit("skovik-sync.toml", "ad.mail }}", "ad.mail | first | lower }}");
    let plan = company.plan(0);
    let emails: Vec<&Value> =
        [0, 1].iter().map(|&n: &usize| &plan["operations"][n]["after"]["primary_email"]).collect();
    assert_eq!(emails, ["p0@example.com", "p1@example.com"]);
}

#[test]
fn an_account_is_disabled_or_not_or_that_is_not_clear() {
    let settings = r#"[target]
kind = "skovik"
url = "http://127.0.0.1:8480/v1"

[[source]]
name = "hr"
kind = "csv"
path = "employees.csv"
key = "id"

[[source]]
name = "ad"
kind = "csv"
path = "accounts.csv"
key = "id"

[employee]
external_identifier = "{{ hr.id }}"
primary_email = "{{ hr.id }}@example.com"
first_name = "{{ hr.id }}"
last_name = "Berg"
branch = "SE01"

[scope]
include = "ad is not disabled"

[guard]
max_invalid_percent = 100
"#;
    let company = Company::of(settings, "id\nenabled\ndisabled\nunclear\nabsent\n", &branches(), |_| {});
    company.write("accounts.csv", "id,userAccountControl\nenabled,66048\ndisabled,66050\nunclear,\n");
    let plan = company.plan(0);
    assert_eq!((&plan["summary"]["create"], &plan["summary"]["set_aside"]), (&json!(1), &json!(2)), "{plan:#}");
    assert_eq!(plan["operations"][0]["employee"], json!("enabled"));
    let said = plan["diagnostics"].to_string();
    assert!(
        said.contains("needs a number in userAccountControl") && said.contains("no record of this person"),
        "{said}"
    );
    // People without an account can be left out by testing for it.
    let asking = "ad.userAccountControl | default('') != '' and ad is not disabled";
    company.edit("skovik-sync.toml", "ad is not disabled", asking);
    let summary = company.plan(0)["summary"].clone();
    assert_eq!((&summary["create"], &summary["set_aside"]), (&json!(1), &json!(0)), "{summary}");
    // The column that the test needs is requested too.
    company.edit("accounts.csv", "userAccountControl", "control");
    company.run(&["plan"]).ends(3).says(&["`ad.userAccountControl`", "no record of source `ad` has the column"]);
}

#[test]
fn an_attribute_is_read_however_a_template_names_it() {
    let usual = "include = \"ad.employeeType == 'active'\"";
    let scoped = |condition: &str| {
        let company = shared(EVERYBODY);
        company.edit("skovik-sync.toml", usual, &format!("include = \"{condition} and ad.employeeType == 'active'\""));
        company
    };
    for condition in [
        "'uid' in ad",
        "[ad] | selectattr('uid', 'defined') | list | length == 1",
        "([ad] | map(attribute='UID') | first)[:1] == 'p'",
        "([ad] | map('attr', 'uid') | first)[:1] == 'p'",
    ] {
        assert_eq!(scoped(condition).plan(0)["summary"]["create"], json!(ACTIVE), "{condition}");
    }
    is_misconfigured(&scoped("'uidd' in ad"), &["the settings use `uidd`", "did you mean `uid`?"]);
    // Other texts of a template are no columns.
    let company = scoped("[ad] | selectattr('nobody', 'defined') | list | length == 0 and 'active' != 'title'");
    assert_eq!(company.plan(0)["summary"]["create"], json!(ACTIVE));
    let output = company.run(&["check"]).ends(0);
    assert!(!output.stdout.contains("nobody") && !output.stdout.contains("title"), "{output}");
}

#[test]
fn what_a_union_says_of_a_directory_is_checked() {
    let union = |columns: &str| {
        let company = shared("");
        let settings = company.read("skovik-sync.toml");
        let (head, rest) = settings.split_once("[[source]]\n").expect("a source");
        let (source, rest) = rest.split_once("[employee]\n").expect("[employee]");
        let part = |name: &str| {
            let named = source.replace("\"ad\"", &format!("\"{name}\"")).replace("key = \"employeeNumber\"\n", "");
            format!("[[source]]\n{named}base = \"ou={name},dc=example,dc=test\"\n")
        };
        let union = "[[source]]\nname = \"ad\"\nkind = \"union\"\nof = [\"staff\", \"contractors\"]\nkey = \"employeeNumber\"\n";
        let parts = format!("{}{}{union}[source.columns]\n{columns}\n", part("staff"), part("contractors"));
        company.write("skovik-sync.toml", format!("{head}{parts}[employee]\n{rest}"));
        company
    };
    let plan = |columns: &str| union(columns).plan(0)["summary"]["create"].clone();
    assert_eq!(plan(""), json!(ACTIVE));
    // Nothing else names the attribute.
    assert_eq!(plan("login = { staff = \"uid\" }"), json!(ACTIVE));
    is_misconfigured(&union("login = { staff = \"uidd\" }"), &["the settings use `uidd`", "did you mean `uid`?"]);
    // The directory knows the attribute, but nobody has it.
    assert_eq!(plan("title = { staff = \"\" }"), json!(ACTIVE));
    assert_eq!(plan("nobody = { staff = \"\", contractors = \"\" }"), json!(ACTIVE));
    let problem = "says that list `staff` has no column `uid`, but it has one";
    is_misconfigured(&union("uid = { staff = \"\" }"), &[problem]);
}
