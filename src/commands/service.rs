//! The service that the settings name, by either of its interfaces.

use std::sync::Arc;

use anyhow::Context as _;

use super::keys::own;
use super::signals::unless_interrupted;
use crate::config::{Removal, Settings, TargetKind, TargetSettings};
use crate::exit::{ExitStatus, OrRefuse as _};
use crate::provider::scim::{self, Scim};
use crate::provider::skovik::{self, Skovik};
use crate::provider::{Contract, Dialect, Provider, ServiceKey};

/// How the service represents users.
pub(super) fn dialect(settings: &Settings) -> Arc<dyn Dialect> {
    match &settings.target.kind {
        TargetKind::Skovik(names) => Arc::new(Skovik::new(names)),
        TargetKind::Scim(scim) => Arc::new(Scim::new(scim)),
    }
}

/// The service, with its key.
pub(super) async fn provider(settings: &Settings) -> anyhow::Result<Box<dyn Provider>> {
    Ok(match client(settings).await? {
        Client::Skovik(client) => Box::new(client),
        Client::Scim(client) => Box::new(client),
    })
}

/// The same, but every delete is final, whatever the settings say.
pub(super) async fn deleting(settings: &Settings) -> anyhow::Result<Box<dyn Provider>> {
    let mut settings = settings.clone();
    if let TargetKind::Scim(scim) = &mut settings.target.kind {
        scim.remove = Removal::Delete;
    }
    provider(&settings).await
}

/// The same, as something whose contract is tested.
pub(super) async fn contract(settings: &Settings) -> anyhow::Result<Box<dyn Contract + Send + Sync>> {
    Ok(match client(settings).await? {
        Client::Skovik(client) => Box::new(client),
        Client::Scim(client) => Box::new(client),
    })
}

/// The client of either interface.
enum Client {
    Skovik(skovik::Client),
    Scim(scim::Client),
}

async fn client(settings: &Settings) -> anyhow::Result<Client> {
    let target = &settings.target;
    let TargetSettings { kind, url, account: _, token, access } = target;
    // A command or a pipe may take its time. No command of this program has written anything before it has the key.
    let fetching = async { token.fetch().await.or_refuse(ExitStatus::Usage) };
    let (token, _signals) = unless_interrupted(fetching).await?;
    own(target, &token)?;
    let key = ServiceKey::among(token, settings.secrets());
    let client = match kind {
        TargetKind::Skovik(names) => skovik::Client::new(url, key, access, names).map(Client::Skovik),
        TargetKind::Scim(scim) => {
            let wanted = scim::Wanted {
                branch: settings.employee.branch.is_some(),
                custom_fields: settings.employee.custom_fields.keys().cloned().collect(),
            };
            scim::Client::new(url, key, access, scim, wanted).map(Client::Scim)
        }
    };
    client.context("[target]").or_refuse(ExitStatus::Usage)
}
