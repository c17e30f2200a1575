//! `[employee]`: the template of each field. A plan is bound to its serialized form, the texts of the templates.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{ConfigError, Template};
use crate::field::Field;
use crate::setting::section::Section;
use crate::setting::template::Sources;

/// `[employee]`: a template for each managed field.
#[derive(Debug, Clone, Serialize)]
pub struct EmployeeSettings {
    /// The company's key of the person.
    pub external_identifier: Template,
    /// The e-mail.
    pub primary_email: Template,
    /// The first name.
    pub first_name: Template,
    /// The last name.
    pub last_name: Template,
    /// The branch, by its external identifier, id or name; `None` if it is not managed.
    pub branch: Option<Template>,
    /// The manager; `None` if managers are not managed.
    pub manager: Option<ManagerReference>,
    /// The managed custom fields, by name or id.
    pub custom_fields: BTreeMap<String, Template>,
}

/// How a record names the manager.
#[derive(Debug, Clone, Serialize)]
pub struct ManagerReference {
    /// The name.
    pub value: Template,
    /// What it is compared with in the manager's own record; `None` for the external identifier.
    pub refers_to: Option<Template>,
}

impl EmployeeSettings {
    /// All templates.
    pub(crate) fn templates(&self) -> impl Iterator<Item = &Template> {
        let Self { external_identifier, primary_email, first_name, last_name, branch, manager, custom_fields } = self;
        let manager =
            manager.iter().flat_map(|ManagerReference { value, refers_to }| [Some(value), refers_to.as_ref()]);
        [external_identifier, primary_email, first_name, last_name]
            .into_iter()
            .chain(branch)
            .chain(manager.flatten())
            .chain(custom_fields.values())
    }

    /// Whether identifiers or e-mails may come from a source from which no part of the name comes.
    pub(crate) fn is_identity_of(&self, source: usize) -> bool {
        let may_use = |templates: [&Template; 2]| templates.iter().any(|template| template.may_use(source));
        may_use([&self.external_identifier, &self.primary_email]) && !may_use([&self.first_name, &self.last_name])
    }

    /// Whether a part of the name may come from a source from which the e-mail does not come.
    pub(crate) fn is_name_of(&self, source: usize) -> bool {
        let names = [&self.first_name, &self.last_name];
        names.iter().any(|template| template.may_use(source)) && !self.primary_email.may_use(source)
    }
}

pub(super) fn employee(section: Section<'_>, names: &Sources) -> Result<EmployeeSettings, ConfigError> {
    let keys: Vec<&str> =
        Field::<()>::STANDARD.iter().filter_map(Field::standard_name).chain(["custom_fields"]).collect();
    let section = section.only(&keys)?;
    let mandatory = |key| {
        template(&section, key, names)?.ok_or_else(|| section.missing(key, "a template such as \"{{ hr.column }}\""))
    };
    let fields = section.section("custom_fields", "[employee.custom_fields]")?;
    let custom_fields = fields.text_entries()?.into_iter().map(|(field, text)| {
        let setting = format!("`{field}` in {}", fields.label());
        if text.trim().is_empty() {
            return Err(fields.problem(field, "is empty; leave it out if the field is not to be managed"));
        }
        let template = names.template(&setting, text).map_err(|problem| fields.problem(field, problem))?;
        Ok((field.to_owned(), template))
    });
    Ok(EmployeeSettings {
        external_identifier: mandatory("external_identifier")?,
        primary_email: mandatory("primary_email")?,
        first_name: mandatory("first_name")?,
        last_name: mandatory("last_name")?,
        branch: template(&section, "branch", names)?,
        manager: manager_reference(&section, names)?,
        custom_fields: custom_fields.collect::<Result<BTreeMap<_, _>, _>>()?,
    })
}

fn manager_reference(section: &Section<'_>, names: &Sources) -> Result<Option<ManagerReference>, ConfigError> {
    if !section.is_table("manager") {
        return Ok(template(section, "manager", names)?.map(|value| ManagerReference { value, refers_to: None }));
    }
    let section = section.section("manager", "[employee.manager]")?.only(&["value", "refers_to"])?;
    let value = template(&section, "value", names)?
        .ok_or_else(|| section.missing("value", "a template that names the manager"))?;
    Ok(Some(ManagerReference { value, refers_to: template(&section, "refers_to", names)? }))
}

/// The template of a key.
fn template(section: &Section<'_>, key: &str, names: &Sources) -> Result<Option<Template>, ConfigError> {
    let Some(text) = section.text(key)? else { return Ok(None) };
    let setting = format!("`{key}` in {}", section.label());
    names.template(&setting, text).map(Some).map_err(|problem| section.problem(key, problem))
}
