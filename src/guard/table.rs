//! The guards, one row each. Their order is that in which plans show them.

use super::{Ceiling, Count, Guard, IgnoreBelow, ManagerLoss, Needs, Of, Setting, Unit};
use crate::diagnostic::Severity;
use crate::field::Field;

/// All of them, in the order in which plans show them.
pub static GUARDS: &[&Guard] = &[
    &MAX_DELETE_PERCENT,
    &MAX_CHANGE_PERCENT,
    &MAX_INVALID_PERCENT,
    &MIN_EMPLOYEES,
    &MAX_CREATE_PERCENT,
    &MAX_EMPTIED_PERCENT,
    &MAX_UNRESOLVED_PERCENT,
    &MAX_UNMATCHED_PERCENT,
    &MAX_CREATES,
    &MAX_UPDATES,
    &MAX_DELETES,
    &MAX_LEFT_WITHOUT_MANAGER,
    &MAX_FIELD_PERCENT,
    &BRANCH_DELETE_PERCENT,
    &BRANCH_CHANGE_PERCENT,
    // It has only this row, which proves that a row is enough.
    #[cfg(test)]
    &super::tests::MADE_UP,
];

/// A key of `[guard]` itself.
const fn setting(key: &'static str, default: Option<u64>) -> Setting {
    Setting { table: None, key, default, fields: None, needs: None }
}

/// A key of `[guard.per_branch]`.
const fn branch_setting(key: &'static str) -> Setting {
    Setting { table: Some("per_branch"), key, default: None, fields: None, needs: Some(Needs::Branch) }
}

/// The number of people that some guards ignore. Without it, they would block every small company.
const A_FEW: IgnoreBelow = IgnoreBelow::Fixed(5);

/// The number of people that both guards of `[guard.per_branch]` ignore. It counts the people concerned, not the size
/// of the branch. So every branch, large or small, can lose only the same few people without blocking.
const IGNORED_IN_A_BRANCH: IgnoreBelow = IgnoreBelow::Setting { key: "ignore_below", default: 5 };

/// How many of the managed users may be deleted.
pub static MAX_DELETE_PERCENT: Guard = Guard {
    id: "max_delete_percent",
    about: "users deleted, in percent of the users that this configuration may change",
    count: Count::Operations(|effect| effect.is_delete()),
    of: Of::Managed,
    unit: Unit::Percent,
    setting: setting("max_delete_percent", Some(20)),
    ignore_below: IgnoreBelow::Nothing,
    lifted_by: Some(Ceiling::Deletes),
    over_window: Some("removed"),
};

/// How many of the managed users may be deleted or changed.
pub static MAX_CHANGE_PERCENT: Guard = Guard {
    id: "max_change_percent",
    about: "users deleted or updated, in percent of the users that this configuration may change",
    count: Count::Operations(|effect| effect.is_change()),
    of: Of::Managed,
    unit: Unit::Percent,
    setting: setting("max_change_percent", Some(20)),
    ignore_below: IgnoreBelow::Nothing,
    lifted_by: Some(Ceiling::Changes),
    over_window: Some("changed or removed"),
};

/// How many of the records in scope may be set aside.
pub static MAX_INVALID_PERCENT: Guard = Guard {
    id: "max_invalid_percent",
    about: "records set aside, in percent of the records in scope",
    count: Count::Records {
        count: |people| people.set_aside,
        named_by: Some(|found| found.severity == Severity::Error),
    },
    of: Of::People(|people| people.in_scope),
    unit: Unit::Percent,
    setting: setting("max_invalid_percent", Some(5)),
    ignore_below: IgnoreBelow::Fixed(3),
    lifted_by: None,
    over_window: None,
};

/// How many good records there must be.
pub static MIN_EMPLOYEES: Guard = Guard {
    id: "min_employees",
    about: "good records in scope",
    count: Count::Records { count: |people| people.employees, named_by: None },
    of: Of::People(|people| people.in_scope),
    unit: Unit::AtLeast,
    setting: setting("min_employees", Some(1)),
    ignore_below: IgnoreBelow::Nothing,
    lifted_by: None,
    over_window: None,
};

/// How many users may be created in an account that has users already: a list that matches nobody would create
/// everybody a second time.
pub static MAX_CREATE_PERCENT: Guard = Guard {
    id: "max_create_percent",
    about: "users created, in percent of all users of the account",
    count: Count::Operations(|effect| effect.is_create()),
    of: Of::Users,
    unit: Unit::Percent,
    setting: setting("max_create_percent", Some(50)),
    ignore_below: A_FEW,
    lifted_by: Some(Ceiling::Creates),
    over_window: Some("created"),
};

/// How many of the managed users who have a value of a field may lose it: a missing column would empty the field of
/// everybody.
pub static MAX_EMPTIED_PERCENT: Guard = Guard {
    id: "max_emptied_percent",
    about: "users who would lose the value of the same field, in percent of the users with a value that this configuration may change; judged for each managed field that may be empty",
    count: Count::InEachField {
        counts: |effect, field| effect.emptied.contains(&field),
        fields: |field| matches!(field, Field::Manager | Field::Custom(_)),
    },
    of: Of::WithValue,
    unit: Unit::Percent,
    setting: setting("max_emptied_percent", Some(10)),
    ignore_below: A_FEW,
    lifted_by: Some(Ceiling::Emptied),
    over_window: Some("emptied"),
};

/// How many of the managers that the records name may be unknown.
pub static MAX_UNRESOLVED_PERCENT: Guard = Guard {
    id: "max_unresolved_percent",
    about: "managers who cannot be found, in percent of the people in scope whose record names one",
    count: Count::Records {
        count: |people| people.unresolved_managers,
        named_by: Some(|found| found.code == "manager_unresolved"),
    },
    of: Of::People(|people| people.naming_managers),
    unit: Unit::Percent,
    setting: Setting { needs: Some(Needs::Manager), ..setting("max_unresolved_percent", Some(20)) },
    ignore_below: A_FEW,
    lifted_by: Some(Ceiling::Unresolved),
    over_window: None,
};

/// The key of `[[source]]` that limits how many people may have no row in a joined source.
pub const UNMATCHED_KEY: &str = "max_unmatched_percent";
/// Its default.
pub const UNMATCHED_DEFAULT: u64 = 50;

/// How many of the people in scope may have no row in a joined source.
pub static MAX_UNMATCHED_PERCENT: Guard = Guard {
    id: UNMATCHED_KEY,
    about: "people without a row in the source, in percent of the people in scope",
    count: Count::InEachSource,
    of: Of::People(|people| people.in_scope),
    unit: Unit::Percent,
    setting: setting(UNMATCHED_KEY, Some(UNMATCHED_DEFAULT)),
    ignore_below: IgnoreBelow::Nothing,
    lifted_by: None,
    over_window: None,
};

/// How many users may be created.
pub static MAX_CREATES: Guard = Guard {
    id: "max_creates",
    about: "users created",
    count: Count::Operations(|effect| effect.is_create()),
    of: Of::Managed,
    unit: Unit::AtMost,
    setting: setting("max_creates", None),
    ignore_below: IgnoreBelow::Nothing,
    lifted_by: Some(Ceiling::Creates),
    over_window: Some("created"),
};

/// How many users may be changed.
pub static MAX_UPDATES: Guard = Guard {
    id: "max_updates",
    about: "users updated",
    count: Count::Operations(|effect| effect.is_update()),
    of: Of::Managed,
    unit: Unit::AtMost,
    setting: setting("max_updates", None),
    ignore_below: IgnoreBelow::Nothing,
    lifted_by: Some(Ceiling::Changes),
    over_window: Some("changed"),
};

/// How many users may be deleted.
pub static MAX_DELETES: Guard = Guard {
    id: "max_deletes",
    about: "users deleted",
    count: Count::Operations(|effect| effect.is_delete()),
    of: Of::Managed,
    unit: Unit::AtMost,
    setting: setting("max_deletes", None),
    ignore_below: IgnoreBelow::Nothing,
    lifted_by: Some(Ceiling::Deletes),
    over_window: Some("removed"),
};

/// How many people may lose their manager and get no other.
pub static MAX_LEFT_WITHOUT_MANAGER: Guard = Guard {
    id: "max_left_without_manager",
    about: "people who stay, whose manager is deleted, and who get no other",
    count: Count::Operations(|effect| effect.manager_loss == ManagerLoss::LeftWithout),
    of: Of::Operations(|effect| effect.manager_loss != ManagerLoss::None),
    unit: Unit::AtMost,
    setting: Setting { needs: Some(Needs::Manager), ..setting("max_left_without_manager", None) },
    ignore_below: IgnoreBelow::Nothing,
    lifted_by: Some(Ceiling::Changes),
    over_window: None,
};

/// For how many of the managed users a single field may change: one wrong column changes one field of everybody.
pub static MAX_FIELD_PERCENT: Guard = Guard {
    id: "max_field_percent",
    about: "users whose same field changes, in percent of the users that this configuration may change; judged for each managed field",
    count: Count::InEachField { counts: |_, _| true, fields: |_| true },
    of: Of::Managed,
    unit: Unit::Percent,
    setting: Setting { fields: Some("fields"), ..setting("max_field_percent", None) },
    ignore_below: IgnoreBelow::Nothing,
    lifted_by: Some(Ceiling::Changes),
    over_window: Some("changed"),
};

/// How many of a branch's managed users may be deleted.
pub static BRANCH_DELETE_PERCENT: Guard = Guard {
    id: "per_branch.max_delete_percent",
    about: "users of the branch deleted, in percent of its users that this configuration may change",
    count: Count::InEachBranch(|effect| effect.is_delete()),
    of: Of::Managed,
    unit: Unit::Percent,
    setting: branch_setting("max_delete_percent"),
    ignore_below: IGNORED_IN_A_BRANCH,
    lifted_by: Some(Ceiling::Deletes),
    over_window: Some("removed"),
};

/// How many of a branch's managed users may be deleted or changed.
pub static BRANCH_CHANGE_PERCENT: Guard = Guard {
    id: "per_branch.max_change_percent",
    about: "users of the branch deleted or updated, in percent of its users that this configuration may change",
    count: Count::InEachBranch(|effect| effect.is_change()),
    of: Of::Managed,
    unit: Unit::Percent,
    setting: branch_setting("max_change_percent"),
    ignore_below: IGNORED_IN_A_BRANCH,
    lifted_by: Some(Ceiling::Changes),
    over_window: Some("changed or removed"),
};
