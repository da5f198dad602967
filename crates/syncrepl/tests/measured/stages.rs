//! How a connection and a refresh begin and end.

use syncrepl_client::Uuid;
use syncrepl_testing::judge;
use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};

use crate::common::outcome::Data;
use crate::common::{Copied, syncrepl, text};
use crate::{added, delete, deleted, next, person, with, write};

/// slapd ends a refresh without a cookie with refreshDeletes=TRUE, although it sent no deletes.
#[test]
fn refresh_without_a_cookie_is_complete() {
    for variant in Variant::ALL {
        let server = with(variant, &(person("ann", SUFFIX) + &person("bob", SUFFIX)));
        let mut copy = Copied::suffix(&server);
        copy.refresh();
        let bob = format!("uid=bob,{SUFFIX}");
        write(&server, &delete(&bob));
        let (told, proxy) = next(&mut copy, &server, &["--reconcile"]);
        assert_eq!(
            proxy.states_answered(),
            2,
            "no cookie was sent: all of them"
        );
        assert_eq!(deleted(&told), [bob]);
        copy.assert_equal();
    }
}

/// Plain slapd names a new entry as present before it sends it.
#[test]
fn present_id_before_its_entry() {
    let server = with(Variant::Plain, &person("ann", SUFFIX));
    let mut copy = Copied::suffix(&server);
    copy.refresh();
    write(&server, &person("bob", SUFFIX));
    let dn = format!("uid=bob,{SUFFIX}");
    let (told, proxy) = next(&mut copy, &server, &[]);
    assert_eq!(added(&told), [dn.as_str()]);
    let expected = copy.expected();
    let uuid = expected.uuid_of(&dn).expect("Bob is there");
    let uuid = Uuid::parse_str(uuid).expect("an entryUUID");
    let named = proxy.position_answered(uuid.as_bytes());
    // Only the sync search shows more of Bob than his name.
    let sent = proxy.position_answered(b"inetOrgPerson");
    assert!(
        named.expect("named") < sent.expect("sent"),
        "slapd names it first"
    );
    assert_eq!(proxy.sync_searches(), 1, "nothing was missing");
    assert_eq!(proxy.states_answered(), 1);
    copy.assert_equal();
}

/// SASL EXTERNAL needs an initial response, even an empty one. Without it slapd asks for one (result 14).
#[test]
fn external_over_a_local_socket() {
    let rights = "access to * by dn.regex=cn=peercred,cn=external,cn=auth$ read by * none";
    let server = Slapd::builder(Variant::Plain)
        .ldapi()
        .extra_database(rights)
        .start();
    write(&server, &person("ann", SUFFIX));
    let data = Data::new();
    let url = server.ldapi_url();
    let arguments = [
        "refresh",
        "--data",
        &data.path(),
        "--format",
        "json",
        "-H",
        &url,
        "-Y",
        "EXTERNAL",
        "-b",
        SUFFIX,
    ];
    let output = syncrepl(&arguments);
    assert_eq!(
        (output.status.code(), text(&output.stderr)),
        (Some(0), String::new())
    );
    assert!(text(&output.stdout).contains("cn=peercred,cn=external,cn=auth"));
    assert_eq!(judge::from_dump_json(&data.dump()).len(), 2);
}
