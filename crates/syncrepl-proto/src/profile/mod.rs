//! The habits of each vendor's providers, where RFC 4533 leaves room or a provider does not follow it.
//!
//! A vendor is one file of this folder and one line in `KNOWN`; what differs between vendors is a
//! field of [`Profile`]. No other file of the product names a vendor: `tests/vendors.rs` sees to it.

pub mod active_directory;
pub mod apacheds;
pub mod ds389;
pub mod openldap;
pub mod samba;
pub mod unknown;

mod fields;

#[cfg(test)]
mod tests;

pub use fields::{Changelog, Clock, Full, Memory, Present, Profile, Provider, Support, Trouble};

use crate::cookie::Form;
use fields::contains;

/// Every vendor whose providers are known.
const KNOWN: &[Provider] = &[
    // The first one that fits a root DSE or a cookie counts.
    openldap::PROVIDER,
    ds389::PROVIDER,
    apacheds::PROVIDER,
    samba::PROVIDER,
    active_directory::PROVIDER,
];

impl Provider {
    /// Recognises a provider by `vendorName` (RFC 3045), `objectClass` or `supportedCapabilities` of its
    /// root DSE, in this order.
    pub fn from_root_dse<'a>(
        vendor_name: Option<&str>,
        object_classes: impl IntoIterator<Item = &'a str>,
        capabilities: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let vendor = vendor_name.unwrap_or_default();
        let named =
            |known: &&Provider| known.vendor_names.iter().any(|part| contains(vendor, part));
        if let Some(known) = KNOWN.iter().find(named) {
            return *known;
        }
        let of_class = |class: &str| {
            KNOWN.iter().find(|known| {
                known
                    .root_dse_class
                    .is_some_and(|known| known.eq_ignore_ascii_case(class))
            })
        };
        let able = |oid: &str| KNOWN.iter().find(|known| known.capabilities.contains(&oid));
        let mut by_class = object_classes.into_iter().filter_map(of_class);
        let mut by_capability = capabilities.into_iter().filter_map(able);
        by_class
            .next()
            .or_else(|| by_capability.next())
            .copied()
            .unwrap_or_default()
    }

    /// The same provider, or the one that its cookie gives away if it is unknown: a provider can hide
    /// its root DSE, but not its cookie.
    pub fn or_from_cookie(self, cookie: Option<&[u8]>) -> Self {
        let (false, Some(cookie)) = (self.is_known(), cookie) else {
            return self;
        };
        let form = Form::of(cookie);
        let made_by = |known: &&Provider| form != Form::Opaque && known.cookies == form;
        KNOWN.iter().find(made_by).copied().unwrap_or(self)
    }

    /// Whether the vendor is known.
    pub fn is_known(self) -> bool {
        self != unknown::PROVIDER
    }

    /// What the administrator of this provider can do, in a few words: `limits … size=unlimited`. For an
    /// unknown provider the same as [`hints_of_all`]. Empty if there is nothing to say.
    pub fn hints(self, trouble: Trouble) -> String {
        match self.is_known() {
            true => (self.hint)(trouble).unwrap_or_default().to_owned(),
            false => hints_of_all(trouble),
        }
    }
}

impl Default for Provider {
    fn default() -> Self {
        unknown::PROVIDER
    }
}

/// What the administrators of the known vendors can do, each after the vendor's name:
/// `OpenLDAP: limits … size=unlimited; 389-ds: nsSizeLimit`. Empty if there is nothing to say.
pub fn hints_of_all(trouble: Trouble) -> String {
    let hints: Vec<_> = KNOWN
        .iter()
        .filter_map(|known| Some(format!("{}: {}", known.name, (known.hint)(trouble)?)))
        .collect();
    hints.join("; ")
}

/// Whether a refusal with this diagnostic is how some vendor says that the password has to be changed
/// before anything else.
pub fn wants_new_password(diagnostic: &str) -> bool {
    let words = KNOWN.iter().filter_map(|known| known.wants_new_password);
    words
        .into_iter()
        .any(|words| fields::contains(diagnostic, words))
}

/// What to do about a refusal with unwillingToPerform (53) with this diagnostic, if it is how some
/// vendor says that it serves as many consumers as it can.
pub fn hint_if_full(diagnostic: &str) -> Option<&'static str> {
    let full = KNOWN.iter().filter_map(|known| known.full);
    full.filter(|full| full.is_said(diagnostic))
        .map(|full| full.hint)
        .next()
}
