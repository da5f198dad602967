//! The several names of one attribute type.

use std::borrow::Cow;

/// The short names of attribute types that occur in DNs, and the other names of each (RFC 4514 §3,
/// RFC 4519).
const NAMES: [(&str, &[&str]); 14] = [
    ("cn", &["commonname", "2.5.4.3"]),
    ("sn", &["surname", "2.5.4.4"]),
    ("serialnumber", &["2.5.4.5"]),
    ("c", &["countryname", "2.5.4.6"]),
    ("l", &["localityname", "2.5.4.7"]),
    ("st", &["stateorprovincename", "2.5.4.8"]),
    ("street", &["streetaddress", "2.5.4.9"]),
    ("o", &["organizationname", "2.5.4.10"]),
    ("ou", &["organizationalunitname", "2.5.4.11"]),
    ("givenname", &["gn", "2.5.4.42"]),
    ("uid", &["userid", "0.9.2342.19200300.100.1.1"]),
    ("mail", &["rfc822mailbox", "0.9.2342.19200300.100.1.3"]),
    ("dc", &["domaincomponent", "0.9.2342.19200300.100.1.25"]),
    (
        "email",
        &["emailaddress", "pkcs9email", "1.2.840.113549.1.9.1"],
    ),
];

/// The short name of a type with several names, or the type without its `OID.` prefix.
pub(super) fn short_name(attribute: &str) -> Result<&'static str, &str> {
    // Nearly all types in DNs are short names already. The one other name this short is `gn`.
    const SHORT: usize = 4;
    if attribute.len() < SHORT && !attribute.eq_ignore_ascii_case("gn") {
        return Err(attribute);
    }
    let attribute = match attribute.split_at_checked(4) {
        Some((prefix, oid)) if prefix.eq_ignore_ascii_case("oid.") => oid,
        _ => attribute,
    };
    let is_this = |other: &&str| other.eq_ignore_ascii_case(attribute);
    let known = NAMES.iter().find(|(_, others)| others.iter().any(is_this));
    known.map(|(name, _)| *name).ok_or(attribute)
}

/// One name for all names of an attribute type that are known here, in lower case and without the prefix `OID.`:
/// `mail` for `rfc822Mailbox`. Known are the types that often stand in DNs.
pub fn type_name(attribute: &str) -> Cow<'static, str> {
    match short_name(attribute) {
        Ok(name) => Cow::Borrowed(name),
        Err(other) => Cow::Owned(other.to_ascii_lowercase()),
    }
}
