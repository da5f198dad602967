//! The entries outside the tree: the root DSE (RFC 4512 §5.1) and the subschema subentry.

use syncrepl_proto::control::MANAGE_DSA_IT;
use syncrepl_proto::message::{CANCEL, WHO_AM_I};
use syncrepl_proto::sync::SYNC_REQUEST;

use crate::config::Config;
use crate::entry::{SUBSCHEMA_DN, Stored, Subject};

/// Modify-Increment (RFC 4525).
const MODIFY_INCREMENT: &str = "1.3.6.1.1.14";
/// All Operational Attributes (RFC 3673).
const ALL_OPERATIONAL: &str = "1.3.6.1.4.1.4203.1.5.1";
/// Absolute True and False Filters (RFC 4526).
const TRUE_FALSE_FILTERS: &str = "1.3.6.1.4.1.4203.1.5.3";

/// An entry outside the tree.
pub(crate) struct Special {
    dn: &'static str,
    user: Vec<Stored>,
    operational: Vec<Stored>,
    names: &'static [&'static str],
}

impl Special {
    pub(crate) fn root_dse(config: &Config) -> Special {
        let plain = config.vendor_name.is_none() && config.capabilities.is_empty();
        let class: &[&str] = match plain {
            true => &["top", "OpenLDAProotDSE"],
            false => &["top"],
        };
        let suffixes: Vec<&str> = config.suffixes.iter().map(String::as_str).collect();
        let mut operational = vec![
            Stored::new("namingContexts", &suffixes),
            Stored::new("supportedControl", &[SYNC_REQUEST, MANAGE_DSA_IT]),
            Stored::new("supportedExtension", &[CANCEL, WHO_AM_I]),
            Stored::new(
                "supportedFeatures",
                &[MODIFY_INCREMENT, ALL_OPERATIONAL, TRUE_FALSE_FILTERS],
            ),
            Stored::new("supportedLDAPVersion", &["3"]),
            Stored::new("subschemaSubentry", &[SUBSCHEMA_DN]),
        ];
        if let Some(vendor) = &config.vendor_name {
            operational.push(Stored::new("vendorName", &[vendor]));
        }
        if !config.capabilities.is_empty() {
            let oids: Vec<&str> = config.capabilities.iter().map(String::as_str).collect();
            operational.push(Stored::new("supportedCapabilities", &oids));
        }
        Special {
            dn: "",
            user: vec![Stored::new("objectClass", class)],
            operational,
            names: &[
                "namingContexts",
                "supportedControl",
                "supportedExtension",
                "supportedFeatures",
                "supportedLDAPVersion",
                "subschemaSubentry",
                "vendorName",
                "supportedCapabilities",
            ],
        }
    }

    /// An empty subschema subentry: the provider has no schema.
    pub(crate) fn subschema() -> Special {
        Special {
            dn: SUBSCHEMA_DN,
            user: vec![
                Stored::new(
                    "objectClass",
                    &["top", "subentry", "subschema", "extensibleObject"],
                ),
                Stored::new("cn", &["Subschema"]),
            ],
            operational: vec![Stored::new("structuralObjectClass", &["subentry"])],
            names: &["structuralObjectClass"],
        }
    }
}

impl Subject for Special {
    fn dn(&self) -> &str {
        self.dn
    }

    fn user(&self) -> &[Stored] {
        &self.user
    }

    fn operational_names(&self) -> &'static [&'static str] {
        self.names
    }

    fn operational(&self, name: &str) -> Option<Stored> {
        let found = self
            .operational
            .iter()
            .find(|stored| stored.name.eq_ignore_ascii_case(name));
        found.cloned()
    }
}
