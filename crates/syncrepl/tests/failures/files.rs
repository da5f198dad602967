//! The data file cannot be used.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use syncrepl_client::rusqlite::Connection;
use syncrepl_testing::process::Run;
use syncrepl_testing::slapd::{Slapd, Variant};

use crate::common::outcome::{Data, Outcome, clean, command, people};
use crate::common::proxy::Proxy;
use crate::common::{PATIENCE, SYNCREPL};

/// `refresh`, `dump` and `status` all refuse the file.
fn all_refuse(server: &Slapd, data: &Data, code: i32, words: &[&str]) {
    data.refresh_with(server, &[]).assert_failed(code, words);
    Outcome::run(&["dump", "--data", &data.path()]).assert_failed(code, words);
    Outcome::run(&["status", "--data", &data.path()]).assert_failed(code, words);
}

#[test]
fn not_a_data_file() {
    let server = Slapd::start(Variant::Plain);

    let text = Data::new();
    let content = "dear diary, this must not be overwritten\n".repeat(100);
    fs::write(text.path(), &content).expect("writing a file");
    all_refuse(
        &server,
        &text,
        5,
        &["copy.db", "not a SQLite database", "another file"],
    );
    assert_eq!(fs::read_to_string(text.path()).expect("the file"), content);
    assert_eq!(
        fs::read_dir(text.folder.path())
            .expect("the folder")
            .count(),
        1
    );

    let foreign = Data::new();
    Connection::open(foreign.path())
        .and_then(|db| db.execute_batch("CREATE TABLE mine (x); INSERT INTO mine VALUES (1)"))
        .expect("a database");
    let before = fs::read(foreign.path()).expect("the file");
    all_refuse(
        &server,
        &foreign,
        5,
        &["copy.db", "not a store of syncrepl", "another file"],
    );
    assert_eq!(fs::read(foreign.path()).expect("the file"), before);

    let folder = Data::new();
    fs::create_dir(folder.path()).expect("a folder");
    all_refuse(
        &server,
        &folder,
        5,
        &["copy.db", "is not a file", "another file"],
    );
}

#[test]
fn dump_without_a_file() {
    for subcommand in ["dump", "status"] {
        let data = Data::new();
        Outcome::run(&[subcommand, "--data", &data.path()])
            .assert_failed(5, &["copy.db", "there is no", "refresh"]);
        assert!(!data.folder.path().join("copy.db").exists());
        fs::write(data.path(), "").expect("an empty file");
        Outcome::run(&[subcommand, "--data", &data.path()])
            .assert_failed(5, &["copy.db", "is empty", "first refresh"]);
    }
}

#[test]
fn file_of_another_search() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::new();
    let filter = ["(objectClass=organization)", "o"];
    data.refresh_with(&server, &filter).assert_done();
    data.unchanged(|| {
        for (options, words) in [
            (
                &["(objectClass=person)", "o"][..],
                &["filter is (objectClass=organization)"][..],
            ),
            (
                &["(objectClass=organization)", "o", "dc"],
                &["attributes are o"],
            ),
            (&["-s", "one", filter[0], "o"], &["scope is sub"]),
        ] {
            let refresh = data.refresh_with(&server, options);
            refresh.assert_failed(5, &["another search", "another data file"]);
            refresh.assert_failed(5, words);
        }
        let mut elsewhere = data.refresh(&server);
        elsewhere.retain(|word| word != "dc=example,dc=com" && word != "-b");
        elsewhere.extend(["-b", "dc=example,dc=org"].map(str::to_owned));
        elsewhere.extend(filter.map(str::to_owned));
        Outcome::run(&elsewhere).assert_failed(5, &["base is \"dc=example,dc=com\""]);
    });
    // Another spelling of the same search is accepted.
    data.refresh_with(&server, &["(objectClass=organization)", "O"])
        .assert_done();
}

#[test]
fn file_of_a_newer_version() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::of(&server);
    let before = data.dump();
    let db = || Connection::open(data.path()).expect("the store opens");
    let ours: u32 = db()
        .query_row("SELECT version FROM syncrepl_schema", [], |row| row.get(0))
        .expect("a version");
    let version = |number: u32| {
        db().execute("UPDATE syncrepl_schema SET version = ?1", [number])
            .expect("the version changes");
    };
    version(99);
    all_refuse(&server, &data, 5, &["version 99", "newer syncrepl"]);
    version(ours);
    assert_eq!(data.dump(), before);
}

#[test]
fn locked_file() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::new();
    let follow = Run::command(&mut command(&data.sync("follow", &server.url())));
    follow.wait_for_line(|line| line.contains(r#""op":"commit""#), PATIENCE);
    data.unchanged(|| {
        data.refresh_with(&server, &[])
            .assert_failed(5, &["another syncrepl uses", "copy.db", "stop it first"]);
    });
    // Subcommands that only read are not locked out.
    Outcome::run(&["status", "--data", &data.path()]).assert_done();
}

#[test]
fn damaged_file() {
    let server = Slapd::start(Variant::Plain);
    server.load(&people(200));
    let data = Data::of(&server);
    let mut bytes = fs::read(data.path()).expect("the file");
    let middle = bytes.len() / 2;
    bytes[middle..middle + 20_000].fill(0xa5);
    fs::write(data.path(), bytes).expect("writing the file");
    Outcome::run(&["dump", "--data", &data.path()])
        .assert_failed(5, &["damaged", "backup", "delete it"]);
}

#[test]
fn no_such_folder() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::new();
    let path = data.folder.path().join("missing").join("copy.db");
    let path = path.display().to_string();
    let words = ["missing", "does not exist"];
    let mut refresh = data.refresh(&server);
    refresh[2] = path.clone();
    Outcome::run(&refresh).assert_failed(5, &words);
    Outcome::run(&["dump", "--data", &path]).assert_failed(5, &words);
    Outcome::run(&["status", "--data", &path]).assert_failed(5, &words);
}

/// The command as a user other than root, because permissions do not hold back root.
fn unprivileged(arguments: &[String]) -> Command {
    let root =
        fs::metadata("/proc/self").is_ok_and(|of| std::os::unix::fs::MetadataExt::uid(&of) == 0);
    let mut command = Command::new(if root { "setpriv" } else { SYNCREPL });
    if root {
        command.args(["--bounding-set", "-dac_override,-dac_read_search", SYNCREPL]);
    }
    command.args(arguments);
    clean(&mut command);
    command
}

fn set_mode(path: &std::path::Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("the permissions change");
}

#[test]
fn read_only_folder() {
    let server = Slapd::start(Variant::Plain);
    let new = Data::new();
    set_mode(new.folder.path(), 0o555);
    Outcome::of(&mut unprivileged(&new.refresh(&server)))
        .assert_failed(5, &["copy.db", "ermission", "right to create files"]);
    set_mode(new.folder.path(), 0o755);

    let data = Data::of(&server);
    data.unchanged(|| {
        set_mode(data.folder.path(), 0o555);
        Outcome::of(&mut unprivileged(&data.refresh(&server)))
            .assert_failed(5, &["copy.db", "right to create files"]);
        set_mode(data.folder.path(), 0o755);
    });
}

#[test]
fn unreadable_file() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::of(&server);
    set_mode(data.path().as_ref(), 0o000);
    let words = ["copy.db", "cannot be opened", "right to read"];
    Outcome::of(&mut unprivileged(&data.refresh(&server))).assert_failed(5, &words);
    let dump = ["dump", "--data", &data.path()].map(str::to_owned);
    Outcome::of(&mut unprivileged(&dump)).assert_failed(5, &words);
}

/// A limit on the size of files stands in for a full disk. It needs no special rights.
#[test]
fn file_size_limit() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::of(&server);
    server.load(&people(3000));
    data.unchanged(|| {
        let mut limited = Command::new("bash");
        limited.args([
            "-c",
            "trap '' XFSZ; ulimit -f 600; exec \"$@\"",
            "bash",
            SYNCREPL,
        ]);
        limited.args(data.refresh(&server));
        clean(&mut limited);
        let outcome = Outcome::of(&mut limited);
        outcome.assert_failed(5, &["could not be", "disk"]);
        assert!(!outcome.stdout.contains(r#""op":"commit""#));
    });
    Outcome::run(&data.refresh(&server)).assert_done();
}

/// A file system of one megabyte, if this user may mount one.
#[test]
fn full_disk_where_a_mount_is_allowed() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::of(&server);
    let before = data.dump();
    server.load(&people(3000));
    let may = Command::new("unshare").args(["-rm", "true"]).output();
    if !may.is_ok_and(|output| output.status.success()) {
        println!("skipped: this user may not mount anything; see file_size_limit");
        return;
    }
    let small = data.folder.path().join("small");
    fs::create_dir(&small).expect("a folder");
    let mut script = Command::new("unshare");
    script.args(["-rm", "sh", "-c"]);
    script.arg(
        "mount -t tmpfs -o size=1m none \"$1\" && cp \"$2\" \"$1/copy.db\" && shift 2 && \
         \"$@\"; code=$?; \"$SYNCREPL\" dump --data \"$DATA\" --format json > \"$AFTER\"; exit $code",
    );
    let after = data.folder.path().join("after");
    let copy = small.join("copy.db").display().to_string();
    script
        .env("SYNCREPL", SYNCREPL)
        .env("DATA", &copy)
        .env("AFTER", &after);
    let mut refresh = data.refresh(&server);
    refresh[2] = copy;
    script
        .arg("sh")
        .arg(&small)
        .arg(data.path())
        .arg(SYNCREPL)
        .args(refresh);
    clean(&mut script);
    Outcome::of(&mut script).assert_failed(5, &["disk is full", "free some space"]);
    assert_eq!(fs::read_to_string(after).expect("the dump"), before);
}

/// slapd would accept the cookie of another search, and answer that nothing has changed.
#[test]
fn cookie_of_another_search_is_not_sent() {
    let server = Slapd::start(Variant::SessionLog);
    server.load(&people(3));
    let data = Data::of(&server);
    let proxy = Proxy::to(&server);
    let whole = data.sync("refresh", &proxy.url());
    let others: [(&[&str], &str); 4] = [
        (&["(uid=p1)"], "its filter is (objectClass=*)"),
        (&["(objectClass=*)", "cn"], "all user attributes"),
        (&["-s", "one"], "its scope is sub"),
        (
            &["-b", "ou=people,dc=example,dc=com"],
            "its base is \"dc=example,dc=com\"",
        ),
    ];
    for (options, differs) in others {
        for subcommand in ["refresh", "follow"] {
            let mut arguments = whole.clone();
            arguments[0] = subcommand.to_owned();
            if options[0] == "-b" {
                arguments.truncate(arguments.len() - 2);
            }
            arguments.extend(options.iter().map(|&option| option.to_owned()));
            data.unchanged(|| {
                Outcome::run(&arguments).assert_failed(5, &["another search", differs]);
            });
        }
    }
    assert_eq!(proxy.connections(), 0, "the server was asked");
    Outcome::run(&whole).assert_done();
    assert_eq!(proxy.sync_searches(), 1);
}
