//! The root DSE: what a server says of itself.

use syncrepl_proto::attributes::AttributeList;
use syncrepl_proto::message::{CANCEL, Scope, SearchRequest};
use syncrepl_proto::profile::Provider;

use super::operations::ANY_ENTRY;
use super::wire::Connection;
use crate::error::{ErrorKind, Result};

const LAST_USN: &str = "lastUsn";

/// The root DSE (RFC 4512 §5.1). A field that the server hides is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RootDse {
    pub(crate) vendor_name: Option<String>,
    pub(crate) vendor_version: Option<String>,
    pub(crate) object_classes: Vec<String>,
    /// What a domain controller says of itself.
    pub(crate) capabilities: Vec<String>,
    pub(crate) supported_controls: Vec<String>,
    pub(crate) supported_extensions: Vec<String>,
    pub(crate) naming_contexts: Vec<String>,
    pub(crate) subschema_subentry: Option<String>,
    /// The oldest and the newest change number, which 389-ds publishes.
    pub(crate) changes: Option<(u64, u64)>,
    /// The number of writes to each database, by its name; one without a name counts all of them.
    pub(crate) writes: Vec<(String, u64)>,
    pub(crate) sasl_mechanisms: Vec<String>,
}

impl Connection {
    /// Reads the root DSE. A server that hides it gives empty fields.
    pub(crate) fn root_dse(&mut self) -> Result<RootDse> {
        let request = SearchRequest {
            base: "",
            scope: Scope::Base,
            size_limit: 0,
            time_limit: 0,
            types_only: false,
            filter: ANY_ENTRY,
            attributes: vec![
                "vendorName",
                "vendorVersion",
                "objectClass",
                "supportedCapabilities",
                "supportedControl",
                "supportedExtension",
                "namingContexts",
                "subschemaSubentry",
                "firstChangeNumber",
                "lastChangeNumber",
                LAST_USN,
                "supportedSASLMechanisms",
            ],
        };
        let mut found = RootDse::default();
        let searched = self.search(&request, &[], |entry| {
            found = RootDse::read(&entry.attributes);
            Ok(())
        });
        match searched {
            Err(error) if error.kind() != ErrorKind::Refused => Err(error),
            Err(error) if matches!(error.result_code(), Some(51 | 52)) => Err(error),
            Err(error) => {
                tracing::debug!("the root DSE is hidden: {error}");
                Ok(RootDse::default())
            }
            Ok(()) => Ok(found),
        }
    }
}

impl RootDse {
    /// Whether the server offers Cancel (RFC 3909). A server that hides its extensions may offer
    /// it.
    pub(crate) fn can_cancel(&self) -> bool {
        let extensions = &self.supported_extensions;
        extensions.is_empty() || extensions.iter().any(|oid| oid == CANCEL)
    }

    /// The kind of provider, as far as the root DSE tells.
    pub(crate) fn provider(&self) -> Provider {
        let [classes, capabilities] =
            [&self.object_classes, &self.capabilities].map(|all| all.iter().map(String::as_str));
        Provider::from_root_dse(self.vendor_name.as_deref(), classes, capabilities)
    }

    fn read(attributes: &AttributeList<'_>) -> Self {
        let all = |name: &str| -> Vec<String> {
            attributes
                .values(name)
                .map(|value| String::from_utf8_lossy(value).into_owned())
                .collect()
        };
        let number = |name: &str| all(name).pop()?.parse().ok();
        RootDse {
            changes: number("firstChangeNumber").zip(number("lastChangeNumber")),
            writes: writes(attributes),
            vendor_name: all("vendorName").pop(),
            vendor_version: all("vendorVersion").pop(),
            object_classes: all("objectClass"),
            capabilities: all("supportedCapabilities"),
            supported_controls: all("supportedControl"),
            supported_extensions: all("supportedExtension"),
            naming_contexts: all("namingContexts"),
            subschema_subentry: all("subschemaSubentry").pop(),
            sasl_mechanisms: all("supportedSASLMechanisms"),
        }
    }
}

/// The values of `lastUsn` with their options. Before the first write it may be -1, with a sign or
/// without; only differences count.
fn writes(attributes: &AttributeList<'_>) -> Vec<(String, u64)> {
    let counted = attributes.iter().filter_map(|attribute| {
        let (name, option) = attribute
            .name
            .split_once(';')
            .unwrap_or((attribute.name, ""));
        let value = std::str::from_utf8(attribute.values().next()?).ok()?;
        let unsigned = value.parse::<u64>().ok();
        let count = unsigned.or_else(|| Some(value.parse::<i64>().ok()?.cast_unsigned()))?;
        name.eq_ignore_ascii_case(LAST_USN)
            .then(|| (option.to_ascii_lowercase(), count))
    });
    counted.collect()
}
