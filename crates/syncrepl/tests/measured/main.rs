//! Measured behaviour of slapd that may mislead a consumer. Each test fails when the client's rule for it
//! is taken out. Behaviour of two nodes is in `multi_provider`; behaviour that needs luck is replayed in
//! the client's `scripted`.

#[path = "../common/mod.rs"]
mod common;

mod moves;
mod stages;
mod values;

use common::proxy::Proxy;
use common::{Copied, text};
use syncrepl_testing::reader::{Change, Event};
use syncrepl_testing::slapd::{Slapd, Variant};

fn write(server: &Slapd, ldif: &str) {
    server.ldapmodify(ldif).expect("the change applies");
}

fn person(uid: &str, parent: &str) -> String {
    format!(
        "dn: uid={uid},{parent}\nchangetype: add\nobjectClass: inetOrgPerson\nuid: {uid}\n\
         cn: {uid}\nsn: {uid}\ndescription: first\n\n"
    )
}

fn unit(name: &str, parent: &str) -> String {
    format!(
        "dn: ou={name},{parent}\nchangetype: add\nobjectClass: organizationalUnit\nou: {name}\n\n"
    )
}

fn replace(dn: &str, attribute: &str, value: &str) -> String {
    format!("dn: {dn}\nchangetype: modify\nreplace: {attribute}\n{attribute}: {value}\n-\n\n")
}

fn delete(dn: &str) -> String {
    format!("dn: {dn}\nchangetype: delete\n\n")
}

fn relocate(dn: &str, rdn: &str, parent: &str) -> String {
    format!(
        "dn: {dn}\nchangetype: modrdn\nnewrdn: {rdn}\ndeleteoldrdn: 1\nnewsuperior: {parent}\n\n"
    )
}

/// A server with these entries beside the suffix entry.
fn with(variant: Variant, ldif: &str) -> Slapd {
    let server = Slapd::start(variant);
    write(&server, ldif);
    server
}

/// The events of the next refresh, and the proxy that it went through.
fn next(copy: &mut Copied<'_>, server: &Slapd, options: &[&str]) -> (Vec<Event>, Proxy) {
    let (proxy, mark) = (Proxy::to(server), copy.reader.mark());
    copy.hosts = Some(proxy.url());
    let output = copy.try_refresh(options);
    assert_eq!(
        (output.status.code(), text(&output.stderr)),
        (Some(0), String::new())
    );
    (copy.reader.events_since(mark).to_vec(), proxy)
}

fn added(events: &[Event]) -> Vec<&str> {
    let dn = |event: &Event| match &event.change {
        Change::Add { .. } => (),
        other => panic!("not an add: {other:?}"),
    };
    events.iter().for_each(dn);
    events
        .iter()
        .filter_map(|event| match &event.change {
            Change::Add { dn, .. } => Some(dn.as_str()),
            _ => None,
        })
        .collect()
}

fn deleted(events: &[Event]) -> Vec<&str> {
    let dn = |event| match event {
        &Event {
            change: Change::Delete { ref dn, .. },
            ..
        } => dn.as_str(),
        other => panic!("not a delete: {other:?}"),
    };
    events.iter().map(dn).collect()
}
