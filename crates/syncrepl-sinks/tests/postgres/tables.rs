//! Tables that are missing, of another kind, or made anew.

use serde_json::json;
use syncrepl_relay::{EventKind, Position, Trouble};
use syncrepl_testing::Postgres;

use crate::common::{Tell, added, deliver, entries, event, owner, sink, sink_with};

#[test]
fn missing_tables_are_named_with_the_sql_that_makes_them() {
    let server = Postgres::start();
    let keys = json!({"create": false, "columns": {"login": "uid"}});
    let mut sink = sink_with(&server, keys);
    let error = sink.open(&owner()).unwrap_err();
    assert_eq!(
        (error.trouble(), error.reason()),
        (Trouble::Manual, "table")
    );
    let hint = error.hint().expect("a hint");
    let sql = hint
        .strip_prefix("run this, or write create = true: ")
        .expect("SQL");
    server.psql(&sql.replace("CREATE TABLE", "SET ROLE sync; CREATE TABLE"));
    deliver(&mut *sink, &[added(1, 10, "Ann")], 1).unwrap();
    assert_eq!(entries(&server), [r#"cn=Ann|{"cn": ["Ann"]}"#]);
}

#[test]
fn all_names_can_be_chosen() {
    let server = Postgres::start();
    let keys = json!({
        "schema": "the \"people\"", "table": "Leute", "values_table": "select", "position_table": "stand",
    });
    deliver(&mut *sink_with(&server, keys), &[added(1, 10, "Ann")], 1).unwrap();
    let shown = server.psql(r#"SELECT dn FROM "the ""people"""."Leute""#);
    assert_eq!(shown, "cn=Ann");
    let shown = server.psql(r#"SELECT target FROM "the ""people""".stand"#);
    assert_eq!(shown, "Leute");
}

#[test]
fn column_is_added_to_a_table_that_is_there() {
    let server = Postgres::start();
    let events = [
        added(1, 10, "Ann"),
        event(EventKind::Changed, 1, 11).attrs(&[("cn", &["Ann"]), ("uid", &["ann"])]),
    ];
    deliver(&mut *sink(&server), &events[..1], 1).unwrap();
    let keys = json!({"create": false, "columns": {"login": "uid"}});
    let error = sink_with(&server, keys).open(&owner()).unwrap_err();
    let wanted = r#"ALTER TABLE "public"."entries" ADD COLUMN IF NOT EXISTS "login" text"#;
    assert!(error.to_string().contains(wanted), "{error}");
    let mut sink = sink_with(&server, json!({"columns": {"login": "uid"}}));
    deliver(&mut *sink, &events, 1).unwrap();
    assert_eq!(server.psql("SELECT login FROM entries"), "ann");
}

#[test]
fn table_of_something_else_is_left_alone() {
    let server = Postgres::start();
    server.psql("CREATE TABLE entries (id int); GRANT ALL ON entries TO sync; ALTER TABLE entries OWNER TO sync");
    let error = sink(&server).open(&owner()).unwrap_err();
    assert_eq!(error.trouble(), Trouble::Manual);
    assert!(error.to_string().contains("has no column uuid"), "{error}");
    assert_eq!(server.psql("SELECT count(*) FROM entries"), "0");
}

#[test]
fn table_that_was_dropped_is_begun_anew() {
    let server = Postgres::start();
    let mut sink = sink(&server);
    deliver(&mut *sink, &[added(1, 10, "Ann")], 1).unwrap();
    server.psql("DROP TABLE entries");
    let error = sink.send(&syncrepl_relay::Batch {
        events: &[added(2, 11, "Bob")],
        before: &added(1, 10, "Ann").position,
        attempts: 0,
    });
    let error = error.unwrap_err();
    assert_eq!(
        (error.trouble(), error.reason()),
        (Trouble::Manual, "table")
    );
    assert_eq!(sink.open(&owner()).unwrap(), Some(Position::START));
}

#[test]
fn column_of_another_type_needs_a_person() {
    let server = Postgres::start();
    deliver(&mut *sink(&server), &[], 1).unwrap();
    server.psql("ALTER TABLE entries ADD COLUMN login integer");
    let keys = json!({"columns": {"login": "uid"}});
    let error = sink_with(&server, keys).open(&owner()).unwrap_err();
    assert_eq!(error.trouble(), Trouble::Manual);
    assert!(error.to_string().contains("another type"), "{error}");
}

#[test]
fn missing_right_needs_a_person() {
    let server = Postgres::start();
    deliver(&mut *sink(&server), &[], 1).unwrap();
    server.psql("REASSIGN OWNED BY sync TO postgres; ALTER DATABASE app OWNER TO postgres");
    let error = sink(&server).open(&owner()).unwrap_err();
    assert_eq!(
        (error.trouble(), error.reason()),
        (Trouble::Manual, "rights")
    );
    assert!(error.to_string().contains("GRANT"), "{error}");
}

#[test]
fn sinks_that_begin_at_the_same_time_do_not_hinder_each_other() {
    let server = Postgres::start();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let mut sink = sink_with(
                &server,
                json!({"schema": "new", "table": format!("t{number}")}),
            );
            scope.spawn(move || sink.open(&owner()).map(drop).unwrap());
        }
    });
    assert_eq!(
        server.psql("SELECT count(*) FROM new.syncrepl_position"),
        "8"
    );
}
