use super::*;
use crate::Uuid;

const SLAPD_COOKIE: &[u8] = b"rid=000,csn=x";
const DS389_COOKIE: &[u8] = b"h:1#d:b:f#3";

fn by_root_dse(vendor_name: Option<&str>, classes: &[&str]) -> Provider {
    Provider::from_root_dse(vendor_name, classes.iter().copied(), [])
}

#[test]
fn recognised_by_capabilities() {
    let domain = ["1.2.840.113556.1.4.1670", "1.2.840.113556.1.4.800"];
    let samba = Some("Samba Team (https://www.samba.org)");
    for (vendor_name, classes, capabilities, provider) in [
        (None, &[][..], &domain[..], active_directory::PROVIDER),
        (
            None,
            &[],
            &["1.2.840.113556.1.4.1851"],
            active_directory::PROVIDER,
        ),
        (None, &[], &domain[..1], unknown::PROVIDER),
        (samba, &[], &domain[..], samba::PROVIDER),
        (samba, &["top"], &[], samba::PROVIDER),
        (None, &["OpenLDAProotDSE"], &domain[..], openldap::PROVIDER),
    ] {
        let capabilities = capabilities.iter().copied();
        let found = Provider::from_root_dse(vendor_name, classes.iter().copied(), capabilities);
        assert_eq!(found, provider, "{vendor_name:?} {classes:?}");
    }
}

#[test]
fn recognised_by_root_dse_then_by_cookie() {
    for (vendor_name, classes, provider) in [
        (Some("389 Project"), &[][..], ds389::PROVIDER),
        (Some("Red Hat, Inc."), &[], ds389::PROVIDER),
        (Some("Apache Software Foundation"), &[], apacheds::PROVIDER),
        (None, &["top", "openLDAPRootDSE"], openldap::PROVIDER),
        (Some("389 Project"), &["OpenLDAProotDSE"], ds389::PROVIDER),
        (Some("Somebody"), &["top"], unknown::PROVIDER),
        (None, &[], unknown::PROVIDER),
    ] {
        let found = by_root_dse(vendor_name, classes);
        assert_eq!(found, provider, "{vendor_name:?} {classes:?}");
    }
    let hidden = by_root_dse(None, &[]);
    assert_eq!(
        hidden.or_from_cookie(Some(SLAPD_COOKIE)),
        openldap::PROVIDER
    );
    assert_eq!(hidden.or_from_cookie(Some(DS389_COOKIE)), ds389::PROVIDER);
    let known = ds389::PROVIDER.or_from_cookie(Some(SLAPD_COOKIE));
    assert_eq!(known, ds389::PROVIDER);
}

#[test]
fn each_name_once() {
    for (number, known) in KNOWN.iter().enumerate() {
        assert!(known.is_known(), "{known:?}");
        for other in &KNOWN[number + 1..] {
            assert_ne!(known, other);
        }
    }
}

#[test]
fn cookie_of_another_vendor_is_not_sent() {
    assert!(openldap::PROVIDER.may_understand(SLAPD_COOKIE));
    assert!(!openldap::PROVIDER.may_understand(DS389_COOKIE));
    assert!(ds389::PROVIDER.may_understand(DS389_COOKIE));
    assert!(!ds389::PROVIDER.may_understand(SLAPD_COOKIE));
    for careful in [apacheds::PROVIDER, unknown::PROVIDER] {
        assert!(careful.may_understand(SLAPD_COOKIE) && careful.may_understand(DS389_COOKIE));
    }
}

#[test]
fn identity_is_written_as_the_provider_does() {
    let uuid = Uuid::from_u128(0xf092_0885_e615_11f1_8b84_c444_f42a_b889);
    for (provider, value) in [
        (ds389::PROVIDER, "f0920885-e61511f1-8b84c444-f42ab889"),
        (openldap::PROVIDER, "f0920885-e615-11f1-8b84-c444f42ab889"),
    ] {
        assert_eq!(provider.uuid_to_value(uuid), value);
        assert_eq!(provider.uuid_of_value(value.as_bytes()), Some(uuid));
        assert_eq!(provider.uuid_of_value(b"f0920885-e615"), None);
    }
    for known in KNOWN {
        assert_eq!(known.uuid_groups.iter().sum::<usize>(), 32, "{known:?}");
    }
}

#[test]
fn filters_for_parents_are_well_formed() {
    for provider in KNOWN.iter().chain([&unknown::PROVIDER]) {
        assert!(crate::filter::Filter::parse(provider.has_children).is_ok());
    }
}

#[test]
fn deletes_are_implied_only_by_naming_what_is_present() {
    for (provider, none_named, some_named) in [
        (openldap::PROVIDER, true, true),
        (ds389::PROVIDER, false, false),
        (apacheds::PROVIDER, false, false),
        (unknown::PROVIDER, false, true),
    ] {
        assert_eq!(provider.tells_what_is_present(false), none_named);
        assert_eq!(provider.tells_what_is_present(true), some_named);
        assert_eq!(provider.may_tell_only_changes(), !provider.is_known());
    }
}

#[test]
fn refusals_that_speak_of_the_cookie() {
    let newer = "Consumer state is newer than provider!";
    let full = "Too many active synchronization sessions";
    for (provider, of_newer, of_others) in [
        (openldap::PROVIDER, true, false),
        (unknown::PROVIDER, true, false),
        (ds389::PROVIDER, true, true),
    ] {
        assert_eq!((provider.rejects_cookie)(newer), of_newer, "{provider:?}");
        assert_eq!((provider.rejects_cookie)("no"), of_others, "{provider:?}");
        assert!(!(provider.rejects_cookie)(full), "{provider:?}");
    }
    assert!(hint_if_full(full).is_some_and(|hint| hint.contains("ten consumers")));
    assert_eq!(hint_if_full(newer), None);
}

#[test]
fn hints_of_one_vendor_or_of_all() {
    let trouble = Trouble::SizeLimit;
    assert_eq!(ds389::PROVIDER.hints(trouble), "nsSizeLimit");
    assert_eq!(apacheds::PROVIDER.hints(trouble), "");
    let all = "OpenLDAP: limits … size=unlimited; 389-ds: nsSizeLimit";
    assert_eq!(unknown::PROVIDER.hints(trouble), all);
    assert_eq!(hints_of_all(Trouble::ChangesNotRemembered), "");
}

/// A root DSE that says nothing, and cookies that say nothing either.
#[test]
fn unknown_provider_gets_the_most_careful_profile() {
    let unknown = Provider::default();
    for cookie in [None, Some(&b""[..]), Some(b"\xff#7")] {
        assert_eq!(unknown.or_from_cookie(cookie), unknown, "{cookie:?}");
    }
    assert!(!unknown.sends_references_without_state);
    assert!(!unknown.tells_what_is_present(false) && unknown.tells_what_is_present(true));
    // It may be a known vendor that hides its root DSE. The cookie that it sends shows whether it
    // understood ours.
    assert!(unknown.may_understand(b"\xff#7"));
    assert_eq!(unknown.name, "unknown");
}
