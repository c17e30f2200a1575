//! People of branches that are not managed, whose records may be good or bad.

use super::*;

#[test]
fn employees_of_other_branches_are_elsewhere() {
    let rows = ["1,a@x.se,A,B,SE01", "2,b@x.se,C,D,NO01", "3,c@x.se,E,F,nowhere", "4,d@x,G,H,SE01"];
    let settings = with(",b", &rows, "branch = \"{{ hr.b }}\"", "[scope]\nbranches = [\"Example AB\"]\n");
    let rules = Mapper::new(&settings.1).resolve(&branches(), &custom_fields()).unwrap();
    assert_eq!(rules.scope_branches(), Some(&HashSet::from(["br_1".into()])));
    let desired = map(&settings).unwrap();
    let ids = |employees: &[Employee]| employees.iter().map(|e| e.identifier.to_string()).collect::<Vec<_>>();
    assert_eq!((ids(&desired.employees), ids(&desired.elsewhere)), (vec!["1".to_owned()], vec!["2".to_owned()]));
    assert_eq!((desired.set_aside.len(), desired.in_scope, desired.has_bad_elsewhere), (2, 4, false));
    let bad = with(
        ",b",
        &["1,a@x.se,A,B,SE01", "2,b@x@x,C,D,NO01"],
        "branch = \"{{ hr.b }}\"",
        "[scope]\nbranches = [\"SE01\"]\n",
    );
    let desired = map(&bad).unwrap();
    assert_eq!((desired.elsewhere.len(), desired.set_aside.len(), desired.has_bad_elsewhere), (0, 1, true));
}
