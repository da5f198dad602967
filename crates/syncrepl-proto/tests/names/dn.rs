//! DNs: keys, spellings, RDNs and errors.

use proptest::prelude::*;
use syncrepl_proto::dn::*;

fn error(dn: &str) -> String {
    validate(dn).unwrap_err().to_string()
}

#[test]
fn spellings_of_one_name_share_a_key() {
    for (a, b) in [
        ("cn=a,dc=x", " CN = a ; DC = x "),
        ("cn=a,dc=x", "commonName=A,0.9.2342.19200300.100.1.25=X"),
        ("cn=a,dc=x", "OID.2.5.4.3=a,domainComponent=x"),
        (
            "uid=a,ou=b,o=c,l=d,st=e,street=f,c=g",
            "userid=a,organizationalUnitName=b,organizationName=c,localityName=d,stateOrProvinceName=e,streetAddress=f,countryName=g",
        ),
        ("2.5.4.99=a", "oid.2.5.4.99=a"),
        (r"cn=a\,b", r"cn=a\2cb"),
        (r"cn=a\,b", "cn=\"a,b\""),
        (r#"cn=a\"b"#, r"cn=a\22b"),
        (r"cn=a\+b", r"cn=a\2Bb"),
        (r"cn=\#1", r"cn=\231"),
        (r"cn=\ a  b\ ", "cn=a b"),
        (r"cn=a\20\20b", "cn=a b"),
        ("cn=ŽIŽKOV", r"cn=\c5\bdi\C5\BEkov"),
        ("cn=ŽIŽKOV", "cn=žižkov"),
        ("cn=", r"cn=\20"),
        ("cn=a+uid=b", "UID=B + CN=A"),
        ("cn=#04024869", "cn=#04024869 "),
        ("cn=#04AB", "cn=#04ab"),
        ("", "  "),
    ] {
        validate(a).unwrap();
        validate(b).unwrap();
        assert_eq!(key(a), key(b), "{a} and {b}");
    }
}

#[test]
fn different_names_have_different_keys() {
    for (a, b) in [
        ("cn=a", "cn=b"),
        ("cn=a", "sn=a"),
        ("cn=", ""),
        ("cn=ab", "cn=a b"),
        (r"cn=a\+uid\=b", "cn=a+uid=b"),
        (r"cn=a\,cn\=b", "cn=a,cn=b"),
        (r"cn=\#0402", "cn=#0402"),
        (r"cn=a\00", "cn=a"),
        (r"cn=a\00", r"cn=a\01"),
        (r"cn=a\01\03uid=b", "cn=a+uid=b"),
        (r"cn=\ff", r"cn=\fe"),
        ("cn=a,", "cn=a"),
        ("rubbish", "rubble"),
    ] {
        assert_ne!(key(a), key(b), "{a} and {b}");
    }
}

#[test]
fn keys_are_root_first() {
    assert_eq!(key("CN=Ann+uid=7, DC=X"), b"dc=x\0cn=ann\x01\x03uid=7\0");
    assert_eq!(key(r"cn=a\00\01"), b"cn=a\x01\x01\x01\x02\0");
    assert_eq!(key("cn=#04AB"), b"cn=\x01\x0404ab\0");
    assert_eq!(key("Not A DN"), b"\x02not a dn\0");
    assert_eq!(key(""), b"");
}

#[test]
fn parents_and_ranges_of_keys() {
    let (base, ann) = (key("dc=x"), key("cn=ann,ou=p,dc=x"));
    assert_eq!(parent_key(&ann), Some(&key("ou=p,dc=x")[..]));
    assert_eq!(parent_key(&base), Some(&b""[..]));
    assert_eq!(parent_key(b""), None);
    assert_eq!((depth(b""), depth(&base), depth(&ann)), (0, 1, 3));
    assert!(is_within(&ann, &base) && is_within(&base, &base) && is_within(&base, b""));
    assert!(!is_within(&base, &ann) && !is_within(&key("dc=xy"), &base));
    assert_eq!(descendants(b""), (vec![], None));
    assert_eq!(
        descendants(&base),
        (base.clone(), Some(b"dc=x\x01".to_vec()))
    );
    assert_eq!(descendants(b"a\xff\xff").1, Some(b"b".to_vec()));
    let (lower, upper) = descendants(&base);
    let upper = upper.unwrap();
    let below = |dn: &str| key(dn) > lower && key(dn) < upper;
    assert!(below("cn=ann,ou=p,dc=x") && below(r"cn=\ff,dc=x") && below("cn=,dc=x"));
    assert!(!below("dc=x") && !below(r"dc=x\00") && !below(r"dc=x\01") && !below("dc=x+cn=a"));
    assert!(!below(r"cn=a,dc=x\00") && !below("dc=x a") && !below("cn=a,dc=xy"));
}

#[test]
fn case_of_values_is_more_than_spelling() {
    assert!(same_spelling_aside(
        "cn=Ann,dc=x",
        "CN=\\41nn, domainComponent=x"
    ));
    assert!(same_spelling_aside("cn=a+uid=b", "UID=b+cn=a"));
    assert!(!same_spelling_aside("cn=Ann,dc=x", "cn=ann,dc=x"));
    assert!(!same_spelling_aside("cn=ŽIŽKOV", "cn=žižkov"));
    assert!(!same_spelling_aside("Rubbish", "rubbish"));
    assert!(same_spelling_aside("rubbish", "rubbish"));
}

#[test]
fn rdns_as_written() {
    let dn = r#" cn=a\, b\ + uid = "x,y" ; ou= ,dc=x "#;
    assert_eq!(
        rdns(dn).unwrap(),
        [r#"cn=a\, b\ + uid = "x,y""#, "ou=", "dc=x"]
    );
    assert_eq!(rdns("").unwrap(), [""; 0]);
    assert_eq!(
        rebase(dn, 1, "dc=new").unwrap(),
        r#"cn=a\, b\ + uid = "x,y",dc=new"#
    );
    assert_eq!(rebase(r"CN=a\ , dc=x", 1, "o=y").unwrap(), r"CN=a\ ,o=y");
    assert_eq!(rebase("cn=a,ou=b,dc=x", 2, "").unwrap(), "cn=a,ou=b");
    assert_eq!(rebase("cn=a,ou=b", 0, "dc=x").unwrap(), "dc=x");
    assert_eq!(rebase("", 0, "dc=x").unwrap(), "dc=x");
    assert_eq!(rebase("cn=a", 2, "dc=x"), None);
    assert_eq!(rebase("rubbish", 1, "dc=x"), None);
}

#[test]
fn errors_have_problem_and_position() {
    assert_eq!(
        error("cn"),
        "missing '=' after the attribute type at byte 3 of the DN"
    );
    assert_eq!(
        error("cn=a,,dc=x"),
        "an attribute type such as cn or dc is missing at byte 6 of the DN"
    );
    for (dn, position) in [
        ("cn=a,", 6),
        ("=a", 1),
        (",", 1),
        ("cn=a+", 6),
        ("ž=a", 1),
        (r"cn=\", 4),
        (r"cn=\4", 4),
        (r"cn=\ž", 4),
        ("cn=#", 5),
        ("cn=#0", 6),
        ("cn=#04x", 7),
        ("cn=#04 04", 7),
        ("cn=\"a", 6),
        ("cn=\"a\"b", 7),
        ("cn=a\0", 5),
    ] {
        assert_eq!(validate(dn).unwrap_err().position, position, "{dn}");
        assert_eq!(depth(&key(dn)), 1);
    }
}

/// A value in one of its spellings: plain, escaped, or in hexadecimal.
fn spelled(value: &str, how: u8) -> String {
    let escape = |c: char| match how {
        0 if c.is_ascii_alphanumeric() => c.to_string(),
        1 if " \"#+,;<=>\\".contains(c) => format!("\\{c}"),
        1 if c != '\0' => c.to_string(),
        _ => {
            let mut buffer = [0; 4];
            c.encode_utf8(&mut buffer)
                .bytes()
                .map(|byte| format!("\\{byte:02X}"))
                .collect()
        }
    };
    value.chars().map(escape).collect()
}

const TYPES: [[&str; 3]; 3] = [
    ["cn", "commonName", "2.5.4.3"],
    ["uid", "USERID", "Uid"],
    ["x-a", "X-A", "oid.x-a"],
];

/// A DN: for each RDN its (type, value) pairs.
fn name() -> impl Strategy<Value = Vec<Vec<(usize, String)>>> {
    let value = prop_oneof![any::<String>(), "[a-c ,+=#\\x00\\x01]{0,4}"];
    prop::collection::vec(prop::collection::vec((0..3_usize, value), 1..4), 0..5)
}

fn write(name: &[Vec<(usize, String)>], how: u8, reverse: bool) -> String {
    let rdn = |pairs: &Vec<(usize, String)>| {
        let mut pairs: Vec<String> = pairs
            .iter()
            .map(|(name, value)| {
                format!("{}={}", TYPES[*name][usize::from(how)], spelled(value, how))
            })
            .collect();
        if reverse {
            pairs.reverse();
        }
        pairs.join(if reverse { " + " } else { "+" })
    };
    name.iter()
        .map(rdn)
        .collect::<Vec<_>>()
        .join(if reverse { " ; " } else { "," })
}

proptest! {
    #[test]
    fn random_spellings_share_a_key(name in name(), how in 0..3_u8) {
        let (a, b) = (write(&name, 0, false), write(&name, how, true));
        prop_assert_eq!(validate(&a), Ok(()));
        prop_assert_eq!(validate(&b), Ok(()));
        prop_assert_eq!(key(&a), key(&b));
        prop_assert!(same_spelling_aside(&a, &b));
    }

    #[test]
    fn parent_key_is_strict_prefix(name in name(), how in 0..3_u8) {
        let dn = write(&name, how, false);
        let child = key(&dn);
        prop_assert_eq!(depth(&child), name.len());
        prop_assert_eq!(rdns(&dn).map(|rdns| rdns.len()), Ok(name.len()));
        if let Some((_, above)) = name.split_first() {
            let parent = key(&write(above, how, true));
            prop_assert_eq!(parent_key(&child), Some(&parent[..]));
            prop_assert!(is_within(&child, &parent) && child.len() > parent.len());
            let (lower, upper) = descendants(&parent);
            prop_assert!(lower < child && upper.is_none_or(|upper| child < upper));
        }
    }

    #[test]
    fn range_equals_is_within(a in name(), b in name()) {
        let (a, b) = (key(&write(&a, 2, false)), key(&write(&b, 2, false)));
        let (lower, upper) = descendants(&a);
        let in_range = lower < b && upper.is_none_or(|upper| b < upper);
        prop_assert_eq!(in_range, is_within(&b, &a) && a != b);
    }

    #[test]
    fn rebase_round_trip(name in name(), base in name(), how in 0..3_u8) {
        let (dn, base) = (write(&name, how, false), write(&base, how, false));
        let whole = rebase(&dn, name.len(), &base).unwrap();
        prop_assert!(key(&whole).starts_with(&key(&base)));
        let levels = rdns(&whole).unwrap().len();
        prop_assert_eq!(levels, name.len() + rdns(&base).unwrap().len());
        prop_assert_eq!(rebase(&whole, name.len(), ""), Some(rdns(&dn).unwrap().join(",")));
        prop_assert_eq!(rebase(&whole, levels + 1, &base), None);
    }

    #[test]
    fn any_text_has_a_key(text in prop_oneof![any::<String>(), "[cn0=,;+\"\\\\# \\x00ž]{0,12}"]) {
        let key = key(&text);
        if let Err(error) = validate(&text) {
            prop_assert!((1..=text.len() + 1).contains(&error.position));
            prop_assert_eq!(depth(&key), 1);
        }
        prop_assert_eq!(rdns(&text).is_ok(), validate(&text).is_ok());
        prop_assert!(same_spelling_aside(&text, &text));
        prop_assert_eq!(rebase(&text, 1, "dc=x").is_some(), rdns(&text).is_ok_and(|r| !r.is_empty()));
    }

    #[test]
    fn any_bytes_are_safe_as_a_key(bytes: Vec<u8>, other: Vec<u8>) {
        let (lower, upper) = descendants(&bytes);
        let in_range = lower < other && upper.is_none_or(|upper| other < upper);
        prop_assert_eq!(in_range, is_within(&other, &bytes) && other != bytes);
        prop_assert!(parent_key(&bytes).is_none_or(|parent| bytes.starts_with(parent)));
    }
}

#[test]
fn naming_values_of_an_entry() {
    for (dn, expected) in [
        ("", vec![]),
        ("cn=Ann,dc=x", vec![("cn", &b"Ann"[..])]),
        (
            "CN = a\\,b\\20 +uid=7 , dc=x",
            vec![("CN", b"a,b "), ("uid", b"7")],
        ),
        ("cn=\\c5\\81", vec![("cn", "\u{141}".as_bytes())]),
        ("1.2.3=#0403616263,dc=x", vec![("1.2.3", b"abc")]),
        ("cn=#ff", vec![("cn", b"\xff")]),
        ("cn=,dc=x", vec![("cn", b"")]),
        ("cn= ,dc=x", vec![("cn", b"")]),
        ("cn= a b  ,dc=x", vec![("cn", b"a b")]),
        ("cn=\"a, \" ,dc=x", vec![("cn", b"a, ")]),
    ] {
        let found = naming_values(dn).unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|(name, value)| (*name, &**value))
            .collect();
        assert_eq!(found, expected, "{dn}");
    }
    assert!(naming_values("ann,dc=x").is_err());
}

#[test]
fn split_first_gives_rdn_and_parent() {
    for (name, expected) in [
        (
            "cn=a\\,b+uid=1, o=x ,dc=y",
            Some(("cn=a\\,b+uid=1", "o=x ,dc=y")),
        ),
        ("o=x", Some(("o=x", ""))),
        (" o=x ", Some(("o=x", ""))),
        ("", None),
        ("no name", None),
    ] {
        assert_eq!(split_first(name), expected, "{name:?}");
        assert_eq!(
            ancestor(name, 1),
            expected.map(|(_, above)| above),
            "{name:?}"
        );
    }
    assert_eq!(ancestor("cn=a, o=x ,dc=y ", 2), Some("dc=y"));
    assert_eq!(ancestor("cn=a,o=x", 0), Some("cn=a,o=x"));
    assert_eq!(ancestor("cn=a,o=x", 3), None);
}
