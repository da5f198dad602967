//! The journal: rows for changes that real servers told, written by whichever run, and listed by the command.

#[path = "../common/mod.rs"]
mod common;

use common::PATIENCE;
use common::outcome::{Data, Outcome, command, people};
use serde_json::Value;
use syncrepl_client::rusqlite::Connection;
use syncrepl_testing::process::Run;
use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};

const SECRET: &str = "canary-of-the-journal";

fn journal(data: &Data, words: &[&str]) -> Outcome {
    let path = data.path();
    Outcome::run(&[&["journal", "--data", &path], words].concat())
}

/// The rows as JSON, but for those that only say that a run has refreshed.
fn rows(data: &Data, words: &[&str]) -> Vec<Value> {
    let listed = journal(data, &[words, &["--format", "json"]].concat());
    listed.assert_done();
    let lines = listed.stdout.lines();
    // A run whose first refresh finds no change says so in a row.
    let lines = lines.filter(|line| !line.contains(r#""op":"refreshed""#));
    lines
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
        .filter(|row| row["op"] != "refreshed")
        .collect()
}

fn ops(rows: &[Value]) -> Vec<&str> {
    rows.iter()
        .map(|row| row["op"].as_str().expect("an op"))
        .collect()
}

fn modify(server: &Slapd, ldif: &str) {
    server
        .ldapmodify(&ldif.replace("BASE", SUFFIX))
        .expect("the server takes it");
}

/// An entry comes, changes, takes another name with other attributes, and goes.
fn one_life(server: &Slapd) {
    for ldif in [
        format!(
            "dn: cn=Zoe,BASE\nchangetype: add\nobjectClass: person\ncn: Zoe\nsn: Z\nuserPassword: {SECRET}\n"
        ),
        format!(
            "dn: cn=Zoe,BASE\nchangetype: modify\nadd: description\ndescription: new\n-\nreplace: userPassword\nuserPassword: {SECRET}2\n-\n"
        ),
        "dn: cn=Zoe,BASE\nchangetype: modrdn\nnewrdn: cn=Zoë Y\ndeleteoldrdn: 1\n".to_owned(),
        "dn: cn=Zoë Y,BASE\nchangetype: delete\n".to_owned(),
    ] {
        modify(server, &ldif);
    }
}

#[test]
fn each_change_is_a_row_whichever_run_stores_it() {
    for variant in Variant::ALL {
        let server = Slapd::start(variant);
        server.load(&people(3));
        let data = Data::new();
        data.refresh_with(&server, &["--journal"]).assert_done();
        let first = rows(&data, &[]);
        assert_eq!(
            ops(&first),
            ["marker", "marker"],
            "on, and the first refresh"
        );

        // Neither of these runs is told of the journal.
        modify(
            &server,
            &format!(
                "dn: cn=Ann,BASE\nchangetype: add\nobjectClass: person\ncn: Ann\nsn: A\nuserPassword: {SECRET}\n"
            ),
        );
        // It warns of the password in the copy.
        assert_eq!(data.refresh_with(&server, &[]).code, Some(0));
        let mut run = Run::command(&mut command(&data.sync("follow", &server.url())));
        run.wait_for_line(|line| line.contains(r#""op":"refresh_done""#), PATIENCE);
        one_life(&server);
        run.wait_for_line(|line| line.contains(r#""op":"delete""#), PATIENCE);
        run.wait_for_line(|line| line.contains(r#""op":"commit""#), PATIENCE);
        run.signal("TERM");
        assert!(run.wait_exit(PATIENCE).success());

        let all = rows(&data, &[]);
        let new = &all[2..];
        assert_eq!(ops(new), ["add", "add", "change", "rename", "delete"]);
        let causes = new
            .iter()
            .map(|row| row["cause"].as_str().expect("a cause"));
        let persist = ["persist"; 4];
        assert_eq!(
            Vec::from_iter(causes),
            [&["refresh"][..], &persist].concat()
        );
        assert_eq!(new[1]["attrs"]["sn"], serde_json::json!(["Z"]));
        assert_eq!(new[1]["masked"], serde_json::json!(["userPassword"]));
        let changes = &new[2]["changes"];
        assert_eq!(changes["description"]["added"], serde_json::json!(["new"]));
        assert_eq!(changes["userPassword"], serde_json::json!({"masked": true}));
        assert_eq!(new[3]["old_dn"], format!("cn=Zoe,{SUFFIX}"));
        assert_eq!(new[3]["dn"], format!("cn=Zoë Y,{SUFFIX}"));
        assert_eq!(
            new[3]["changes"]["cn"]["removed"],
            serde_json::json!(["Zoe"])
        );
        assert_eq!(new[4]["old"]["cn"], serde_json::json!(["Zoë Y"]));
        assert!(new.is_sorted_by_key(|row| row["sequence"].as_str().expect("a place")));
        no_secret(&data);
    }
}

/// The passwords stand in the copy, and nowhere in the journal.
fn no_secret(data: &Data) {
    for format in ["text", "json", "ldif"] {
        let listed = journal(data, &["--format", format]);
        listed.assert_done();
        assert!(!listed.stdout.contains(SECRET), "{format}");
    }
    let conn = Connection::open(data.path()).expect("the data file");
    let holds = |table: &str, column: &str| -> bool {
        let sql = format!("SELECT count(*) FROM {table} WHERE instr({column}, CAST(?1 AS BLOB))");
        let count = conn.query_row(&sql, [SECRET], |row| row.get::<_, i64>(0));
        count.expect("a count") > 0
    };
    assert!(holds("syncrepl_records", "attributes"), "the copy has it");
    for column in ["diff", "after", "CAST(dn AS BLOB)"] {
        assert!(!holds("syncrepl_journal", column), "{column}");
    }
}

#[test]
fn list_begins_where_it_is_told_and_shows_one_entry() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::of(&server);
    let on = journal(&data, &["on"]);
    on.assert_done();
    assert!(on.stdout.ends_with("is on\n"), "{on:?}");
    one_life(&server);
    data.refresh_with(&server, &[]).assert_done();
    modify(
        &server,
        "dn: cn=Ann,BASE\nchangetype: add\nobjectClass: person\ncn: Ann\nsn: A\n",
    );
    modify(
        &server,
        "dn: cn=Bob,BASE\nchangetype: add\nobjectClass: person\ncn: Bob\nsn: B\n",
    );
    data.refresh_with(&server, &[]).assert_done();
    modify(
        &server,
        "dn: cn=Ann,BASE\nchangetype: modrdn\nnewrdn: cn=Anna\ndeleteoldrdn: 1\n",
    );
    data.refresh_with(&server, &[]).assert_done();
    let all = rows(&data, &[]);
    assert_eq!(ops(&all), ["marker", "add", "add", "rename"]);
    for (name, count) in [
        ("cn=Ann", 2),
        ("cn=anna", 2),
        ("cn=Bob", 1),
        ("cn=nobody", 0),
    ] {
        let found = rows(&data, &["--entry", &format!("{name},{SUFFIX}")]);
        assert_eq!(found.len(), count, "{name}");
    }
    let uuid = all[3]["uuid"].as_str().expect("a UUID");
    assert_eq!(rows(&data, &["--entry", uuid]).len(), 2);
    for name in ["id", "sequence"] {
        let from = all[2][name].as_str().expect("an id");
        assert_eq!(rows(&data, &["--from", from]), all[2..], "{name}");
    }
    let gone = format!("{}.7.7", "0".repeat(16));
    journal(&data, &["--from", &gone]).assert_failed(2, &["does not hold that event"]);
}

#[test]
fn turning_it_off_drops_the_rows() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::of(&server);
    let state = |data: &Data| -> Value {
        let state = journal(data, &["state", "--format", "json"]);
        state.assert_done();
        serde_json::from_str(&state.stdout).expect("JSON")
    };
    assert_eq!(state(&data)["on"], false);
    let listed = journal(&data, &[]);
    assert_eq!(listed.code, Some(0));
    assert!(listed.stderr.contains("journal is off"), "{listed:?}");
    journal(&data, &["on"]).assert_done();
    assert!(journal(&data, &["on"]).stdout.contains("was on already"));
    modify(
        &server,
        "dn: cn=Ann,BASE\nchangetype: add\nobjectClass: person\ncn: Ann\nsn: A\n",
    );
    let mut run = Run::command(&mut command(&data.sync("follow", &server.url())));
    run.wait_for_line(|line| line.contains(r#""op":"commit""#), PATIENCE);
    journal(&data, &["off"]).assert_failed(5, &["another syncrepl uses"]);
    run.signal("TERM");
    assert!(run.wait_exit(PATIENCE).success());
    let on = state(&data);
    assert_eq!((&on["on"], &on["rows"]), (&true.into(), &2.into()));
    let status = |format| Outcome::run(&["status", "--data", &data.path(), "--format", format]);
    assert!(status("text").stdout.contains("journal:      on since "));
    let told: Value = serde_json::from_str(&status("json").stdout).expect("JSON");
    assert_eq!(told["journal"]["head"], on["head"]);
    journal(&data, &["off"]).assert_done();
    assert!(!status("text").stdout.contains("journal"));
    assert!(journal(&data, &["off"]).stdout.contains("was off already"));
    let off = state(&data);
    assert_eq!((&off["on"], &off["rows"]), (&false.into(), &1.into()));
    let text = journal(&data, &["state"]);
    text.assert_done();
    assert!(text.stdout.contains("on since: it is off"), "{text:?}");
}

/// The LDIF of the journal takes another server from the one state to the other.
#[test]
fn ldif_can_be_applied() {
    let server = Slapd::start(Variant::Plain);
    let target = Slapd::start(Variant::Plain);
    let (data, copy) = (Data::of(&server), Data::of(&target));
    journal(&data, &["on"]).assert_done();
    for ldif in [
        "dn: cn=Ann,BASE\nchangetype: add\nobjectClass: person\ncn: Ann\nsn: A\ndescription: one\ndescription: two\n",
        "dn: cn=Ann,BASE\nchangetype: modify\nadd: description\ndescription: three\n-\ndelete: description\ndescription: one\n-\n",
        "dn: cn=Ann,BASE\nchangetype: modrdn\nnewrdn: cn=Anna\ndeleteoldrdn: 1\n",
        "dn: cn=Bob,BASE\nchangetype: add\nobjectClass: person\ncn: Bob\nsn: B\n",
        "dn: cn=Bob,BASE\nchangetype: delete\n",
    ] {
        modify(&server, ldif);
        data.refresh_with(&server, &[]).assert_done();
    }
    let ldif = journal(&data, &["--format", "ldif"]);
    ldif.assert_done();
    let records: Vec<_> = ldif
        .stdout
        .split("\n\n")
        .filter(|part| part.contains("changetype"))
        .collect();
    assert_eq!(records.len(), 5, "{}", ldif.stdout);
    target
        .ldapmodify(&ldif.stdout)
        .expect("another server takes it");
    copy.refresh_with(&target, &[]).assert_done();
    let held = |data: &Data| -> Vec<Value> {
        let dump = data.dump();
        let lines = dump.lines().skip(1);
        let records = lines.map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        records
            .map(|record| serde_json::json!([record["dn"], record["attrs"]]))
            .collect()
    };
    assert_eq!(held(&copy), held(&data));
}
