//! Filters: text and encoding, compared with `rasn-ldap`, the oracle.

use rasn::types::{OctetString, SetOf};
use rasn_ldap::{
    AttributeValueAssertion, Filter as Theirs, MatchingRuleAssertion, SubstringChoice,
    SubstringFilter,
};
use syncrepl_proto::filter::{Filter, FilterError, MAX_DEPTH};

pub(crate) fn parse(text: &str) -> Filter {
    Filter::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn ava(attribute: &str, value: &[u8]) -> AttributeValueAssertion {
    AttributeValueAssertion::new(attribute.into(), OctetString::from_slice(value))
}

fn substrings(attribute: &str, pieces: Vec<SubstringChoice>) -> Theirs {
    Theirs::Substrings(SubstringFilter::new(attribute.into(), pieces))
}

fn extensible(rule: Option<&str>, attribute: Option<&str>, value: &str, dn: bool) -> Theirs {
    Theirs::ExtensibleMatch(MatchingRuleAssertion::new(
        rule.map(Into::into),
        attribute.map(Into::into),
        value.as_bytes().to_vec().into(),
        dn,
    ))
}

fn initial(text: &str) -> SubstringChoice {
    SubstringChoice::Initial(text.as_bytes().to_vec().into())
}

fn middle(text: &str) -> SubstringChoice {
    SubstringChoice::Any(text.as_bytes().to_vec().into())
}

fn last(text: &str) -> SubstringChoice {
    SubstringChoice::Final(text.as_bytes().to_vec().into())
}

/// Compares the encoding of `text` with the oracle's, and reads both back.
fn agrees_with_oracle(text: &str, theirs: &Theirs) {
    let filter = parse(text);
    assert_eq!(
        filter.as_bytes(),
        rasn::ber::encode(theirs).unwrap(),
        "{text}"
    );
    assert_eq!(
        rasn::ber::decode::<Theirs>(filter.as_bytes()).unwrap(),
        *theirs,
        "{text}"
    );
    assert_eq!(
        Filter::from_ber(filter.as_bytes()),
        Ok(filter.clone()),
        "{text}"
    );
    assert_eq!(parse(&filter.to_string()), filter, "{text}");
}

fn equal(value: &[u8]) -> Theirs {
    Theirs::EqualityMatch(ava("cn", value))
}

#[test]
fn comparisons_agree_with_oracle() {
    let long = "x".repeat(300);
    for (text, theirs) in [
        ("(objectClass=*)", Theirs::Present("objectClass".into())),
        ("(cn=**)", Theirs::Present("cn".into())),
        ("(cn=a)", equal(b"a")),
        ("cn=a", equal(b"a")),
        ("  (  cn=a)\n", equal(b"a")),
        ("(cn= a )", equal(b" a ")),
        ("(cn=)", equal(b"")),
        ("(cn=a=b)", equal(b"a=b")),
        (r"(cn=\2a\28\29\5C\00)", equal(b"*()\\\0")),
        (r"(cn=\ff\04)", equal(b"\xff\x04")),
        ("(cn=ŽIŽKOV)", equal("ŽIŽKOV".as_bytes())),
        (&format!("(cn={long})"), equal(long.as_bytes())),
        (
            "(cn;lang-de>=a)",
            Theirs::GreaterOrEqual(ava("cn;lang-de", b"a")),
        ),
        ("(2.5.4.3<=a)", Theirs::LessOrEqual(ava("2.5.4.3", b"a"))),
        ("(cn~=a)", Theirs::ApproxMatch(ava("cn", b"a"))),
        ("(cn=a*)", substrings("cn", vec![initial("a")])),
        ("(cn=*a)", substrings("cn", vec![last("a")])),
        ("(cn=*a*)", substrings("cn", vec![middle("a")])),
        ("(cn=a*b)", substrings("cn", vec![initial("a"), last("b")])),
        (
            "(cn=a*b**c*d)",
            substrings(
                "cn",
                vec![initial("a"), middle("b"), middle("c"), last("d")],
            ),
        ),
        (
            r"(cn=\2a*\2a)",
            substrings("cn", vec![initial("*"), last("*")]),
        ),
    ] {
        agrees_with_oracle(text, &theirs);
    }
}

#[test]
fn extensible_matches_and_sets_agree_with_oracle() {
    for (text, theirs) in [
        ("cn:dn:=x", extensible(None, Some("cn"), "x", true)),
        ("(cn:=x)", extensible(None, Some("cn"), "x", false)),
        (
            "(cn:dn:2.4.6.8.10:=x)",
            extensible(Some("2.4.6.8.10"), Some("cn"), "x", true),
        ),
        (
            "(cn:caseExactMatch:=x)",
            extensible(Some("caseExactMatch"), Some("cn"), "x", false),
        ),
        (
            "(:caseExactMatch:=x)",
            extensible(Some("caseExactMatch"), None, "x", false),
        ),
        (
            "(:DN:caseExactMatch:=x)",
            extensible(Some("caseExactMatch"), None, "x", true),
        ),
        ("(!(cn=a))", Theirs::Not(Box::new(equal(b"a")))),
        ("!(cn=a)", Theirs::Not(Box::new(equal(b"a")))),
        ("(&)", Theirs::And(SetOf::new())),
        ("(|)", Theirs::Or(SetOf::new())),
        (
            "(& (cn=a) )",
            Theirs::And(SetOf::from_vec(vec![equal(b"a")])),
        ),
    ] {
        agrees_with_oracle(text, &theirs);
    }
}

#[test]
fn golden_nested_filter() {
    let text = "(&(a=1)(!(b=*))(|(c>=3)(d~=x)(e=*mid*)))";
    let filter = parse(text);
    let expected: &[u8] = b"\xa0\x2b\
        \xa3\x06\x04\x01a\x04\x011\
        \xa2\x03\x87\x01b\
        \xa1\x1c\
        \xa5\x06\x04\x01c\x04\x013\
        \xa8\x06\x04\x01d\x04\x01x\
        \xa4\x0a\x04\x01e\x30\x05\x81\x03mid";
    assert_eq!(filter.as_bytes(), expected);
    assert_eq!(filter.to_string(), text);
    assert_eq!(
        parse("& (a=1)\n ( ! (b=*)) (|(c>=3)(d~=x)(e=*mid*))"),
        filter
    );
    assert_eq!(format!("{filter:?}"), format!("Filter({text})"));
}

#[test]
fn filters_combine() {
    let (a, b) = (Filter::equality("a", b"(*)\xff"), Filter::present("b"));
    assert_eq!(a.to_string(), r"(a=\28\2a\29\ff)");
    let all = Filter::and(&[a.clone(), Filter::or(&[b.not(), a]), Filter::or(&[])]);
    assert_eq!(
        all.to_string(),
        r"(&(a=\28\2a\29\ff)(|(!(b=*))(a=\28\2a\29\ff))(|))"
    );
    assert_eq!(parse(&all.to_string()), all);
    assert_eq!(Filter::and(&[]), parse("(&)"));
}

#[test]
fn invalid_attribute_is_escaped() {
    let filter = Filter::and(&[Filter::present("a=*)(b"), Filter::equality("c", b"d")]);
    assert_eq!(filter.to_string(), r"(&(\61\3d\2a\29\28\62=*)(c=d))");
    assert!(Filter::parse(&filter.to_string()).is_err());
    assert!(Filter::from_ber(filter.as_bytes()).is_err());
}

#[test]
fn invisible_characters_are_escaped() {
    let filter = Filter::equality("cn", "a\n\u{7f}\u{85}ž\u{202e}é".as_bytes());
    assert_eq!(filter.to_string(), r"(cn=a\0a\7f\c2\85ž\e2\80\aeé)");
}

#[test]
fn errors_have_problem_and_position() {
    let error = |text| Filter::parse(text).unwrap_err().to_string();
    assert_eq!(
        error("(&(cn=a)(sn=b)"),
        "missing ')' at byte 15 of the filter"
    );
    assert_eq!(
        error("(objectClass=*"),
        "missing ')' at byte 15 of the filter"
    );
    for (text, expected, at) in [
        ("", "missing '='", 1),
        ("()", "missing '='", 2),
        ("(cn)", "missing '='", 4),
        ("cn", "missing '='", 3),
        ("(=a)", "missing attribute", 2),
        ("(>=a)", "missing attribute", 2),
        ("(c n=a)", "an invalid attribute name", 2),
        ("(cn =a)", "an invalid attribute name", 2),
        ("(ž=a)", "an invalid attribute name", 2),
        ("(:=a)", "not attribute:dn:rule:=value", 2),
        ("(:dn:=a)", "not attribute:dn:rule:=value", 2),
        ("(cn:a:b:=a)", "not attribute:dn:rule:=value", 2),
        (r"(cn=a\)", r"'\' without two", 6),
        (r"(cn=a\2)", r"'\' without two", 6),
        (r"(cn=ab*c\zz)", r"'\' without two", 9),
        ("(cn=a(b)", "missing ')', or a '('", 6),
        ("  cn=a(b", "missing ')', or a '('", 7),
        ("!(cn=a", "missing ')'", 7),
        ("(cn>=a*)", "a '*' that must be written", 7),
        ("(cn:=*)", "a '*' that must be written", 6),
        ("(cn=\0)", "a zero byte", 5),
        ("(cn=a))", "a ')' that closes nothing", 7),
        ("(cn=a)(sn=b)", "something after the end", 7),
        ("(cn=a) x", "missing '('", 8),
        ("(&(cn=a)x)", "missing '('", 9),
        ("(!)", "'!' without a filter", 3),
        ("(!(a=1)(b=1))", "'!' with more than one filter", 8),
    ] {
        match Filter::parse(text).unwrap_err() {
            FilterError::Text { problem, position } => {
                assert!(problem.starts_with(expected), "{text}: {problem}");
                assert_eq!(position, at, "{text}");
            }
            other => panic!("{text}: {other}"),
        }
    }
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| format!("{}(a=1){}", "(!".repeat(depth), ")".repeat(depth));
    let deepest = parse(&nested(MAX_DEPTH));
    assert_eq!(deepest.to_string(), nested(MAX_DEPTH));
    assert_eq!(Filter::from_ber(deepest.as_bytes()), Ok(deepest.clone()));
    assert!(Filter::parse(&nested(MAX_DEPTH + 1)).is_err());
    assert!(Filter::parse(&"(&".repeat(1_000_000)).is_err());
    let mut too_deep = deepest;
    for _ in 0..1000 {
        too_deep = too_deep.not();
    }
    assert_eq!(too_deep.to_string(), nested(MAX_DEPTH + 1000));
    let error = Filter::from_ber(too_deep.as_bytes())
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("filters nested more than 64 deep at byte"),
        "{error}"
    );
}

#[test]
fn encodings_are_checked() {
    for (bytes, expected, at) in [
        (&b""[..], "missing element", 1),
        (b"\xa3", "missing element", 1),
        (b"\xa0\x80\0\0", "indefinite length", 1),
        (b"\xa0\x01", "a length beyond", 1),
        (b"\xa0\x84\xff\xff\xff\xff", "a length beyond", 1),
        (b"\xa0\x89\x01\0\0\0\0\0\0\0\0", "a length beyond", 1),
        (b"\xa0\xff", "a length beyond", 1),
        (b"\xa0\0\0", "missing element", 3),
        (b"\xa0\0\x87\x01b", "something after the end", 3),
        (b"\xa0\x04\x87\x05ab", "a length beyond", 3),
        (b"\x30\0", "an unknown kind", 1),
        (b"\x87\0", "an invalid attribute", 3),
        (b"\x87\x01\xff", "an invalid attribute", 3),
        (b"\xa2\0", "'!' without", 3),
        (b"\xa2\x06\x87\x01a\x87\x01b", "'!' with more", 6),
        (b"\xa3\0", "missing attribute", 3),
        (b"\xa3\x03\x04\x01a", "missing value", 6),
        (
            b"\xa3\x08\x04\x01a\x04\x01b\x04\0",
            "an element too many",
            9,
        ),
        (b"\xa4\x05\x04\x01a\x30\0", "a substring filter without", 8),
        (b"\xa4\x07\x04\x01a\x30\x02\x81\0", "an empty substring", 8),
        (
            b"\xa4\x08\x04\x01a\x30\x03\x83\x01a",
            "a substring of unknown",
            8,
        ),
        (
            b"\xa4\x0b\x04\x01a\x30\x06\x82\x01a\x81\x01a",
            "a substring of unknown",
            8,
        ),
        (
            b"\xa4\x0b\x04\x01a\x30\x06\x81\x01a\x80\x01a",
            "a substring of unknown",
            11,
        ),
        (b"\xa9\x03\x83\x01a", "an extensible match with neither", 3),
        (b"\xa9\x03\x82\x01a", "missing value", 6),
        (
            b"\xa9\x08\x82\x01a\x83\x01b\x84\0",
            "an invalid boolean",
            11,
        ),
    ] {
        match Filter::from_ber(bytes).unwrap_err() {
            FilterError::Encoding { problem, position } => {
                assert!(problem.starts_with(expected), "{bytes:x?}: {problem}");
                assert_eq!(position, at, "{bytes:x?}");
            }
            other => panic!("{bytes:x?}: {other}"),
        }
    }
}

#[test]
fn encodings_become_canonical() {
    let kept = |bytes: &[u8]| Filter::from_ber(bytes).unwrap();
    assert_eq!(kept(b"\xa0\x82\0\x04\x87\x81\x01b"), parse("(&(b=*))"));
    assert_eq!(
        kept(b"\xa9\x09\x82\x01a\x83\x01b\x84\x01\0"),
        parse("(a:=b)")
    );
    assert_eq!(
        kept(b"\xa9\x09\x82\x01a\x83\x01b\x84\x01\x01"),
        parse("(a:dn:=b)")
    );
}
