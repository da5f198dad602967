//! A refresh without the cookie tells the differences, and nothing else.

use syncrepl_client::rusqlite::{self, Connection, params};
use syncrepl_client::{Credentials, ErrorKind, MaxDelete, Syncrepl};
use syncrepl_testing::slapd::{ADMIN, PASSWORD, Slapd, Variant};

use crate::common::{Fixture, Tape, describe, dn, fails, person, records, refresh, unit};

/// A SQLite connection of another program, without our authorizer.
fn raw(fixture: &Fixture) -> Connection {
    Connection::open(fixture.data()).unwrap()
}

fn reconcile(fixture: &Fixture) -> Vec<String> {
    let tape = Tape::new();
    refresh(fixture.builder(tape.callback()).reconcile(true)).unwrap();
    assert_eq!(
        records(&fixture.store()).entries,
        fixture.expected().entries
    );
    tape.changes()
}

#[test]
fn no_drift_tells_nothing() {
    for variant in Variant::ALL {
        let fixture = Fixture::of(Slapd::start(variant));
        fixture.change(&(unit("people") + &person("ann") + &person("bob")));
        fixture.refresh(());
        assert_eq!(reconcile(&fixture), [""; 0], "{variant:?}");
    }
}

#[test]
fn only_drift_is_told() {
    let fixture = Fixture::with(&["ann", "bob", "cyd", "dan"]);
    fixture.change(&describe("ann", "old"));
    fixture.refresh(());
    let attributes = "SELECT attributes FROM syncrepl_records WHERE dn = ?1";
    let old: Vec<u8> = raw(&fixture)
        .query_row(attributes, [dn("ann")], |row| row.get(0))
        .unwrap();
    fixture.change(&describe("ann", "new"));
    fixture.refresh(());

    let behind = raw(&fixture);
    let run = |sql: &str, params: &[&dyn rusqlite::ToSql]| {
        assert_eq!(behind.execute(sql, params).unwrap(), 1, "{sql}");
    };
    let by_dn = "UPDATE syncrepl_records SET attributes = ?2 WHERE dn = ?1";
    run(by_dn, params![dn("ann"), old]);
    run(
        "DELETE FROM syncrepl_records WHERE dn = ?1",
        params![dn("bob")],
    );
    let ghost = "INSERT INTO syncrepl_records (uuid, dn, dn_key, attributes)
        SELECT zeroblob(16), replace(dn, 'cyd', 'ghost'), CAST(dn_key || 'g' AS BLOB), attributes
        FROM syncrepl_records WHERE dn = ?1";
    run(ghost, params![dn("cyd")]);
    drop(behind);

    assert_eq!(
        fixture.told(),
        [""; 0],
        "an ordinary refresh cannot know it"
    );
    let mut told = reconcile(&fixture);
    told.sort();
    let expected = [
        "add uid=bob,ou=people",
        "change uid=ann,ou=people",
        "delete uid=ghost,ou=people",
    ];
    assert_eq!(told, expected);
    assert_eq!(fixture.told(), [""; 0]);
}

#[test]
fn reconcile_is_due_until_committed() {
    let fixture = Fixture::with(&["ann"]);
    fixture.refresh(());
    let gone = raw(&fixture).execute(
        "DELETE FROM syncrepl_records WHERE dn = ?1",
        params![dn("ann")],
    );
    assert_eq!(gone.unwrap(), 1);
    let (tape, fail) = (Tape::new(), std::cell::Cell::new(true));
    let mut client = fixture
        .builder((
            tape.callback(),
            crate::common::On(
                |event: &str, _: Option<&syncrepl_client::Cursor<'_>>| match event {
                    "refresh_done 3" if fail.take() => Err("not now".into()),
                    _ => Ok(()),
                },
            ),
        ))
        .mode(syncrepl_client::SyncreplMode::RefreshOnly)
        .reconcile(true)
        .connect()
        .unwrap();
    fails(client.run(), ErrorKind::Callback, &["not now"]);
    client.reconnect().unwrap();
    client.run().unwrap();
    assert_eq!(tape.count("add uid=ann"), 2);
    // After it, the next refresh is an ordinary one.
    client.reconnect().unwrap();
    client.run().unwrap();
    assert_eq!(tape.changes().len(), 2);
}

fn as_somebody(fixture: &Fixture, credentials: Credentials) -> Vec<String> {
    let tape = Tape::new();
    let builder = fixture.builder(tape.callback()).credentials(credentials);
    refresh(builder.allow_new_identity(true)).unwrap();
    tape.changes()
}

#[test]
fn identity_with_equal_rights_tells_nothing() {
    for variant in Variant::ALL {
        let fixture = Fixture::of(Slapd::start(variant));
        fixture.change(&(unit("people") + &person("ann")));
        fixture.refresh(());
        assert_eq!(
            fixture.store().status().unwrap().authzid.as_deref(),
            Some("")
        );
        let gone = raw(&fixture).execute(
            "DELETE FROM syncrepl_records WHERE dn = ?1",
            params![dn("ann")],
        );
        assert_eq!(gone.unwrap(), 1);
        // A refresh by another identity compares everything, so it finds the drift without a
        // request for that.
        let ann = || Credentials::simple(dn("ann"), "secret-ann");
        assert_eq!(
            as_somebody(&fixture, ann()),
            ["add uid=ann,ou=people"],
            "{variant:?}"
        );
        let authzid = fixture.store().status().unwrap().authzid;
        assert_eq!(authzid, Some(format!("dn:{}", dn("ann"))));
        assert_eq!(as_somebody(&fixture, ann()), [""; 0]);
        assert_eq!(
            as_somebody(&fixture, Credentials::Anonymous),
            [""; 0],
            "{variant:?}"
        );
    }
}

#[test]
fn identity_tells_of_its_rights() {
    let fixture = Fixture::of(
        Slapd::builder(Variant::SessionLog)
            .extra_database(
                "access to dn.base=\"uid=bob,ou=people,dc=example,dc=com\" by users read\n\
                 access to attrs=mail by users read\n\
                 access to * by * read",
            )
            .start(),
    );
    fixture.change(&(unit("people") + &person("ann") + &person("bob")));
    assert_eq!(fixture.told().len(), 3);
    let mut told = as_somebody(&fixture, Credentials::simple(ADMIN, PASSWORD));
    told.sort();
    assert_eq!(told, ["add uid=bob,ou=people", "change uid=ann,ou=people"]);
    assert_eq!(
        records(&fixture.store()).entries,
        fixture.expected().entries
    );
    // Entries that this identity may not see are deleted again.
    let mut told = as_somebody(&fixture, Credentials::Anonymous);
    told.sort();
    assert_eq!(
        told,
        ["change uid=ann,ou=people", "delete uid=bob,ou=people"]
    );
}

#[test]
fn guard_stops_mass_delete() {
    let fixture = Fixture::with(&["ann", "bob"]);
    fixture.refresh(());
    let before = records(&fixture.store());
    fixture.change(&(crate::common::delete("ann") + &crate::common::delete("bob")));
    let with = |max| refresh(fixture.builder(()).max_delete(max));
    for max in [MaxDelete::Count(1), MaxDelete::Percent(49)] {
        fails(
            with(max),
            ErrorKind::Guard,
            &["2 of 4", "nothing was changed"],
        );
        assert_eq!(records(&fixture.store()), before);
    }
    with(MaxDelete::Percent(50)).unwrap();
    assert_eq!(fixture.store().count().unwrap(), 2);
}

#[test]
fn replaced_directory_is_refused() {
    let fixture = Fixture::with(&["ann"]);
    fixture.refresh(());
    let before = records(&fixture.store());
    fixture.server.wipe();
    fixture.server.add_base();
    let run = fixture.try_refresh(());
    fails(run, ErrorKind::Guard, &["3 of 3", "nothing was changed"]);
    assert_eq!(records(&fixture.store()), before);
    let client = Syncrepl::builder(fixture.data(), ());
    refresh(client.max_delete(MaxDelete::Percent(100))).unwrap();
    assert_eq!(
        records(&fixture.store()).entries,
        fixture.expected().entries
    );
}
