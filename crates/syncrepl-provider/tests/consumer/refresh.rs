//! Refreshes with every phase and every kind of cookie.

use syncrepl_client::{ErrorKind, SyncreplMode};
use syncrepl_provider::{OldCookie, Provider, RefreshStyle, Request, UnknownCookie};

use super::{BASE, Copy, PERSON, company, error_of, shake, ways};

#[test]
fn each_phase_and_mode() {
    for (style, mode) in ways() {
        for first in [RefreshStyle::PresentPhase, RefreshStyle::DeletePhase] {
            let provider = company()
                .refresh_style(style)
                .first_refresh(first)
                .start()
                .expect("it starts");
            let mut copy = Copy::new();
            copy.refresh(&provider, mode).expect("the first refresh");
            copy.assert_equals(&provider);
            copy.events();
            shake(&provider);
            copy.refresh(&provider, mode).expect("the second refresh");
            copy.assert_equals(&provider);
            let events = copy.events();
            assert!(
                events.contains(&format!("rename ou=b,{BASE} ou=c,ou=a,{BASE}")),
                "{events:?}"
            );
            copy.refresh(&provider, mode).expect("the third refresh");
            assert_eq!(copy.events(), Vec::<String>::new(), "nothing has changed");
            copy.assert_equals(&provider);
        }
    }
}

#[test]
fn unknown_vendor_with_opaque_cookies() {
    for (style, mode) in ways() {
        let builder = company().vendor_name("Example").opaque_cookies(true);
        let provider = builder.refresh_style(style).start().expect("it starts");
        let mut copy = Copy::new();
        copy.refresh(&provider, mode).expect("the first refresh");
        shake(&provider);
        copy.refresh(&provider, mode).expect("the second refresh");
        copy.assert_equals(&provider);
        let cookies: Vec<_> = provider
            .requests()
            .into_iter()
            .filter_map(|request| match request {
                Request::Sync { cookie, .. } => Some(cookie),
                _ => None,
            })
            .collect();
        assert_eq!(cookies[0], None);
        assert!(
            cookies[1]
                .as_ref()
                .is_some_and(|cookie| !cookie.starts_with(b"rid="))
        );
    }
}

#[test]
fn cookie_older_than_change_log() {
    for choice in [OldCookie::PresentPhase, OldCookie::RefreshRequired] {
        let provider = company()
            .refresh_style(RefreshStyle::DeletePhase)
            .change_log(2)
            .old_cookie(choice)
            .start()
            .expect("it starts");
        let mut copy = Copy::new();
        copy.refresh(&provider, SyncreplMode::RefreshOnly)
            .expect("the first refresh");
        shake(&provider);
        copy.refresh(&provider, SyncreplMode::RefreshOnly)
            .expect("the second refresh");
        copy.assert_equals(&provider);
    }
}

#[test]
fn cookie_of_another_provider() {
    for choice in [
        UnknownCookie::AsNone,
        UnknownCookie::RefreshRequired,
        UnknownCookie::Result(4096),
    ] {
        let first = company()
            .opaque_cookies(true)
            .vendor_name("Example")
            .start();
        let first = first.expect("it starts");
        let mut copy = Copy::new();
        copy.refresh(&first, SyncreplMode::RefreshOnly)
            .expect("the first refresh");
        let builder = Provider::builder()
            .restore(first.entries())
            .port(first.port());
        first.stop();
        let second = builder
            .unknown_cookie(choice)
            .start()
            .expect("it starts again");
        shake(&second);
        copy.refresh(&second, SyncreplMode::RefreshOnly)
            .expect("the second refresh");
        copy.assert_equals(&second);
    }
}

#[test]
fn restart_and_older_backup() {
    let provider = company().start().expect("it starts");
    let mut copy = Copy::new();
    copy.refresh(&provider, SyncreplMode::RefreshOnly)
        .expect("a refresh");
    let backup = provider.entries();
    shake(&provider);
    copy.refresh(&provider, SyncreplMode::RefreshOnly)
        .expect("a refresh");
    let (now, port) = (provider.entries(), provider.port());
    provider.stop();

    let again = Provider::builder()
        .port(port)
        .restore(now.clone())
        .start()
        .expect("it starts");
    assert_eq!(again.entries(), now);
    copy.events();
    copy.refresh(&again, SyncreplMode::RefreshOnly)
        .expect("a refresh");
    assert_eq!(copy.events(), Vec::<String>::new());
    copy.assert_equals(&again);
    again.stop();

    let older = Provider::builder()
        .port(port)
        .restore(backup)
        .start()
        .expect("it starts");
    copy.refresh(&older, SyncreplMode::RefreshOnly)
        .expect("a refresh");
    copy.assert_equals(&older);
}

#[test]
fn empty_directory_proves_nothing() {
    let provider = Provider::builder()
        .suffix_entries(false)
        .start()
        .expect("it starts");
    let mut copy = Copy::new();
    let error = error_of(copy.refresh(&provider, SyncreplMode::RefreshOnly));
    assert_eq!(error.result_code(), Some(32));
    provider
        .add(BASE, [("objectClass", "domain")])
        .expect("an add");
    provider
        .add(&format!("cn=x,{BASE}"), [PERSON])
        .expect("an add");
    copy.refresh(&provider, SyncreplMode::RefreshOnly)
        .expect("a refresh");
    copy.assert_equals(&provider);
}

#[test]
fn anonymous_read_is_refused() {
    let provider = company().anonymous_reads(false).start().expect("it starts");
    let error = error_of(Copy::new().refresh(&provider, SyncreplMode::RefreshOnly));
    assert_eq!(
        (error.kind(), error.result_code()),
        (ErrorKind::Refused, Some(50))
    );
}
