//! LDAP URLs: reading, writing and errors.

use proptest::prelude::*;
use syncrepl_proto::filter::Filter;
use syncrepl_proto::url::{Extension, LdapUrl, Scheme, Scope, StartTls};

fn parse(url: &str) -> LdapUrl {
    LdapUrl::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"))
}

#[test]
fn parts() {
    let text = "ldap://localhost/dc=example,dc=com?cn,mail?sub?(objectClass=person)";
    let url = parse(text);
    assert_eq!(
        url,
        LdapUrl {
            host: Some("localhost".into()),
            dn: Some("dc=example,dc=com".into()),
            attributes: vec!["cn".into(), "mail".into()],
            scope: Some(Scope::Subtree),
            filter: Some(Filter::equality("objectClass", b"person")),
            ..LdapUrl::default()
        }
    );
    assert_eq!(url.to_string(), text);
}

#[test]
fn canonical_form() {
    for (text, canonical) in [
        ("ldap://", "ldap:///"),
        ("LDAPS://h", "ldaps://h/"),
        ("ldap:///dc=x????", "ldap:///dc=x"),
        ("ldap:///??one", "ldap:///??one"),
        ("ldap:///??SUBTREE?", "ldap:///??sub"),
        ("ldap://h:/", "ldap://h/"),
        ("ldap://:389/", "ldap://:389/"),
        ("ldap://h:0389/", "ldap://h:389/"),
        ("ldap://[::1]:389/", "ldap://[::1]:389/"),
        ("ldap://[::1]", "ldap://[::1]/"),
        ("ldap://[fe80::1%25eth0]/", "ldap://[fe80::1%25eth0]/"),
        ("ldapi:///", "ldapi:///"),
        (
            "ldapi://%2fvar%2frun%2Fslapd%2Fldapi",
            "ldapi://%2Fvar%2Frun%2Fslapd%2Fldapi/",
        ),
        ("ldap:///o=a%3Fb,c=x", "ldap:///o=a%3Fb,c=x"),
        ("ldap:///cn=a%5C,b%20c", "ldap:///cn=a%5C,b%20c"),
        (r"ldap:///cn=a\,b", "ldap:///cn=a%5C,b"),
        ("ldap:///cn=ŽIŽKOV", "ldap:///cn=%C5%BDI%C5%BDKOV"),
        ("ldap:///???cn=a%3Fb", "ldap:///???(cn=a%3Fb)"),
        (
            r"ldap:///???(|(cn=\2a)(cn=b))",
            "ldap:///???(%7C(cn=%5C2a)(cn=b))",
        ),
        (
            "ldap:///?*,+,1.1,cn;lang-de,@person",
            "ldap:///?*,+,1.1,cn;lang-de,@person",
        ),
        (
            "ldap:///????!bindname=cn=a%2cdc=x,x-a,x-b=",
            "ldap:///????!bindname=cn=a%2Cdc=x,x-a,x-b=",
        ),
    ] {
        assert_eq!(parse(text).to_string(), canonical, "{text}");
        assert_eq!(parse(canonical), parse(text), "{text}");
    }
}

#[test]
fn parts_are_decoded() {
    let url = parse("ldapi://%2Fvar%2Frun%2Fslapd%2Fldapi/");
    assert_eq!(
        (url.scheme, url.path()),
        (Scheme::Ldapi, Some("/var/run/slapd/ldapi"))
    );
    assert_eq!(parse("ldapi:///").path(), None);
    let url = parse("ldap://[::1]:389/");
    assert_eq!(
        (url.host.as_deref(), url.port, url.path()),
        (Some("::1"), Some(389), None)
    );
    assert_eq!(
        (url.dn.clone(), url.scope, url.scope_or_default()),
        (None, None, Scope::Base)
    );
    let url = parse("ldap:///o=a%3Fb,c=x??one?(cn=%3F%5C2a)");
    assert_eq!(url.dn.as_deref(), Some("o=a?b,c=x"));
    assert_eq!(url.filter, Some(Filter::equality("cn", b"?*")));
    assert_eq!(url.scope_or_default(), Scope::One);
}

#[test]
fn known_extensions() {
    let url =
        parse("ldap:///????BINDNAME=cn=a%2Cdc=x,!x-bindpw=s%2Ccret,X-Mech=SCRAM-SHA-256,!starttls");
    assert_eq!(url.bind_name(), Some("cn=a,dc=x"));
    assert_eq!(url.bind_password(), Some("s,cret"));
    assert_eq!(url.mechanism(), Some("SCRAM-SHA-256"));
    assert_eq!(url.start_tls(), Some(StartTls::Required));
    assert_eq!(url.unknown_critical(), None);
    assert_eq!(
        parse("ldap:///????StartTLS").start_tls(),
        Some(StartTls::IfPossible)
    );
    assert_eq!(parse("ldap:///").start_tls(), None);
    assert_eq!(
        parse("ldap:///????x-a,!X-B=1,!x-c").unknown_critical(),
        Some("X-B")
    );
}

#[test]
fn errors_and_debug_hide_secrets() {
    let url = parse("ldap:///????bindname=cn=a,X-BindPW=hunter2,!x-bindpw=hunter2");
    assert!(!format!("{url:?} {:#?}", url.extensions).contains("hunter2"));
    assert!(url.to_string().contains("hunter2"));
    assert_eq!(
        url.without_secrets().to_string(),
        "ldap:///????bindname=cn=a"
    );
    for wrong in [
        "ldap:///??X-BINDPW=hunter2",
        "ldap:///X-BINDPW=hunter2+",
        "ldap:///?X-BINDPW=hunter2%00",
        "ldap:///???X-BINDPW=hunter2*(",
        "ldap:///????X-BINDPW=hunter2%",
        "ldap:///????X-BINDPW=hunter2,hunter2$",
        "ldap://hunter2@h/",
        "ldap://h:hunter2/",
        "hunter2",
    ] {
        let error = LdapUrl::parse(wrong).unwrap_err();
        assert!(
            !format!("{error} {error:?}").contains("hunter2"),
            "{wrong}: {error}"
        );
    }
}

fn fails(url: &str, expected: &str) {
    let error = LdapUrl::parse(url).unwrap_err().to_string();
    assert!(error.starts_with(expected), "{url}: {error}");
}

#[test]
fn errors_in_scheme_and_host_say_what_to_change() {
    for (url, expected) in [
        ("localhost", "an LDAP URL begins with ldap://"),
        ("http://h/", "an LDAP URL begins with ldap://"),
        (
            "ldap:///dc=a, dc=b",
            "a space must be written %20 (at byte 14",
        ),
        ("ldap://h/\n", "white space and control"),
        ("ldap://h?cn", "a '/' is missing"),
        ("ldap://a@h/", "an LDAP URL has no user"),
        ("ldap://::1/", "an IPv6 address must be written in brackets"),
        ("ldap://[::1/", "missing ']'"),
        ("ldap://[h]/", "what stands in brackets"),
        ("ldap://[::1%25]/", "what stands in brackets"),
        ("ldap://[::1]389/", "after ']'"),
        ("ldap://h:0/", "the port must be"),
        (
            "ldap://h:65536/",
            "the port must be a number from 1 to 65535 (at byte 10",
        ),
        ("ldap://h:+389/", "the port must be"),
        ("ldap://h:x/", "the port must be"),
        ("ldap://a%00b/", "the host name has"),
        ("ldap://a%20b/", "the host name has"),
        ("ldap://a%3Ab/", "the host name has"),
        ("ldap://a%2Fb/", "the host name has"),
        ("ldapi://%2Fa%0A/", "the path of the socket has a control"),
        ("ldapi://a:1/", "an ldapi URL has no port"),
        (
            "ldapi:///var/run/ldapi",
            "the path of the socket must be percent-encoded",
        ),
    ] {
        fails(url, expected);
    }
}

#[test]
fn errors_after_the_host_say_what_to_change() {
    for (url, expected) in [
        ("ldap:///dc=%FF", "percent-encoded bytes are not UTF-8"),
        (
            "ldap:///dc=%4",
            "'%' must be followed by two hexadecimal digits",
        ),
        ("ldap:///dc=%zz", "'%' must be followed"),
        (
            "ldap:///example",
            "the LDAP URL's DN, percent-decoded, is not valid: missing '='",
        ),
        (
            "ldap:///?cn,,sn",
            "an attribute is missing in the list (at byte 13",
        ),
        (
            "ldap:///?c%20n",
            "an attribute of the list is no attribute desc",
        ),
        (
            "ldap:///?sn,cn%2Cmail",
            "an attribute of the list is no attribute desc",
        ),
        (
            "ldap:///?a:b",
            "an attribute of the list is no attribute desc",
        ),
        (
            "ldap:///?ou/x",
            "an attribute of the list is no attribute desc",
        ),
        (
            "ldap:///??subordinates",
            "this scope cannot be synchronized; use sub",
        ),
        (
            "ldap:///??children",
            "this scope cannot be synchronized; use sub",
        ),
        (
            "ldap:///??all",
            "the scope (after the second '?') must be base, one or sub",
        ),
        (
            "ldap:///???(cn=a",
            "the LDAP URL's filter, percent-decoded, is not valid: missing ')'",
        ),
        ("ldap:///????x-a?", "too many '?'"),
        ("ldap:///????!", "an extension must be"),
        ("ldap:///????x-a,", "an extension must be"),
        ("ldap:///????=a", "an extension must be"),
    ] {
        fails(url, expected);
    }
}

prop_compose! {
    fn any_url()(
        scheme in prop::sample::select(vec![Scheme::Ldap, Scheme::Ldaps, Scheme::Ldapi]),
        name in prop::option::of(prop_oneof!["[a-z0-9.-]{1,8}", Just("fe80::1%a".to_owned()), Just("ž".to_owned())]),
        path in prop::option::of("/[^\\p{Cc}]{0,8}"),
        port in prop::option::of(1_u16..),
        value in prop::option::of(any::<String>()),
        attributes in prop::collection::vec("[*+]|1\\.1|@?[a-z][a-z0-9_-]{0,3}(;[a-z0-9-]{1,3}){0,2}", 0..3),
        scope in prop::option::of(prop::sample::select(vec![Scope::Base, Scope::One, Scope::Subtree])),
        filter in prop::option::of(any::<Vec<u8>>()),
        extensions in prop::collection::vec(
            (any::<bool>(), "[a-zA-Z0-9.-]{1,8}", prop::option::of(any::<String>())), 0..3),
    ) -> LdapUrl {
        let escaped = |value: String| -> String {
            value.bytes().map(|byte| format!("\\{byte:02x}")).collect()
        };
        LdapUrl {
            scheme,
            host: if scheme == Scheme::Ldapi { path } else { name },
            port: port.filter(|_| scheme != Scheme::Ldapi),
            dn: value.map(|value| format!("cn={},dc=?% x", escaped(value))),
            attributes,
            scope,
            filter: filter.map(|value| Filter::equality("cn", &value)),
            extensions: extensions
                .into_iter()
                .map(|(critical, name, value)| Extension { critical, name, value })
                .collect(),
        }
    }
}

proptest! {
    #[test]
    fn urls_round_trip(url in any_url()) {
        let text = url.to_string();
        prop_assert_eq!(LdapUrl::parse(&text), Ok(url), "{}", text);
        prop_assert!(text.is_ascii() && !text.contains(' '));
    }

    #[test]
    fn any_text_is_safe(
        text in prop_oneof![any::<String>(), "ldapi?://[a1%2F:@\\[\\]]{0,4}/?[a=,%2f?!*(): ž]{0,12}"]
    ) {
        if let Ok(url) = LdapUrl::parse(&text) {
            prop_assert_eq!(LdapUrl::parse(&url.to_string()), Ok(url));
        }
    }
}
