//! What a provider is known to do where RFC 4533 leaves room or is not followed. A provider is
//! recognised by its root DSE and by the shape of its cookies.

use crate::Uuid;
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

    /// Whether a refresh stage after a cookie that names nobody as present may either say that
    /// nothing is left (RFC 4533 §3.3.2) or, as 389-ds and ApacheDS do, tell changes only.
    pub fn may_tell_only_changes(self) -> bool {
        self == Provider::Unknown
    }

    /// Whether what is told after a cookie holds only for a search of all entries below the base,
    /// with all their user attributes. 389-ds tells what became of the entries that match, and what
    /// was deleted; of an entry that a change has taken out of the filter or the scope it says
    /// nothing. And it sends all user attributes, whichever were asked for.
    pub fn resumes_whole_trees_only(self) -> bool {
        self == Provider::Ds389
    }

    /// Whether a refresh stage after a cookie may miss a change that is being made at that moment,
    /// unless the persist stage was asked for as well. slapd counts a change in its contextCSN
    /// before it writes it into its session log: who asks in between is given a cookie that covers
    /// a delete it was not told of, and never hears of it. Only before a search that persists does
    /// slapd wait for the changes that are under way.
    pub fn resumes_safely_only_to_persist(self) -> bool {
        self == Provider::OpenLdap
    }

    /// Whether the delete phase of one node says nothing of entries that it never held itself. A
    /// node of slapd that lagged behind and caught up has not heard of what came and went
    /// meanwhile, and its session log has not either. Who was told of it by another node hears of
    /// no delete.
    pub fn forgets_what_it_never_held(self) -> bool {
        self == Provider::OpenLdap
    }

    /// Whether entries of the persist stage are no more than a hint that something has changed:
    /// 389-ds sends them without a look at who may read what.
    pub fn persists_without_access_control(self) -> bool {
        self == Provider::Ds389
    }

    /// Whether a cookie that is older than the provider's memory of changes is taken all the same,
    /// and the changes that were forgotten are passed over. 389-ds does so; where its memory begins
    /// stands in its root DSE (`firstchangenumber`): see [`cookie::number_389ds`].
    pub fn passes_over_forgotten_changes(self) -> bool {
        self == Provider::Ds389
    }

    /// Whether nobody hears of a change that is made between the refresh stage and the persist stage:
    /// in 389-ds (2.3.1) the one has read its changelog, and the other does not yet listen. The
    /// numbers in its cookies tell.
    pub fn misses_changes_between_stages(self) -> bool {
        self == Provider::Ds389
    }

    /// Whether a search in mode refreshAndPersist that is refused gets no answer at all: 389-ds
    /// tells neither noSuchObject nor sizeLimitExceeded there. In refreshOnly it does.
    pub fn refuses_in_silence(self) -> bool {
        self == Provider::Ds389
    }

    /// Whether no entry moves from one naming context into another (RFC 4512 §5.1).
    pub fn keeps_naming_contexts_apart(self) -> bool {
        matches!(self, Provider::OpenLdap | Provider::Ds389)
    }

    /// The attribute that holds the identity of an entry, that which Sync State controls call
    /// entryUUID. 389-ds makes it of its own identifier, even where its entries have an entryUUID.
    pub fn uuid_attribute(self) -> &'static str {
        match self {
            Provider::Ds389 => "nsUniqueId",
            _ => "entryUUID",
        }
    }

    /// An attribute that is shown to who asks for `*`, but not to who names no attribute, although
    /// that is to be the same (RFC 4511 §4.5.1.8).
    pub fn shown_by_star_only(self) -> Option<&'static str> {
        (self == Provider::Ds389).then_some("aci")
    }

    /// An identity as a value of [`uuid_attribute`](Provider::uuid_attribute).
    pub fn uuid_to_value(self, uuid: Uuid) -> String {
        if self != Provider::Ds389 {
            return uuid.to_string();
        }
        let [high, low] = [uuid.as_u128() >> 64, uuid.as_u128()].map(|half| half as u64);
        let [a, b, c, d] = [high >> 32, high, low >> 32, low].map(|group| group as u32);
        format!("{a:08x}-{b:08x}-{c:08x}-{d:08x}")
    }

    /// The identity in a value of [`uuid_attribute`](Provider::uuid_attribute).
    pub fn uuid_of_value(self, value: &[u8]) -> Option<Uuid> {
        if self != Provider::Ds389 {
            return Uuid::try_parse_ascii(value).ok();
        }
        let digits: Vec<u8> = value.iter().copied().filter(|&byte| byte != b'-').collect();
        Uuid::try_parse_ascii(&digits).ok()
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
    fn an_identity_is_written_as_the_provider_does() {
        let uuid = Uuid::from_u128(0xf092_0885_e615_11f1_8b84_c444_f42a_b889);
        for (provider, value) in [
            (Provider::Ds389, "f0920885-e61511f1-8b84c444-f42ab889"),
            (Provider::OpenLdap, "f0920885-e615-11f1-8b84-c444f42ab889"),
        ] {
            assert_eq!(provider.uuid_to_value(uuid), value);
            assert_eq!(provider.uuid_of_value(value.as_bytes()), Some(uuid));
            assert_eq!(provider.uuid_of_value(b"f0920885-e615"), None);
        }
    }

    #[test]
    fn only_who_names_what_is_present_implies_deletes() {
        assert!(Provider::OpenLdap.tells_what_is_present(false));
        assert!(!Provider::Ds389.tells_what_is_present(true));
        assert!(!Provider::ApacheDs.tells_what_is_present(true));
        assert!(!Provider::Unknown.tells_what_is_present(false));
        assert!(Provider::Unknown.tells_what_is_present(true));
        for known in [Provider::OpenLdap, Provider::Ds389, Provider::ApacheDs] {
            assert!(!known.may_tell_only_changes());
        }
        assert!(Provider::Unknown.may_tell_only_changes());
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
