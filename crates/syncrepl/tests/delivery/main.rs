//! `syncrepl run` with real servers at both ends. Each sink is read by a program of its own: `psql`, `nats-py`, a
//! receiver that only writes down. What it holds then equals a fresh search.

#[path = "../common/mod.rs"]
mod common;
mod receiver;

use std::fs;
use std::path::PathBuf;

use common::outcome::command;
use common::{PATIENCE, text};
use receiver::Receiver;
use serde_json::Value;
use syncrepl_testing::environment::seed;
use syncrepl_testing::judge::{self, Directory, assert_same};
use syncrepl_testing::nats::Nats;
use syncrepl_testing::postgres::Postgres;
use syncrepl_testing::process::Run;
use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};
use syncrepl_testing::target::Target;
use syncrepl_testing::wait_until;
use syncrepl_testing::workload::{Options, Workload, while_changing};
use tempfile::TempDir;

/// A directory, and a configuration that delivers it.
struct Delivered {
    server: Slapd,
    folder: TempDir,
}

impl Delivered {
    fn new(sinks: &str) -> Delivered {
        let delivered = Delivered {
            server: Slapd::start(Variant::Plain),
            folder: TempDir::new().expect("a folder"),
        };
        delivered.configure(sinks);
        delivered
    }

    fn configure(&self, sinks: &str) {
        let (url, data) = (self.server.url(), self.path("people.db"));
        let text = format!(
            "[ldap]\nurl = {url:?}\nbase = {SUFFIX:?}\n[store]\npath = {data:?}\n{}",
            sinks.replace("FOLDER", &self.folder.path().display().to_string())
        );
        fs::write(self.path("people.toml"), text).expect("the configuration is written");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn words(&self, words: &[&str]) -> Vec<String> {
        let config = self.path("people.toml").display().to_string();
        let words = words.iter().map(|word| (*word).to_owned());
        words.chain([config]).collect()
    }

    /// Refreshes, delivers everything, and ends.
    #[track_caller]
    fn once(&self) {
        let output = command(&self.words(&["run", "--once"]))
            .output()
            .expect("it starts");
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }

    fn run(&self) -> Run {
        Run::command(&mut command(&self.words(&["run"])))
    }

    fn shown(&self) -> Directory {
        judge::search(
            &self.server.url(),
            "",
            "",
            SUFFIX,
            "sub",
            "(objectClass=*)",
            &["*"],
        )
    }

    /// The receiver of this file.
    fn received(&self, file: &str) -> Receiver {
        let mut receiver = Receiver::default();
        let text = fs::read_to_string(self.path(file)).expect("the events");
        // The last line may be half written.
        for line in text
            .split_inclusive('\n')
            .filter(|line| line.ends_with('\n'))
        {
            receiver.take(&serde_json::from_str::<Value>(line).expect("an event"));
        }
        receiver
    }

    #[track_caller]
    fn assert_holds(&self, name: &str, dump: &str) {
        assert_same("search", &self.shown(), name, &judge::from_dump_json(dump));
    }

    /// Whether the file already holds what the server shows.
    fn file_holds(&self) -> bool {
        let held = judge::from_dump_json(&self.received("lines.jsonl").dump());
        judge::differences("search", &self.shown(), "file", &held).is_empty()
    }

    fn assert_file_holds(&self) -> Receiver {
        let receiver = self.received("lines.jsonl");
        self.assert_holds("file", &receiver.dump());
        receiver
    }
}

const FILE: &str = "[sink.lines]\nto = \"file:FOLDER/lines.jsonl\"\n";

/// The entries of the state table, in the form of `syncrepl dump`.
fn in_postgres(database: &Postgres) -> String {
    let sql = "SELECT json_build_object('uuid', uuid, 'dn', dn, 'attrs', attrs)::text FROM entries";
    let rows = database.psql(sql);
    let count = rows.lines().count();
    format!("{{\"op\":\"start\",\"commit\":0,\"entries\":{count}}}\n{rows}")
}

/// Events of the stream, in order; fails if an id is there twice.
fn in_nats(server: &Nats) -> Receiver {
    let mut receiver = Receiver::default();
    for message in server.judge().read("LDAP") {
        receiver.take(&message.data);
    }
    assert_eq!(receiver.doubles, 0, "an event is in the stream twice");
    receiver
}

#[test]
fn file_holds_the_directory_after_each_run() {
    let delivered = Delivered::new(FILE);
    let mut workload = Workload::new(seed(), Options::ALL);
    workload.populate(&delivered.server, 30);
    delivered.once();
    let first = delivered.assert_file_holds();
    assert!(first.types.contains("snapshot.completed"));
    for _ in 0..4 {
        workload.round(&delivered.server, 15);
        delivered.once();
        let receiver = delivered.assert_file_holds();
        assert_eq!(receiver.doubles, 0);
    }
    // Nothing has changed: nothing is told.
    let before = fs::read(delivered.path("lines.jsonl")).expect("the events");
    delivered.once();
    assert_eq!(
        fs::read(delivered.path("lines.jsonl")).expect("the events"),
        before
    );
}

/// Killed at any moment while the directory changes: the database and the stream have each event once, the file
/// at least once, and all hold the directory.
#[test]
fn killed_at_any_moment_every_sink_holds_the_directory() {
    let (database, bus) = (Postgres::start(), Nats::start());
    let sinks = format!(
        "{FILE}[sink.table]\nto = {:?}\ncreate = true\n[sink.bus]\nto = {:?}\ncreate = true\n",
        database.socket_url(),
        bus.target("LDAP", "ldap.people")
    );
    let delivered = Delivered::new(&sinks);
    let options = Options {
        // An attribute of megabytes is not in `entries`.
        big_value: false,
        ..Options::ALL
    };
    let mut workload = Workload::new(seed(), options);
    workload.populate(&delivered.server, 60);
    let size = || fs::metadata(delivered.path("lines.jsonl")).map_or(0, |file| file.len());
    while_changing(&delivered.server, &mut workload, || {
        for kill in 0..12_u64 {
            let before = size();
            let mut run = delivered.run();
            // The kill comes after some events, after another number each time.
            wait_until(PATIENCE, || size() > before + kill * 977 % 9000);
            run.kill9();
        }
    });
    delivered.once();
    delivered.assert_file_holds();
    delivered.assert_holds("PostgreSQL", &in_postgres(&database));
    delivered.assert_holds("NATS", &in_nats(&bus).dump());
}

/// Backups of the store, of the file of deliveries and of both are put back; then everything is told anew where it
/// has to be.
#[test]
fn restored_files_lose_nothing() {
    let database = Postgres::start();
    let sinks = format!(
        "{FILE}[sink.table]\nto = {:?}\ncreate = true\n",
        database.socket_url()
    );
    let delivered = Delivered::new(&sinks);
    let options = Options {
        big_value: false,
        ..Options::ALL
    };
    let mut workload = Workload::new(seed(), options);
    workload.populate(&delivered.server, 20);
    delivered.once();
    let (store, deliveries) = ("people.db", "people.db-delivery");
    let keep = |name: &str| {
        fs::copy(
            delivered.path(name),
            delivered.path(&format!("{name}.kept")),
        )
        .expect("a backup");
    };
    let put_back = |name: &str| {
        for end in ["-wal", "-shm"] {
            // A run that has ended leaves none.
            let _ = fs::remove_file(delivered.path(&format!("{name}{end}")));
        }
        fs::copy(
            delivered.path(&format!("{name}.kept")),
            delivered.path(name),
        )
        .expect("it is put back");
    };
    for restored in [&[store][..], &[deliveries], &[store, deliveries]] {
        keep(store);
        keep(deliveries);
        for _ in 0..2 {
            workload.round(&delivered.server, 15);
            delivered.once();
        }
        restored.iter().for_each(|name| put_back(name));
        workload.round(&delivered.server, 5);
        delivered.once();
        delivered.assert_holds("PostgreSQL", &in_postgres(&database));
        if *restored != [store, deliveries] {
            delivered.assert_file_holds();
        }
    }
}

/// A person pauses, resumes and resyncs a sink while it runs.
#[test]
fn sink_is_paused_resumed_and_resynced() {
    let delivered = Delivered::new(FILE);
    let mut workload = Workload::new(seed(), Options::ALL);
    workload.populate(&delivered.server, 10);
    let mut run = delivered.run();
    let config = delivered.path("people.toml").display().to_string();
    let does = |words: &[&str]| {
        let words: Vec<_> = words.iter().copied().chain(["--config", &config]).collect();
        let output = common::syncrepl(&words);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{words:?}: {}",
            text(&output.stderr)
        );
        text(&output.stdout)
    };
    let events = || fs::read_to_string(delivered.path("lines.jsonl")).unwrap_or_default();
    let passes = || events().matches("snapshot.completed").count();
    wait_until(PATIENCE, || passes() == 1);
    does(&["sink", "pause", "lines"]);
    wait_until(PATIENCE, || does(&["sinks"]).contains("paused"));
    let before = events();
    workload.round(&delivered.server, 10);
    wait_until(PATIENCE, || does(&["sinks"]).contains("is behind"));
    assert_eq!(events(), before);
    does(&["sink", "resume", "lines"]);
    wait_until(PATIENCE, || delivered.file_holds());
    wait_until(PATIENCE, || {
        does(&["sinks"]).contains("up to date, has everything")
    });
    delivered.assert_file_holds();
    for passed in 2..4 {
        does(&["sink", "resync", "lines"]);
        wait_until(PATIENCE, || passes() == passed);
        delivered.assert_file_holds();
    }
    run.signal("TERM");
    assert!(run.wait_exit(PATIENCE).success());
    assert!(does(&["sinks"]).contains("not running, has everything"));
}

/// One sink without a configuration.
#[test]
fn follow_delivers_to_one_target() {
    let delivered = Delivered::new("");
    let mut workload = Workload::new(seed(), Options::ALL);
    workload.populate(&delivered.server, 10);
    let (to, data) = (
        format!("file:{}", delivered.path("lines.jsonl").display()),
        delivered.path("people.db"),
    );
    let url = delivered.server.url();
    let words = [
        "follow",
        "--data",
        &data.display().to_string(),
        "-H",
        &url,
        "-b",
        SUFFIX,
        "--to",
        &to,
    ];
    let mut run = Run::command(&mut command(&words.map(str::to_owned)));
    wait_until(PATIENCE, || {
        delivered.path("lines.jsonl").exists() && delivered.file_holds()
    });
    workload.round(&delivered.server, 10);
    wait_until(PATIENCE, || delivered.file_holds());
    assert_eq!(run.lines(), Vec::<String>::new());
    run.signal("TERM");
    assert!(run.wait_exit(PATIENCE).success());
}

/// A configuration that cannot be used: one message that says what to do, exit code 2, and nothing is made.
#[test]
fn wrong_configuration_is_refused_before_anything_is_made() {
    let delivered = Delivered::new("");
    for (sinks, parts) in [
        (
            "[sink.a]\nto = \"file:FOLDER/a\"\nonyl = [\"cn\"]\n",
            &["onyl", "\"only\""][..],
        ),
        (
            "[sink.a]\nto = \"file:FOLDER/a\"\npassword = \"canary\"\n",
            &["sink.a.password", "password_file"],
        ),
        ("[sink.a]\nto = \"smoke:signals\"\n", &["smoke", "file:"]),
        (
            "[sink.a]\nto = \"file:FOLDER/a\"\n[sink.b]\nto = \"file:FOLDER/a\"\n",
            &["sink.a", "sink.b", "one target"],
        ),
        (
            "[sink.a]\nto = \"file:FOLDER/a\"\nwhen = \"(cn=\"\n",
            &["sink.a", "when"],
        ),
        (
            "[sink.a]\nto = \"file:FOLDER/a\"\nwhen = \"(userPassword=x)\"\n",
            &["userpassword", "unmask"],
        ),
        ("[jurnal]\nenabled = true\n", &["jurnal", "\"journal\""]),
    ] {
        delivered.configure(sinks);
        for word in ["check", "run"] {
            let output = command(&delivered.words(&[word]))
                .output()
                .expect("it starts");
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{sinks}: {said}");
            assert_eq!(said.trim().lines().count(), 1, "{said}");
            assert!(
                parts.iter().all(|part| said.contains(part)),
                "{sinks}: {said}"
            );
            assert!(!said.contains("canary"), "{said}");
        }
    }
    assert!(!delivered.path("people.db").exists());
}

/// The values of secret attributes are on no way out, unless the sink unmasks them by name.
#[test]
fn secret_values_leave_only_where_they_are_unmasked() {
    let unmasked = "[sink.all]\nto = \"file:FOLDER/all.jsonl\"\nunmask = [\"userPassword\"]\n";
    let delivered = Delivered::new(&format!("{FILE}{unmasked}"));
    let person = |password: &str| {
        format!(
            "dn: cn=ann,{SUFFIX}\nobjectClass: person\ncn: ann\nsn: ann\nuserPassword: {password}\n"
        )
    };
    delivered.server.load(&person("canary-one"));
    let read = |name: &str| fs::read_to_string(delivered.path(name)).unwrap_or_default();
    delivered.once();
    let change = format!(
        "dn: cn=ann,{SUFFIX}\nchangetype: modify\nreplace: userPassword\nuserPassword: canary-two\n"
    );
    delivered
        .server
        .ldapmodify(&change)
        .expect("the change applies");
    delivered.once();
    assert!(
        read("lines.jsonl").contains("masked"),
        "{}",
        read("lines.jsonl")
    );
    assert!(!read("lines.jsonl").contains("canary"));
    assert!(read("all.jsonl").contains("canary-two"));
}
