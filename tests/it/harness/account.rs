//! Accounts as snapshots.

use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use skovik_sync::provider::snapshot::{Item, Writer};

use super::FIXTURE_URL;

/// A snapshot of an account.
pub(crate) fn snapshot(branches: &[Value], custom_fields: &[Value], users: &[Value]) -> Vec<u8> {
    let raw = |value: &Value| -> Box<RawValue> { to_raw_value(value).expect("JSON") };
    let mut writer = Writer::new(Vec::new(), FIXTURE_URL).expect("written");
    branches.iter().for_each(|branch| writer.item(Item::Branch(&raw(branch))).expect("written"));
    custom_fields.iter().for_each(|field| writer.item(Item::CustomField(&raw(field))).expect("written"));
    users.iter().for_each(|user| writer.item(Item::User(&raw(user))).expect("written"));
    writer.finish().expect("written").0
}
