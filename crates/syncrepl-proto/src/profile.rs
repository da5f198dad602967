//! What a provider is known to do where RFC 4533 leaves room or is not followed. A provider is
//! recognised by its root DSE and by the shape of its cookies.

use crate::cookie;

/// The vendors whose behaviour has been measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Provider {
    /// OpenLDAP slapd with the syncprov overlay.
    OpenLdap,
    /// 389 Directory Server and its relatives (Red Hat, FreeIPA).
    Ds389,
    /// ApacheDS.
    ApacheDs,
    /// Anything else: the most careful reading.
    #[default]
    Unknown,
}

impl Provider {
    /// Recognises a provider by `vendorName` (RFC 3045) and `objectClass` of its root DSE.
    pub fn from_root_dse<'a>(
        vendor_name: Option<&str>,
        mut object_classes: impl Iterator<Item = &'a str>,
    ) -> Self {
        let vendor = vendor_name.unwrap_or_default().to_ascii_lowercase();
        if vendor.contains("389") || vendor.contains("red hat") || vendor.contains("fedora") {
            Provider::Ds389
        } else if vendor.contains("apache") {
            Provider::ApacheDs
        } else if object_classes.any(|class| class.eq_ignore_ascii_case("OpenLDAProotDSE")) {
            Provider::OpenLdap
        } else {
            Provider::Unknown
        }
    }

    /// The same, made surer by a cookie: a root DSE may be hidden, a cookie cannot be.
    pub fn or_from_cookie(self, cookie: Option<&[u8]>) -> Self {
        match (self, cookie) {
            (Provider::Unknown, Some(cookie)) if cookie::is_openldap(cookie) => Provider::OpenLdap,
            (Provider::Unknown, Some(cookie)) if cookie::is_389ds(cookie) => Provider::Ds389,
            (known, _) => known,
        }
    }

    /// Whether this provider can have made this cookie. slapd takes one that it does not know for
    /// none, sends everything, and says that it told deletes; 389-ds may not answer at all.
    pub fn may_understand(self, cookie: &[u8]) -> bool {
        match self {
            Provider::OpenLdap => cookie::is_openldap(cookie),
            Provider::Ds389 => cookie::is_389ds(cookie),
            Provider::ApacheDs | Provider::Unknown => true,
        }
    }

    /// Whether a refresh stage that began with a cookie, and says that it told what is present,
    /// really did: what it left out is then gone. 389-ds and ApacheDS say so after sending
    /// changes only. An unknown provider is believed when it named entries as present.
    pub fn tells_what_is_present(self, named_present: bool) -> bool {
        match self {
            Provider::OpenLdap => true,
            Provider::Ds389 | Provider::ApacheDs => false,
            Provider::Unknown => named_present,
        }
    }

    /// Whether references come without a Sync State control, so that they can only be passed over.
    pub fn sends_references_without_state(self) -> bool {
        self == Provider::Ds389
    }

    /// Whether an Abandon ends a persistent search. 389-ds goes on, and allows few of them: there only
    /// closing the connection ends it.
    pub fn heeds_abandon(self) -> bool {
        matches!(self, Provider::OpenLdap | Provider::ApacheDs)
    }

    /// The name shown to people and kept in the store.
    pub fn name(self) -> &'static str {
        match self {
            Provider::OpenLdap => "OpenLDAP",
            Provider::Ds389 => "389-ds",
            Provider::ApacheDs => "ApacheDS",
            Provider::Unknown => "unknown",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognised_by_root_dse_then_by_cookie() {
        let none = || std::iter::empty();
        assert_eq!(
            Provider::from_root_dse(Some("389 Project"), none()),
            Provider::Ds389
        );
        assert_eq!(
            Provider::from_root_dse(Some("Apache Software Foundation"), none()),
            Provider::ApacheDs
        );
        let slapd = Provider::from_root_dse(None, ["top", "openLDAPRootDSE"].into_iter());
        assert_eq!(slapd, Provider::OpenLdap);
        let hidden = Provider::from_root_dse(None, none());
        assert_eq!(hidden, Provider::Unknown);
        assert_eq!(
            hidden.or_from_cookie(Some(b"rid=000,csn=x")),
            Provider::OpenLdap
        );
        assert_eq!(hidden.or_from_cookie(Some(b"h:1#d:b:f#3")), Provider::Ds389);
        assert_eq!(
            Provider::Ds389.or_from_cookie(Some(b"rid=000,csn=x")),
            Provider::Ds389
        );
    }

    #[test]
    fn a_cookie_of_another_vendor_is_not_sent() {
        let (slapd, ds389) = (&b"rid=000,csn=x"[..], &b"h:1#d:b:f#3"[..]);
        assert!(
            Provider::OpenLdap.may_understand(slapd) && !Provider::OpenLdap.may_understand(ds389)
        );
        assert!(Provider::Ds389.may_understand(ds389) && !Provider::Ds389.may_understand(slapd));
        assert!(Provider::Unknown.may_understand(slapd) && Provider::Unknown.may_understand(ds389));
    }

    #[test]
    fn only_who_names_what_is_present_implies_deletes() {
        assert!(Provider::OpenLdap.tells_what_is_present(false));
        assert!(!Provider::Ds389.tells_what_is_present(true));
        assert!(!Provider::ApacheDs.tells_what_is_present(true));
        assert!(!Provider::Unknown.tells_what_is_present(false));
        assert!(Provider::Unknown.tells_what_is_present(true));
    }

    /// A root DSE that says nothing, and cookies that say nothing either.
    #[test]
    fn an_unknown_provider_gets_the_most_careful_profile() {
        let unknown = Provider::from_root_dse(None, std::iter::empty());
        for (what, chosen, careful) in [
            ("it stays unknown", unknown, Provider::Unknown),
            (
                "a vendor",
                Provider::from_root_dse(Some("Somebody"), ["top"].into_iter()),
                unknown,
            ),
            ("what is not known", Provider::default(), unknown),
            ("no cookie", unknown.or_from_cookie(None), unknown),
            (
                "an empty cookie",
                unknown.or_from_cookie(Some(b"")),
                unknown,
            ),
            (
                "an opaque cookie",
                unknown.or_from_cookie(Some(b"\xff#7")),
                unknown,
            ),
        ] {
            assert_eq!(chosen, careful, "{what}");
        }
        for (what, chosen, careful) in [
            (
                "deletes are implied though nobody was named",
                unknown.tells_what_is_present(false),
                false,
            ),
            (
                "deletes are implied by who was not named",
                unknown.tells_what_is_present(true),
                true,
            ),
            (
                "references without a state are passed over",
                unknown.sends_references_without_state(),
                false,
            ),
            // It may be any of the others, hidden; what it makes of the cookie is seen by its own.
            (
                "an opaque cookie is tried",
                unknown.may_understand(b"\xff#7"),
                true,
            ),
        ] {
            assert_eq!(chosen, careful, "{what}");
        }
        assert_eq!(unknown.name(), "unknown");
    }
}
