//! Active Directory, and its relative without a domain (AD LDS). It is recognised so that it can be refused.
//! It gives no `vendorName`.

use super::fields::{Profile, Provider, Support};
use super::unknown;

/// Active Directory.
pub const PROVIDER: Provider = Provider(&Profile {
    name: "Active Directory",
    title: "Active Directory",
    support: Support::Unsupported(
        "it does not know RFC 4533; it has DirSync, which is another protocol",
    ),
    // LDAP_CAP_ACTIVE_DIRECTORY_OID, LDAP_CAP_ACTIVE_DIRECTORY_ADAM_OID ([MS-ADTS] 3.1.1.3.4.3).
    capabilities: &["1.2.840.113556.1.4.800", "1.2.840.113556.1.4.1851"],
    ..unknown::PROFILE
});
