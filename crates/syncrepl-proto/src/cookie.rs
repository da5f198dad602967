//! Cookies (RFC 4533 §2.1.2) are opaque bytes, with two exceptions. Some name a CSN for each server of
//! the provider, and a consumer that stores them as they come loses changes. Some end with the number
//! of the last change. This file alone looks inside a cookie. The vendor's [`profile`](crate::profile)
//! names the form that it makes.

use std::collections::BTreeMap;

/// What stands in a cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// The CSN of the newest change of each server: `rid=000,sid=001,csn=CSN;CSN`.
    Csns,
    /// The number of the last change, at the end: `host:port#bind DN:base:filter#number`.
    Numbered,
    /// Nothing that a consumer may read.
    Opaque,
}

impl Form {
    /// The form of a cookie, by how it looks.
    pub fn of(cookie: &[u8]) -> Self {
        if cookie.starts_with(b"rid=") {
            return Form::Csns;
        }
        let mut parts = cookie.split(|&byte| byte == b'#');
        let (first, last) = (parts.next(), parts.next_back());
        let place = first.is_some_and(|part| part.contains(&b':'));
        let number =
            last.is_some_and(|part| !part.is_empty() && part.iter().all(u8::is_ascii_digit));
        match place && number {
            true => Form::Numbered,
            false => Form::Opaque,
        }
    }
}

/// A cookie of the form [`Form::Csns`], taken apart: `rid=000,sid=001,csn=CSN;CSN,delcsn=CSN`.
///
/// The client drops `sid`: another node would take the consumer for the first node and keep news back. It
/// drops `delcsn`, which belongs to the replication between providers.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Csns<'a> {
    rid: &'a str,
    /// The newest change known of each server, by server ID.
    csns: BTreeMap<&'a str, &'a str>,
}

impl<'a> Csns<'a> {
    fn parse(cookie: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(cookie).ok()?;
        let mut fields = text.split(',');
        let rid = fields.next()?.strip_prefix("rid=")?;
        let mut parsed = Csns {
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
        // Three hexadecimal digits. Others are no server IDs, and could be ever new ones.
        let is_id = |sid: &&str| sid.len() == 3 && sid.bytes().all(|b| b.is_ascii_hexdigit());
        let Some(sid) = csn.split('#').nth(2).filter(is_id) else {
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

/// Whether one provider may have made both. A provider that answers a cookie with one of another form
/// did not understand it, and may have taken it for none.
pub fn same_form(one: &[u8], other: &[u8]) -> bool {
    Form::of(one) == Form::of(other)
}

/// The number of the last change that a cookie of the form [`Form::Numbered`] covers. `None` in a
/// cookie of another form, and in one for a change without a number.
pub fn number(cookie: &[u8]) -> Option<u64> {
    number_or_none(cookie).filter(|&number| number != NO_NUMBER)
}

/// Whether this cookie came with a change that has no number: the provider does not remember the change,
/// and will not tell it to another consumer.
pub fn is_of_a_change_not_kept(cookie: &[u8]) -> bool {
    number_or_none(cookie) == Some(NO_NUMBER)
}

/// The number in the cookie of a live change that the changelog leaves out: -1, without a sign.
const NO_NUMBER: u64 = u32::MAX as u64;

fn number_or_none(cookie: &[u8]) -> Option<u64> {
    if Form::of(cookie) != Form::Numbered {
        return None;
    }
    let digits = cookie.rsplit(|&byte| byte == b'#').next()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The cookie to keep when a refresh stage has ended with `received`: it replaces what was kept.
/// `None` when nothing may be kept: an empty cookie, one of [`Form::Csns`] without a CSN, or one of a
/// change that the provider does not keep. A provider that is sent the second sends everything again, and
/// tells no delete. One that is sent the third tells nothing any more.
pub fn after_refresh(received: &[u8]) -> Option<Vec<u8>> {
    if Form::of(received) == Form::Csns {
        return Csns::parse(received)?.encode();
    }
    (!received.is_empty() && !is_of_a_change_not_kept(received)).then(|| received.to_vec())
}

/// The cookie to keep when `received` came in the persist stage while `kept` was kept. One of
/// [`Form::Csns`] may step backwards, or name one server of several: the highest CSN of each server is
/// kept. `None` when `received` may not be kept.
pub fn in_persist_stage(kept: Option<&[u8]>, received: &[u8]) -> Option<Vec<u8>> {
    if Form::of(received) != Form::Csns {
        return after_refresh(received);
    }
    let mut merged = Csns::parse(received)?;
    if merged.csns.is_empty() {
        return None;
    }
    if let Some(kept) = kept.and_then(Csns::parse) {
        kept.csns.into_values().for_each(|csn| merged.add(csn));
    }
    merged.encode()
}

/// The server ID by which one node of several names itself in a cookie of [`Form::Csns`]. `None` in
/// other cookies, and from a server that stands alone.
pub fn server_id(received: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(received).ok()?;
    let fields = (Form::of(received) == Form::Csns).then(|| text.split(','))?;
    fields.filter_map(|field| field.strip_prefix("sid=")).next()
}

/// A cookie of [`Form::Csns`] like this one, of a time before all changes. `None` for other cookies.
pub fn of_long_ago(cookie: &[u8]) -> Option<Vec<u8>> {
    let parsed = Csns::parse(cookie)?;
    let old: Vec<_> = parsed
        .csns
        .keys()
        .map(|sid| format!("19700101000000.000000Z#000000#{sid}#000000"))
        .collect();
    let some = !old.is_empty();
    some.then(|| format!("rid={},csn={}", parsed.rid, old.join(";")).into_bytes())
}

/// The newest CSN in a cookie of [`Form::Csns`], whichever server made it: it begins with the time of the
/// change. `None` in other cookies.
pub fn newest_csn(cookie: &[u8]) -> Option<&str> {
    if Form::of(cookie) != Form::Csns {
        return None;
    }
    Csns::parse(cookie)?.csns.into_values().max()
}

/// Whether a change with this `entryCSN` is part of what the cookie covers. If the cookie does not name
/// the server of the change, the clocks decide: an older change is covered. `None` if the cookie is
/// not of [`Form::Csns`], or the value is no CSN.
pub fn covers(cookie: &[u8], entry_csn: &[u8]) -> Option<bool> {
    let cookie = Csns::parse(cookie)?;
    let csn = std::str::from_utf8(entry_csn).ok()?;
    let known = cookie.csns.get(csn.split('#').nth(2)?);
    let newest = known.or_else(|| cookie.csns.values().max());
    Some(newest.is_some_and(|newest| csn <= *newest))
}

/// The cookie of [`Form::Csns`] that was good when the change with this `entryCSN` was the last one of
/// its server. `None` where the cookie does not go beyond it.
pub fn set_back(cookie: &[u8], entry_csn: &[u8]) -> Option<Vec<u8>> {
    let mut cookie = Csns::parse(cookie)?;
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
        assert_eq!(covers(&one, B1.as_bytes()), Some(true), "older");
        let old = cookie(format!("rid=000,csn={B1}"));
        assert_eq!(covers(&old, A1.as_bytes()), Some(false), "newer");
        assert_eq!(covers(b"h:1#d:b:f#3", A1.as_bytes()), None);
        assert_eq!(covers(&both, b"no csn"), None);
    }

    #[test]
    fn cookie_of_long_ago_names_the_same_servers() {
        let both = cookie(format!("rid=000,csn={B1};{A1}"));
        let ago = of_long_ago(&both).map(|ago| String::from_utf8(ago).unwrap());
        let expected = "rid=000,csn=19700101000000.000000Z#000000#001#000000;\
                        19700101000000.000000Z#000000#002#000000";
        assert_eq!(ago.as_deref(), Some(expected));
        assert_eq!(of_long_ago(b"rid=000"), None);
    }

    #[test]
    fn newest_csn_of_all_servers() {
        let both = cookie(format!("rid=000,csn={B1};{A1}"));
        assert_eq!(newest_csn(&both), Some(A1));
        assert_eq!(newest_csn(b"rid=000"), None);
        assert_eq!(newest_csn(b"h:1#d:b:f#3"), None);
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
    }

    #[test]
    fn form_is_seen_by_the_bytes() {
        let csns = cookie(format!("rid=000,csn={A1}"));
        for (bytes, form) in [
            (&csns[..], Form::Csns),
            (b"rid=000", Form::Csns),
            (b"rid=h:1#d:b:f#3", Form::Csns),
            (b"h:1#cn=reader:dc=x:(objectClass=*)#330", Form::Numbered),
            (b"h:1#d:b:f#", Form::Opaque),
            (b"h#d:b:f#3", Form::Opaque),
            (b"h:1", Form::Opaque),
            (b"\xff\x00", Form::Opaque),
            (b"", Form::Opaque),
        ] {
            assert_eq!(Form::of(bytes), form, "{bytes:?}");
        }
        let numbered = b"h:1#d:b:f#3";
        for (one, same) in [(&numbered[..], "h:1#x#2"), (b"x", "y"), (&csns, "rid=001")] {
            assert!(same_form(one, same.as_bytes()));
        }
        assert!(!same_form(numbered, &csns));
        assert!(!same_form(b"x", &csns) && !same_form(numbered, b"x"));
    }

    #[test]
    fn number_of_the_last_change() {
        assert_eq!(number(b"h:1#cn=reader:dc=x:(objectClass=*)#330"), Some(330));
        assert_eq!(number(b"h:1#d:b:f#99999999999999999999"), None);
        assert_eq!(number(b"rid=000,csn=x#7"), None);
        let not_kept = b"h:1#d:b:f#4294967295";
        assert_eq!(number(not_kept), None);
        assert!(is_of_a_change_not_kept(not_kept));
        assert_eq!(in_persist_stage(Some(b"h:1#d:b:f#7"), not_kept), None);
        assert!(!is_of_a_change_not_kept(b"h:1#d:b:f#7"));
        assert_eq!(number(b"330"), None);
    }
}
