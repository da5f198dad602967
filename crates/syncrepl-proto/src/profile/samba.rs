//! Samba as a domain controller. It is recognised so that it can be refused. To a critical control of RFC 4533
//! it answers with an ExtendedResponse (seen with 4.17).

use super::fields::{Profile, Provider, Support};
use super::unknown;

/// Samba.
pub const PROVIDER: Provider = Provider(&Profile {
    name: "Samba",
    title: "Samba",
    support: Support::Unsupported(
        "it does not know RFC 4533; it has DirSync, which is another protocol",
    ),
    // Its root DSE also has the capabilities of Active Directory. The name counts first.
    vendor_names: &["samba"],
    ..unknown::PROFILE
});
