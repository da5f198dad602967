//! DNs: a spelling of our own, with every byte escaped, is the same name; keys nest as names do.

use syncrepl_proto::dn::{
    depth, descendants, is_within, key, naming_values, parent_key, rdns, rebase,
    same_spelling_aside, split_first, validate,
};

/// Two texts with a zero byte between them, or one.
pub fn dn(bytes: &[u8]) {
    let mut parts = bytes.splitn(2, |&byte| byte == 0);
    let mut text = || std::str::from_utf8(parts.next()?).ok();
    let one = text();
    let other = text();
    one.into_iter().chain(other).for_each(alone);
    if let (Some(one), Some(other)) = (one, other) {
        together(one, other);
    }
}

fn alone(dn: &str) {
    let own = key(dn);
    assert!(same_spelling_aside(dn, dn));
    let (lower, upper) = descendants(&own);
    assert!(own <= lower && upper.is_none_or(|upper| own < upper));
    let rdns = match rdns(dn) {
        Ok(rdns) => rdns,
        Err(error) => {
            assert_eq!(validate(dn), Err(error));
            assert!(error.position >= 1 && error.position <= dn.len() + 1);
            assert_eq!((split_first(dn), rebase(dn, 1, "")), (None, None));
            assert_eq!(depth(&own), 1, "one component that no DN has");
            return;
        }
    };
    assert_eq!(validate(dn), Ok(()));
    assert_eq!(depth(&own), rdns.len());
    let joined = rdns.join(",");
    assert_eq!(key(&joined), own, "{joined:?}");
    assert!(same_spelling_aside(&joined, dn), "{joined:?}");
    let canonical = canonical(&rdns);
    assert_eq!(key(&canonical), own, "{canonical:?}");
    assert!(same_spelling_aside(&canonical, dn), "{canonical:?}");
    let again = self::rdns(&canonical).expect("our spelling is a DN");
    assert_eq!(self::canonical(&again), canonical);
    match split_first(dn) {
        None => assert!(rdns.is_empty()),
        Some((first, above)) => {
            assert_eq!(first, rdns[0]);
            let parent = parent_key(&own).expect("a key with a component");
            assert_eq!(key(above), parent);
            assert!(is_within(&own, parent) && own.len() > parent.len());
            let (lower, upper) = descendants(parent);
            assert!(lower < own && upper.is_none_or(|upper| own < upper));
            assert_eq!(rebase(dn, 1, above).map(|dn| key(&dn)), Some(own));
        }
    }
    assert_eq!(rebase(dn, rdns.len() + 1, ""), None);
    let whole = rebase(dn, rdns.len(), "dc=other").expect("all of its RDNs");
    assert!(is_within(&key(&whole), &key("dc=other")));
    assert_eq!(depth(&key(&whole)), rdns.len() + 1);
}

fn together(one: &str, other: &str) {
    let same = same_spelling_aside(one, other);
    assert_eq!(same, same_spelling_aside(other, one));
    if same {
        assert_eq!(key(one), key(other));
    }
    // If one key lies within the other, so do the RDNs.
    if let (Ok(below), Ok(above)) = (rdns(one), rdns(other))
        && is_within(&key(one), &key(other))
    {
        let tail = below[below.len() - above.len()..].join(",");
        assert_eq!(key(&tail), key(&above.join(",")));
    }
}

/// The same name with every byte of every value escaped (RFC 4514 §2.4).
fn canonical(rdns: &[&str]) -> String {
    let rdns = rdns.iter().map(|rdn| {
        if rdn.contains('#') {
            // Perhaps a value in hexadecimal, which stays as it is written.
            return (*rdn).to_owned();
        }
        let pairs = naming_values(rdn).expect("an RDN");
        let pairs = pairs.iter().map(|(attribute, value)| {
            let value: String = value.iter().map(|byte| format!("\\{byte:02x}")).collect();
            format!("{attribute}={value}")
        });
        pairs.collect::<Vec<_>>().join("+")
    });
    rdns.collect::<Vec<_>>().join(",")
}
