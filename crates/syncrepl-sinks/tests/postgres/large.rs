//! Large attributes: their values are rows of their own.

use syncrepl_relay::{Event, EventKind};
use syncrepl_testing::Postgres;

use crate::common::{Tell, added, deliver, event, sink};

fn member(number: usize) -> String {
    format!("uid=member{number:06},ou=people,dc=example,dc=com")
}

fn members(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|n| member(n).into_bytes()).collect()
}

/// The values of both tables: what an entry has, wherever it is.
fn counts(server: &Postgres) -> String {
    server.psql(
        "SELECT coalesce(jsonb_array_length(attrs->'member'), 0), \
         (SELECT count(*) FROM entry_values v WHERE v.uuid = e.uuid AND v.name = 'member') \
         FROM entries e",
    )
}

fn group(seq: u64, count: usize) -> Event {
    added(1, seq, "Group").attr("member", &members(count))
}

#[test]
fn one_more_member_of_many_is_one_more_row() {
    const MANY: usize = 100_000;
    let server = Postgres::start();
    let mut sink = sink(&server);
    let mut events = vec![added(1, 1, "Group")];
    deliver(&mut *sink, &events, 1).unwrap();
    // The server makes the members, so that this process has not had the memory for them before.
    server.psql(&format!(
        "INSERT INTO entry_values SELECT uuid, 'member', sha256(convert_to(v, 'UTF8')), to_jsonb(v) \
         FROM entries, generate_series(0, {MANY} - 1) n, \
         LATERAL (SELECT 'uid=member' || to_char(n, 'FM000000') || ',ou=people,dc=example,dc=com' v) m; \
         UPDATE entries SET large = '{{\"member\": 4400000}}'"
    ));
    server.psql("VACUUM entries; VACUUM entry_values");
    let written = || {
        server
            .psql("SELECT pg_current_wal_insert_lsn() - '0/0'")
            .parse::<u64>()
            .unwrap()
    };
    let (memory, wal) = (resident(), written());
    events.push(event(EventKind::Changed, 1, 2).change("member", &["uid=new"], &[]));
    events.push(event(EventKind::Changed, 1, 3).change("member", &[], &[&member(7)]));
    deliver(&mut *sink, &events, 2).unwrap();
    let (memory, wal) = (resident().saturating_sub(memory), written() - wal);
    let changed = "SELECT n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_user_tables WHERE relname = 'entry_values'";
    syncrepl_testing::wait_until(crate::common::PATIENCE, || {
        server.psql(changed) == format!("{}|0|1", MANY + 1)
    });
    assert_eq!(counts(&server), format!("0|{MANY}"));
    println!("+1 and -1 of {MANY}: {memory} KiB of memory, {wal} bytes of log");
    assert!(memory < 1024, "{memory} KiB");
    assert!(wal < 100_000, "{wal} bytes");
}

/// The memory of this process, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("the status");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number
        .and_then(|number| number.parse().ok())
        .expect("VmRSS")
}

#[test]
fn attribute_moves_when_it_grows_and_when_it_shrinks() {
    let server = Postgres::start();
    let mut sink = sink(&server);
    let mut events = vec![group(1, 1300)];
    let mut told = |event: Event, wanted: &str| {
        let what = format!("after {}", event.sequence.value());
        events.push(event);
        deliver(&mut *sink, &events, 1).unwrap();
        assert_eq!(counts(&server), wanted, "{what}");
    };
    let names: Vec<String> = (1300..1500).map(member).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let first: Vec<String> = (0..1000).map(member).collect();
    let first: Vec<&str> = first.iter().map(String::as_str).collect();
    let change = |seq| event(EventKind::Changed, 1, seq);
    told(change(2).change("cn", &["x"], &[]), "1300|0");
    told(change(3).change("member", &names, &[]), "0|1500");
    told(
        change(4).change("MEMBER", &["uid=1"], &names[..10]),
        "0|1491",
    );
    // Below the limit, but above half of it.
    told(change(5).change("member", &[], &first[..400]), "0|1091");
    told(
        change(6).change("member", &["uid=2"], &first[400..]),
        "492|0",
    );
    told(change(7).change("member", &["uid=3"], &["uid=2"]), "492|0");
    // Told whole, it is where its size belongs.
    told(group(8, 2000), "0|2000");
    told(group(9, 1600), "0|1600");
    told(group(10, 1400), "1400|0");
    told(group(11, 1700), "0|1700");
    told(added(1, 12, "Group"), "0|0");
    told(group(13, 1700), "0|1700");
    told(
        change(14)
            .change("member", &[], &[])
            .attrs(&[("cn", &["Group"])]),
        "0|0",
    );
    told(group(15, 1700), "0|1700");
    let mut omitted = change(16).attrs(&[("cn", &["Group"])]);
    omitted.omitted.push("Member".to_owned());
    told(omitted, "0|1700");
    let sizes = server.psql("SELECT large FROM entries");
    assert_eq!(
        sizes,
        format!(r#"{{"member": {}}}"#, 1700 * member(0).len())
    );
    let same = "SELECT count(*) FROM entry_values WHERE value_hash <> sha256(convert_to(value #>> '{}', 'UTF8'))";
    assert_eq!(server.psql(same), "0");
    told_nothing(&server);
}

/// What is deleted leaves no values.
fn told_nothing(server: &Postgres) {
    let mut sink = sink(server);
    let before = sink
        .open(&crate::common::owner())
        .unwrap()
        .expect("a position");
    let events = [event(EventKind::Deleted, 1, 99)];
    let batch = syncrepl_relay::Batch {
        events: &events,
        before: &before,
        attempts: 0,
    };
    sink.send(&batch).unwrap();
    assert_eq!(server.psql("SELECT count(*) FROM entry_values"), "0");
}

#[test]
fn changes_within_one_batch_are_laid_upon_each_other() {
    let server = Postgres::start();
    let change = |seq| event(EventKind::Changed, 1, seq);
    let events = [
        group(1, 2000),
        change(2).change("member", &["uid=a", "uid=b"], &[&member(0)]),
        change(3).change("member", &[&member(0)], &["uid=a"]),
        event(EventKind::Deleted, 1, 4),
        group(5, 1999),
        change(6).change("member", &["uid=c"], &[&member(5)]),
        change(7).change("member", &["uid=d"], &["uid=c"]),
    ];
    for size in [1, 2, 3, 7] {
        server.psql("DROP TABLE IF EXISTS entries, entry_values, syncrepl_position");
        deliver(&mut *sink(&server), &events, size).unwrap();
        assert_eq!(counts(&server), "0|1999", "batches of {size}");
        let news = server.psql("SELECT value FROM entry_values WHERE length(value #>> '{}') < 9");
        assert_eq!(news, r#""uid=d""#, "batches of {size}");
    }
}

#[test]
fn large_entry_is_moved_without_its_values() {
    let server = Postgres::start();
    let mut sink = sink(&server);
    let events = [
        group(1, 2000),
        event(EventKind::Renamed, 1, 2).dn("cn=Team"),
        event(EventKind::Changed, 1, 3).change("title", &["x"], &[]),
    ];
    deliver(&mut *sink, &events, 1).unwrap();
    let shown = server.psql("SELECT dn, attrs FROM entries");
    assert_eq!(shown, r#"cn=Team|{"cn": ["Group"], "title": ["x"]}"#);
    assert_eq!(counts(&server), "0|2000");
}

/// The block of SQL in the documentation that begins so.
fn documented(begin: &str) -> String {
    let page = include_str!("../../../../docs/delivery/postgresql.md");
    let from = page.find(begin).expect("the block");
    let to = page[from..].find("```").expect("its end");
    page[from..from + to].to_owned()
}

#[test]
fn documented_view_shows_all_values() {
    let server = Postgres::start();
    let mut sink = sink(&server);
    let events = [
        group(1, 2000),
        added(2, 2, "Few").attr("member", &members(3)),
    ];
    deliver(&mut *sink, &events, 2).unwrap();
    let shown = server.psql(&documented("CREATE VIEW"));
    assert_eq!(shown.lines().count(), 2003);
    assert!(shown.contains(&format!("cn=Few|{}", member(2))));
    assert!(shown.contains(&format!("cn=Group|{}", member(1999))));
}
