//! `mode = "state"`: the table is as the entries are.

use serde_json::json;
use syncrepl_relay::{EventKind, ValueChange};
use syncrepl_testing::Postgres;

use crate::common::{Tell, added, deliver, entries, event, sink, sink_with};

#[test]
fn entries_are_as_the_last_event_says() {
    let server = Postgres::start();
    let mut sink = sink(&server);
    let events = [
        added(1, 10, "Ann"),
        added(2, 11, "Bob"),
        event(EventKind::Changed, 1, 12).attrs(&[("cn", &["Ann"]), ("title", &["Head"])]),
        event(EventKind::Renamed, 1, 13).dn("cn=Ann,ou=x"),
        event(EventKind::Deleted, 2, 14).dn("cn=Bob"),
        added(3, 15, "Cid"),
    ];
    for size in [1, 6] {
        server.psql("DROP TABLE IF EXISTS entries, entry_values, syncrepl_position");
        deliver(&mut *sink, &events, size).unwrap();
        let wanted = [
            r#"cn=Ann,ou=x|{"cn": ["Ann"], "title": ["Head"]}"#,
            r#"cn=Cid|{"cn": ["Cid"]}"#,
        ];
        assert_eq!(entries(&server), wanted, "batches of {size}");
        let numbers = server.psql("SELECT generation, seq FROM entries ORDER BY uuid");
        assert_eq!(numbers, "1|13\n1|15");
    }
}

#[test]
fn changes_without_attributes_are_laid_upon_the_row() {
    let server = Postgres::start();
    let mut sink = sink(&server);
    let events = [
        added(1, 10, "Ann"),
        event(EventKind::Changed, 1, 11).change("mail", &["a@x", "b@x"], &[]),
        event(EventKind::Changed, 1, 12).change("MAIL", &["c@x"], &["a@x"]),
        event(EventKind::Renamed, 1, 13)
            .dn("cn=Eve")
            .change("cn", &["Eve"], &["Ann"]),
        event(EventKind::Changed, 1, 14).change("title", &["Head"], &[]),
        event(EventKind::Changed, 1, 15).change("title", &[], &["Head"]),
    ];
    for size in [1, 2, 6] {
        server.psql("DROP TABLE IF EXISTS entries, entry_values, syncrepl_position");
        deliver(&mut *sink, &events, size).unwrap();
        let wanted = [r#"cn=Eve|{"cn": ["Eve"], "mail": ["b@x", "c@x"]}"#];
        assert_eq!(entries(&server), wanted, "batches of {size}");
    }
}

#[test]
fn masked_values_are_nowhere_and_omitted_ones_stay() {
    let server = Postgres::start();
    let mut sink = sink(&server);
    let mut changed = event(EventKind::Changed, 1, 11).attrs(&[("cn", &["Ann"])]);
    changed.omitted.push("jpegPhoto".to_owned());
    changed.masked.push("userPassword".to_owned());
    let masked = ValueChange {
        name: "userPassword".to_owned(),
        masked: true,
        added: Vec::new(),
        removed: Vec::new(),
    };
    changed.changes.push(masked.clone());
    let mut only_changes = event(EventKind::Changed, 1, 12);
    only_changes.changes.push(masked);
    let events = [
        added(1, 10, "Ann").attr("jpegPhoto", &[b"photo".to_vec()]),
        changed,
        only_changes,
    ];
    deliver(&mut *sink, &events, 1).unwrap();
    let wanted = [r#"cn=Ann|{"cn": ["Ann"], "jpegPhoto": ["photo"]}"#];
    assert_eq!(entries(&server), wanted);
    assert_eq!(server.psql("SELECT seq FROM entries"), "12");
}

#[test]
fn values_that_are_no_text_are_base64() {
    let server = Postgres::start();
    let mut sink = sink_with(
        &server,
        json!({"columns": {"login": "uid", "all": "uid[]"}}),
    );
    let values = [b"a\0b".to_vec(), b"\xff\xfe".to_vec(), "grün\\\"{,}".into()];
    let events = [event(EventKind::Added, 1, 10)
        .dn("cn=A\0B")
        .attr("uid", &values)];
    deliver(&mut *sink, &events, 1).unwrap();
    let wanted = r#"cn=A\00B|["a", {"base64": "YQBi"}, {"base64": "//4="}]"#;
    let shown = server
        .psql("SELECT dn, jsonb_build_array('a', attrs->'uid'->0, attrs->'uid'->2) FROM entries");
    assert_eq!(shown, wanted);
    let text = server.psql("SELECT attrs->'uid'->>1, \"all\"[1] = attrs->'uid'->>1 FROM entries");
    assert_eq!(text, "grün\\\"{,}|t");
    assert_eq!(server.psql("SELECT cardinality(\"all\") FROM entries"), "3");
}

#[test]
fn columns_hold_the_attributes_they_name() {
    let server = Postgres::start();
    let keys = json!({"columns": {"login": "uid", "mails": "mail[]", "odd \"name\"": "CN"}});
    let mut sink = sink_with(&server, keys);
    let events = [
        added(1, 10, "Ann")
            .attr("uid", &[b"ann".to_vec(), b"a".to_vec()])
            .attr("mail", &[b"b@x".to_vec(), b"a@x".to_vec()]),
        added(2, 11, "Bob"),
    ];
    deliver(&mut *sink, &events, 10).unwrap();
    let shown = server.psql(r#"SELECT login, mails, "odd ""name""" FROM entries ORDER BY uuid"#);
    assert_eq!(shown, "a|{a@x,b@x}|Ann\n||Bob");
    let events = [
        events.to_vec(),
        vec![event(EventKind::Changed, 1, 12).change("mail", &[], &["a@x"])],
    ]
    .concat();
    deliver(&mut *sink, &events, 10).unwrap();
    let shown = server.psql("SELECT login, mails FROM entries WHERE login IS NOT NULL");
    assert_eq!(shown, "a|{b@x}");
}

#[test]
fn older_event_does_not_overwrite_a_newer_row() {
    let server = Postgres::start();
    let mut sink = sink(&server);
    let events = [
        added(1, 10, "New").generation(5),
        added(1, 11, "Old").generation(4),
        event(EventKind::Changed, 1, 10)
            .change("cn", &["Twice"], &[])
            .generation(5),
        event(EventKind::Deleted, 1, 12).generation(3),
    ];
    deliver(&mut *sink, &events[..1], 1).unwrap();
    deliver(&mut *sink, &events, 4).unwrap();
    assert_eq!(entries(&server), [r#"cn=New|{"cn": ["New"]}"#]);
}

#[test]
fn each_transaction_notifies_once() {
    let server = Postgres::start();
    let mut sink = sink(&server);
    deliver(&mut *sink, &[], 1).unwrap();
    // psql prints notifications when a command ends: this one waits for the rows.
    let wait = "DO 'BEGIN WHILE (SELECT count(*) FROM entries) < 3 LOOP PERFORM pg_sleep(0.02); END LOOP; END'";
    let mut listener = server.client("psql", "postgres");
    listener.args(["-XAtq", "-d", "app", "-c", "LISTEN syncrepl", "-c", wait]);
    let listener = std::thread::spawn(move || listener.output().expect("psql starts"));
    syncrepl_testing::wait_until(crate::common::PATIENCE, || {
        let listening = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'DO %'";
        server.psql(listening) == "1"
    });
    let events = [
        added(1, 10, "Ann"),
        added(2, 11, "Bob"),
        added(3, 12, "Cid"),
    ];
    deliver(&mut *sink, &events, 2).unwrap();
    let output = listener.join().expect("the listener ends");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let told = text.matches("Asynchronous notification \"syncrepl\" with payload \"people\"");
    assert_eq!(told.count(), 2, "{text}");
}
