//! Cookies (RFC 4533 §2.1.2) are opaque bytes, with one exception: OpenLDAP's name a CSN per
//! server, and a consumer that stores them as they come loses changes. What has to be done with
//! those is here, and nothing else looks inside a cookie.

use std::collections::BTreeMap;

/// An OpenLDAP cookie taken apart: `rid=000,sid=001,csn=CSN;CSN,delcsn=CSN`.
///
/// `sid` is dropped: sent to another node of a multi-provider pair it hides that node's news.
/// `delcsn` is dropped too; it belongs to slapd's own replication.
#[derive(Debug, Clone, PartialEq, Eq)]
struct OpenLdapCookie<'a> {
    rid: &'a str,
    /// The newest change known of each server, by server ID.
    csns: BTreeMap<&'a str, &'a str>,
}

impl<'a> OpenLdapCookie<'a> {
    fn parse(cookie: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(cookie).ok()?;
        let mut fields = text.split(',');
        let rid = fields.next()?.strip_prefix("rid=")?;
        let mut parsed = OpenLdapCookie {
            rid,
            csns: BTreeMap::new(),
        };
        for field in fields {
            if let Some(list) = field.strip_prefix("csn=") {
                for csn in list.split(';').filter(|csn| !csn.is_empty()) {
                    parsed.add(csn);
                }
            }
        }
        Some(parsed)
    }

    /// Keeps the higher of this CSN and the one known of its server. CSNs of one server compare
    /// as text: time, counter, server ID, counter within the operation.
    fn add(&mut self, csn: &'a str) {
        let Some(sid) = csn.split('#').nth(2) else {
            return;
        };
        let known = self.csns.entry(sid).or_insert(csn);
        if *known < csn {
            *known = csn;
        }
    }

    fn encode(&self) -> Option<Vec<u8>> {
        if self.csns.is_empty() {
            return None;
        }
        let csns: Vec<_> = self.csns.values().copied().collect();
        Some(format!("rid={},csn={}", self.rid, csns.join(";")).into_bytes())
    }
}

/// Whether a cookie looks like one of OpenLDAP's.
pub fn is_openldap(cookie: &[u8]) -> bool {
    cookie.starts_with(b"rid=")
}

/// Whether a cookie looks like one of 389-ds: `host:port#bind DN:base:filter#number`.
pub fn is_389ds(cookie: &[u8]) -> bool {
    let mut parts = cookie.split(|&byte| byte == b'#');
    let (first, last) = (parts.next(), parts.next_back());
    first.is_some_and(|part| part.contains(&b':'))
        && last.is_some_and(|part| !part.is_empty() && part.iter().all(u8::is_ascii_digit))
}

/// Whether one provider may have made both. One that answers a cookie with another kind did not
/// understand it, and may have taken it for none.
pub fn same_kind(one: &[u8], other: &[u8]) -> bool {
    is_openldap(one) == is_openldap(other) && is_389ds(one) == is_389ds(other)
}

/// The number of the last change that a cookie of 389-ds covers.
pub fn number_389ds(cookie: &[u8]) -> Option<u64> {
    if !is_389ds(cookie) {
        return None;
    }
    let digits = cookie.rsplit(|&byte| byte == b'#').next()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The cookie to keep when a refresh stage has ended with `received`: it replaces what was kept.
/// `None` when nothing may be kept: an empty cookie, or one of OpenLDAP's without a CSN, which
/// sent back would resend everything and tell no delete.
pub fn after_refresh(received: &[u8]) -> Option<Vec<u8>> {
    if is_openldap(received) {
        return OpenLdapCookie::parse(received)?.encode();
    }
    (!received.is_empty()).then(|| received.to_vec())
}

/// The cookie to keep when `received` came in the persist stage while `kept` was kept. OpenLDAP's
/// may step backwards and name one server of several: the highest CSN of each server is kept.
/// `None` when `received` may not be kept.
pub fn in_persist_stage(kept: Option<&[u8]>, received: &[u8]) -> Option<Vec<u8>> {
    if !is_openldap(received) {
        return after_refresh(received);
    }
    let mut merged = OpenLdapCookie::parse(received)?;
    if merged.csns.is_empty() {
        return None;
    }
    if let Some(kept) = kept.and_then(OpenLdapCookie::parse) {
        kept.csns.into_values().for_each(|csn| merged.add(csn));
    }
    merged.encode()
}

/// The server ID by which one node of several names itself in a cookie of OpenLDAP. `None` in other
/// cookies, and from a server that stands alone.
pub fn server_id(received: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(received).ok()?;
    let fields = is_openldap(received).then(|| text.split(','))?;
    fields.filter_map(|field| field.strip_prefix("sid=")).next()
}

/// Whether a change with this `entryCSN` is part of what the cookie covers. `None` when that cannot
/// be told: not a cookie of OpenLDAP, or a server that it does not name.
pub fn covers(cookie: &[u8], entry_csn: &[u8]) -> Option<bool> {
    let cookie = OpenLdapCookie::parse(cookie)?;
    let csn = std::str::from_utf8(entry_csn).ok()?;
    let known = cookie.csns.get(csn.split('#').nth(2)?)?;
    Some(csn <= *known)
}

/// The cookie of OpenLDAP that was good when the change with this `entryCSN` was the last one of its
/// server. `None` where the cookie does not go beyond it.
pub fn set_back(cookie: &[u8], entry_csn: &[u8]) -> Option<Vec<u8>> {
    let mut cookie = OpenLdapCookie::parse(cookie)?;
    let csn = std::str::from_utf8(entry_csn).ok()?;
    let known = cookie.csns.get_mut(csn.split('#').nth(2)?)?;
    if csn >= *known {
        return None;
    }
    *known = csn;
    cookie.encode()
}

#[cfg(test)]
mod tests {
    use super::*;

    const A1: &str = "20261121205328.954658Z#000000#001#000000";
    const A2: &str = "20261121205329.000001Z#000000#001#000000";
    const B1: &str = "20261121205300.000000Z#000000#002#000000";

    fn cookie(text: String) -> Vec<u8> {
        text.into_bytes()
    }

    #[test]
    fn a_node_names_itself() {
        let one = cookie(format!("rid=000,sid=001,csn={A1};{B1}"));
        assert_eq!(server_id(&one), Some("001"));
        let alone = cookie(format!("rid=000,csn={A1}"));
        assert_eq!(server_id(&alone), None);
        assert_eq!(server_id(b"host:1#sid=2,sid=3#4"), None);
        assert_eq!(server_id(b"rid=000,sid=\xff"), None);
    }

    #[test]
    fn a_cookie_covers_a_change_by_the_server_that_made_it() {
        let both = cookie(format!("rid=000,csn={A1};{B1}"));
        assert_eq!(covers(&both, A1.as_bytes()), Some(true));
        assert_eq!(covers(&both, A2.as_bytes()), Some(false));
        assert_eq!(covers(&both, B1.as_bytes()), Some(true));
        let one = cookie(format!("rid=000,csn={A2}"));
        assert_eq!(covers(&one, B1.as_bytes()), None);
        assert_eq!(covers(b"h:1#d:b:f#3", A1.as_bytes()), None);
        assert_eq!(covers(&both, b"no csn"), None);
    }

    #[test]
    fn a_cookie_is_set_back_for_one_server() {
        let now = cookie(format!("rid=000,csn={A2};{B1}"));
        let before = cookie(format!("rid=000,csn={A1};{B1}"));
        assert_eq!(set_back(&now, A1.as_bytes()), Some(before));
        assert_eq!(set_back(&now, A2.as_bytes()), None);
        assert_eq!(set_back(b"h:1#d:b:f#3", A1.as_bytes()), None);
    }

    #[test]
    fn a_cookie_without_a_csn_is_not_kept() {
        let kept = cookie(format!("rid=000,csn={A1}"));
        for bad in [
            &b"rid=000"[..],
            b"rid=000,csn=",
            b"rid=000,sid=001",
            b"",
            b"rid=\xff",
        ] {
            assert_eq!(after_refresh(bad), None, "{bad:?}");
            assert_eq!(in_persist_stage(Some(&kept), bad), None, "{bad:?}");
        }
    }

    #[test]
    fn sid_and_delcsn_are_dropped() {
        let received = cookie(format!("rid=007,sid=001,csn={A1};{B1},delcsn={A1}"));
        assert_eq!(
            after_refresh(&received),
            Some(cookie(format!("rid=007,csn={A1};{B1}")))
        );
    }

    #[test]
    fn the_persist_stage_keeps_the_highest_of_each_server() {
        let kept = cookie(format!("rid=000,csn={A2};{B1}"));
        let stepped_back = cookie(format!("rid=000,sid=001,csn={A1}"));
        assert_eq!(
            in_persist_stage(Some(&kept), &stepped_back),
            Some(kept.clone())
        );
        let older = cookie(format!("rid=000,csn={A1};{B1}"));
        let newer = cookie(format!("rid=000,csn={A2}"));
        assert_eq!(in_persist_stage(Some(&older), &newer), Some(kept));
        assert_eq!(in_persist_stage(None, &newer), Some(newer));
    }

    #[test]
    fn a_refresh_replaces_even_by_a_lower_one() {
        let lower = cookie(format!("rid=000,csn={A1}"));
        assert_eq!(after_refresh(&lower), Some(lower));
    }

    #[test]
    fn others_are_opaque() {
        let other = b"localhost:21401#cn=directory manager:dc=example,dc=com:(objectClass=*)#330";
        assert_eq!(after_refresh(other), Some(other.to_vec()));
        assert_eq!(in_persist_stage(Some(b"x"), other), Some(other.to_vec()));
        assert!(is_389ds(other) && !is_openldap(other));
        assert_eq!(number_389ds(other), Some(330));
        assert_eq!(number_389ds(b"h:1#d:b:f#99999999999999999999"), None);
        assert_eq!(number_389ds(b"rid=000,csn=x#7"), None);
        assert!(!is_389ds(
            b"rid=000,csn=20261121205328.954658Z#000000#001#000000"
        ));
        assert!(!is_389ds(b"\xff\x00"));
        let slapd = cookie(format!("rid=000,csn={A1}"));
        for (one, same) in [(&other[..], "h:1#x#2"), (b"x", "y"), (&slapd, "rid=001")] {
            assert!(same_kind(one, same.as_bytes()));
        }
        assert!(!same_kind(other, &slapd) && !same_kind(b"x", &slapd) && !same_kind(other, b"x"));
    }
}
