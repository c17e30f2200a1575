//! The `ldap` source against Active Directory, which Samba is here. Provisioning a domain controller needs root, so that
//! these tests are run by name; `scripts/test` does that.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::{Value, json};

use super::ldap::{fingerprint, with_ca};
use crate::harness::Company;
use crate::servers::samba::{ADMINISTRATOR, MOVERS, PASSWORD, PEOPLE, STAFF, Samba};
use crate::servers::{program, run};

/// How many accounts are enabled.
const ENABLED: usize = PEOPLE - PEOPLE / 10;

/// A company whose people are in Active Directory; `more` are further settings of the source.
fn company(url: &str, more: &str) -> Company {
    let settings = format!(
        r#"[target]
kind = "skovik"
url = "http://127.0.0.1:8480/v1"

[[source]]
name = "ad"
kind = "ldap"
url = "{url}"
bind_dn = "{ADMINISTRATOR}"
password_env = "AD_PASSWORD"
base = "{STAFF}"
filter = "(&(objectCategory=person)(objectClass=user))"
key = "objectGUID"
{more}

[employee]
external_identifier = "{{{{ ad.objectGUID }}}}"
primary_email = "{{{{ ad.mail }}}}"
first_name = "{{{{ ad.givenName }}}}"
last_name = "{{{{ ad.sn }}}}"
branch = "{{{{ ad.department }}}}"
manager = {{ value = "{{{{ ad.manager }}}}", refers_to = "{{{{ ad.dn }}}}" }}

[scope]
include = "ad is not disabled"
"#
    );
    with_ca(&settings, "AD_PASSWORD", PASSWORD)
}

fn shared(more: &str) -> Company {
    company(&Samba::shared().tls(), &format!("ca_file = \"ca.pem\"\n{more}"))
}

#[track_caller]
fn is_refused(company: &Company, says: &[&str]) {
    let output = company.run(&["plan"]).ends(4).says(&["source `ad`: "]).says(says);
    assert!(!company.exists("plan.json") && !output.stderr.contains(PASSWORD), "{output}");
    company.wrote_nothing();
}

/// What Samba's own tool prints of an account: another reading of the same bytes.
fn by_its_own_tool(n: usize) -> BTreeMap<String, String> {
    let database = Samba::shared().folder().join("private/sam.ldb");
    let mut command = Command::new(program("ldbsearch"));
    command.arg("-H").arg(database).arg(format!("(sAMAccountName=p{n})")).args(["objectGUID", "objectSid"]);
    let printed = run(&mut command);
    printed
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[test]
#[ignore = "provisions a domain controller, which needs root; scripts/test runs it as root"]
fn a_domain_is_read_planned_applied_and_then_in_line() {
    let company = shared("");
    let plan = company.plan(0);
    let source = &plan["sources"][0];
    assert_eq!((&source["records"], &source["proof"]), (&json!(PEOPLE), &json!("paged-results")), "{source}");
    assert_eq!(plan["summary"]["create"], json!(ENABLED), "disabled accounts are out of scope: {}", plan["summary"]);
    company.plan_and_apply();
    company.is_in_line();
    let user = |n: usize| {
        let users = company.users();
        let email = format!("p{n}@example.com");
        users.into_iter().find(|user| user["attributes"]["primary_email"] == email.as_str())
    };
    assert_eq!(user(9), None);
    let boss = user(3).expect("a user");
    assert_eq!(user(30).expect("a user")["relationships"]["manager"]["data"]["id"], boss["id"]);
}

#[test]
#[ignore = "provisions a domain controller, which needs root; scripts/test runs it as root"]
fn who_is_renamed_or_moved_is_the_same_person() {
    let company = shared("");
    company.edit("skovik-sync.toml", STAFF, MOVERS);
    company.append("skovik-sync.toml", "\n[guard]\nmax_change_percent = 100\n");
    company.plan_and_apply();
    let id = company.id("mover@example.com");
    let rename = format!("dn: CN=Mover,{MOVERS}\nchangetype: modrdn\nnewrdn: CN=Moved\ndeleteoldrdn: 1\n\n");
    let address = format!("dn: CN=Moved,{MOVERS}\nchangetype: modify\nreplace: mail\nmail: moved@example.com\n");
    Samba::shared().ldap("ldapmodify", &(rename + &address));
    assert_eq!(company.plan(0)["summary"]["update"], json!(1));
    company.plan_and_apply();
    assert_eq!(company.id("moved@example.com"), id);
}

#[test]
#[ignore = "provisions a domain controller, which needs root; scripts/test runs it as root"]
fn identifiers_are_written_as_its_own_tools_do() {
    let company = shared("");
    company.edit(
        "skovik-sync.toml",
        "{{ ad.sn }}",
        "{{ ad.sn }} {{ ad.objectSid }} {{ ad.proxyAddresses | join(' ') }}",
    );
    let plan = company.plan(0);
    let operations = plan["operations"].as_array().expect("a list");
    for n in [0, 7, 31] {
        let own = by_its_own_tool(n);
        let planned = operations.iter().find(|operation| operation["employee"] == json!(own["objectGUID"]));
        let after = &planned.unwrap_or_else(|| panic!("nobody is {}", own["objectGUID"]))["after"];
        let addresses = format!("SMTP:p{n}@example.com smtp:first{n}@example.com");
        assert_eq!(after["last_name"], json!(format!("Last{n} {} {addresses}", own["objectSid"])));
    }
}

#[test]
#[ignore = "provisions a domain controller, which needs root; scripts/test runs it as root"]
fn what_is_planned_does_not_depend_on_the_way_or_the_pages() {
    let company = shared("page_size = 500");
    let expected = fingerprint(&company);
    // Pages of which the last is full: here the list ends with an empty one.
    let mut before = 500;
    for page_size in [7, PEOPLE / 4, PEOPLE / 2, PEOPLE] {
        company.edit("skovik-sync.toml", &format!("page_size = {before}\n"), &format!("page_size = {page_size}\n"));
        assert_eq!(fingerprint(&company), expected, "{page_size}");
        before = page_size;
    }
    company.edit("skovik-sync.toml", &Samba::shared().tls(), &Samba::shared().plain());
    company.edit("skovik-sync.toml", "ca_file =", "start_tls = true\nca_file =");
    assert_eq!(fingerprint(&company), expected);
}

#[test]
#[ignore = "provisions a domain controller, which needs root; scripts/test runs it as root"]
fn it_lets_nobody_in_without_encryption_or_with_a_wrong_password() {
    let says = ["stronger authentication required (8)", "use ldaps:// in `url`, or start_tls = true"];
    is_refused(&company(&Samba::shared().plain(), ""), &says);
    let mut company = shared("");
    company.env("AD_PASSWORD", "hunter-twelve");
    is_refused(
        &company,
        &["refuses the bind of Administrator@AD.EXAMPLE.TEST: invalid credentials (49)", "the password is wrong"],
    );
    // Anonymously, it shows nothing.
    company.edit("skovik-sync.toml", &format!("bind_dn = \"{ADMINISTRATOR}\"\npassword_env = \"AD_PASSWORD\"\n"), "");
    is_refused(&company, &["refuses the search", "`bind_dn`"]);
}

#[test]
#[ignore = "provisions a domain controller, which needs root; scripts/test runs it as root"]
fn at_the_root_of_a_domain_it_refers_to_other_servers() {
    let at_the_root = || {
        let company = shared("");
        company.edit("skovik-sync.toml", STAFF, "DC=ad,DC=example,DC=test");
        company.edit("skovik-sync.toml", "(objectCategory=person)", "(objectCategory=person)(employeeNumber=*)");
        company
    };
    is_refused(&at_the_root(), &["kept elsewhere", "CN=Configuration", "referrals = \"ignore\""]);
    let company = at_the_root();
    company.edit("skovik-sync.toml", "key =", "referrals = \"ignore\"\nkey =");
    let plan: Value = company.plan(0);
    assert_eq!(plan["sources"][0]["proof"], json!("paged-results,referrals-ignored"));
    assert_eq!(plan["summary"]["create"], json!(ENABLED));
}

#[test]
#[ignore = "provisions a domain controller, which needs root; scripts/test runs it as root"]
fn its_schema_tells_a_misspelt_attribute_from_one_that_nobody_has() {
    let company = shared("");
    company.edit("skovik-sync.toml", "{{ ad.sn }}", "{{ ad.sn }}{{ ad.extensionAttribute15 }}{{ ad.pager }}");
    company.run(&["plan"]).ends(3).says(&["`extensionAttribute15`", "is not an attribute that this directory knows"]);
    company.edit("skovik-sync.toml", "{{ ad.extensionAttribute15 }}", "");
    company.run(&["plan"]).ends(0).says(&["no entry has a `pager`"]);
    // So it does in filters, as Active Directory's are written.
    let enabled = "(!(userAccountControl:1.2.840.113556.1.4.803:=2))";
    company.edit("skovik-sync.toml", "(objectClass=user)", &format!("(objectClass=user)(anr=p){enabled}"));
    assert_eq!(company.plan(0)["sources"][0]["records"], json!(ENABLED));
    company.edit("skovik-sync.toml", "(!(userAccountControl:", "(!(userAcountControl:");
    company.run(&["plan"]).ends(3).says(&["asks for `userAcountControl`", "did you mean `userAccountControl`?"]);
}

#[test]
#[ignore = "provisions a domain controller, which needs root; scripts/test runs it as root"]
fn groups_within_groups_as_docs_say() {
    let group = |name: &str, member: &str| {
        let dn = format!("CN={name},{MOVERS}");
        format!("dn: {dn}\nobjectClass: group\nsAMAccountName: {name}\nmember: {member}\n\n")
    };
    let team = group("Team", &format!("CN=First1 Last1,{STAFF}\nmember: CN=First2 Last2,{STAFF}"));
    Samba::shared().ldap("ldapadd", &(team + &group("Expenses", &format!("CN=Team,{MOVERS}"))));
    for (rule, expected) in [(":1.2.840.113556.1.4.1941:", 2), ("", 0)] {
        let company = shared("");
        let of_group = format!("(objectClass=user)(memberOf{rule}=CN=Expenses,{MOVERS})");
        company.edit("skovik-sync.toml", "(objectClass=user)", &of_group);
        if expected == 0 {
            is_refused(&company, &["finds nobody"]);
        } else {
            assert_eq!(company.plan(0)["sources"][0]["records"], json!(expected));
        }
    }
}
