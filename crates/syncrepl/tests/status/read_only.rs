//! `dump` and `status` for somebody who may only read: another user, a read-only folder, a read-only file
//! system.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use syncrepl_testing::process::Run;
use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};
use syncrepl_testing::wait_until;

use crate::common::outcome::{Data, Outcome, clean, people};
use crate::common::{PATIENCE, SYNCREPL};
use crate::{follow, wait_for, wait_for_state};

fn set_mode(path: impl AsRef<Path>, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("the mode changes");
}

/// The command as the user nobody. Only root can become one.
fn as_nobody(arguments: &[&str]) -> Outcome {
    let mut command = Command::new("setpriv");
    // nobody may not be allowed to run a program where cargo puts it.
    let program = Path::new("/proc/self/fd/9");
    command
        .args([
            "--reuid",
            "nobody",
            "--regid",
            "nogroup",
            "--clear-groups",
            "bash",
            "-c",
        ])
        .arg(format!("exec {} \"$@\"", program.display()))
        .arg("syncrepl")
        .args(arguments);
    clean(&mut command);
    let mut outer = Command::new("bash");
    outer.args(["-c", &format!("exec 9<{SYNCREPL}; exec \"$@\""), "bash"]);
    outer.arg(command.get_program()).args(command.get_args());
    clean(&mut outer);
    Outcome::of(&mut outer)
}

/// Whether the test may become another user. Says so if it may not.
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    let is_root = fs::metadata("/proc/self").is_ok_and(|of| of.uid() == 0);
    if !is_root {
        println!("skipped: it takes root to become another user");
    }
    is_root
}

/// Both subcommands as nobody. They have to tell the same as their owner is told, and leave nothing behind.
#[track_caller]
fn nobody_reads(data: &Data) -> Vec<String> {
    let path = data.path();
    let mut told = Vec::new();
    let files = || {
        let entries = fs::read_dir(data.folder.path()).expect("the folder");
        let mut names: Vec<_> = entries
            .map(|entry| entry.expect("a file").file_name())
            .collect();
        names.sort();
        names
    };
    let before = files();
    for format in [&["dump"][..], &["dump", "--format", "json"], &["status"]] {
        let words = [format, &["--data", &path]].concat();
        let outcome = as_nobody(&words);
        outcome.assert_done();
        told.push(outcome.stdout);
    }
    assert_eq!(before, files(), "a reader left files behind");
    let as_owner = Outcome::run(&["dump", "--data", &path]);
    assert_eq!(told[0], as_owner.stdout);
    told
}

/// A copy that everybody may read, and only its owner may write.
fn readable(server: &Slapd) -> Data {
    let data = Data::of(server);
    set_mode(data.folder.path(), 0o755);
    set_mode(data.path(), 0o644);
    data
}

#[test]
fn other_user_reads_a_copy_that_nothing_has_open() {
    if !is_root() {
        return;
    }
    let server = Slapd::start(Variant::Plain);
    server.load(&people(3));
    let data = readable(&server);
    // The state takes the mode of the data file at the next run.
    data.refresh_with(&server, &[]).assert_done();
    let told = nobody_reads(&data);
    assert!(told[2].contains("stopped"), "{}", told[2]);
}

/// A file that may not be read: not a word of a password that has no DN.
#[test]
fn file_that_may_not_be_read_is_named() {
    if !is_root() {
        return;
    }
    let server = Slapd::start(Variant::Plain);
    let data = readable(&server);
    set_mode(data.path(), 0o600);
    let refresh = ["refresh", "--data", &data.path(), "-y", "/dev/null"];
    as_nobody(&refresh).assert_failed(5, &["copy.db", "right to read"]);
}

#[test]
fn other_user_reads_beside_a_follower_and_after_it_was_killed() {
    if !is_root() {
        return;
    }
    let server = Slapd::start(Variant::Plain);
    server.load(&people(3));
    let data = readable(&server);
    let mut run = follow(&data, &server.url());
    wait_for_state(&data, "following");
    let change =
        format!("dn: uid=p1,ou=people,{SUFFIX}\nchangetype: modify\nreplace: sn\nsn: newest\n");
    server.ldapmodify(&change).expect("a change");
    wait_until(PATIENCE, || data.dump().contains(r#""sn":["newest"]"#));
    let told = nobody_reads(&data);
    assert!(
        told[0].contains("sn: newest"),
        "the log was not read: {}",
        told[0]
    );
    assert!(told[2].contains("following"), "{}", told[2]);
    assert!(told[2].contains("confirmed current"), "{}", told[2]);
    // Its log stays, with the newest commit in it.
    run.kill9();
    let told = nobody_reads(&data);
    assert!(told[0].contains("sn: newest") && told[2].contains("failed"));
}

/// The log has the newest commits, and cannot be read: then nothing is shown, rather than something old.
#[test]
fn log_that_cannot_be_read_is_an_error() {
    if !is_root() {
        return;
    }
    let server = Slapd::start(Variant::Plain);
    let data = readable(&server);
    let mut run = follow(&data, &server.url());
    wait_for_state(&data, "following");
    // A commit may empty the log, if a reader kept the refresh from doing so.
    let log = data.path() + "-wal";
    for number in 0.. {
        let unit = format!(
            "dn: ou=a{number},{SUFFIX}\nchangetype: add\nobjectClass: organizationalUnit\nou: a{number}\n"
        );
        server.ldapmodify(&unit).expect("a unit");
        wait_for(&data, |told| told["entries"] == number + 2);
        if fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
            break;
        }
    }
    run.kill9();
    let shm = data.path() + "-shm";
    let index = fs::read(&shm).expect("the index");
    fs::remove_file(&shm).expect("the index goes");
    for subcommand in ["dump", "status"] {
        as_nobody(&[subcommand, "--data", &data.path()]).assert_failed(
            5,
            &[
                "newest commits are in",
                "copy.db-wal",
                "copy.db-shm",
                "copy all",
            ],
        );
    }
    fs::write(&shm, index).expect("the index");
    set_mode(data.path() + "-wal", 0o600);
    for subcommand in ["dump", "status"] {
        as_nobody(&[subcommand, "--data", &data.path()]).assert_failed(5, &["copy.db-wal", "mode"]);
    }
}

/// A read-only mount in a mount namespace of our own, with the files as a follower has them open.
#[test]
fn read_only_file_system() {
    if !is_root() {
        println!("skipped: it takes root to mount");
        return;
    }
    let server = Slapd::start(Variant::Plain);
    server.load(&people(3));
    let data = Data::of(&server);
    let mount = Data::new();
    let mounted = |words: &[&str]| {
        let (from, to) = (data.folder.path().display(), mount.folder.path().display());
        let script =
            format!("mount --bind {from} {to} && mount -o remount,bind,ro {to} && exec \"$@\"");
        let mut command = Command::new("unshare");
        command.args(["--mount", "bash", "-c", &script, "bash", SYNCREPL]);
        command.args(words).args(["--data", &mount.path()]);
        clean(&mut command);
        Outcome::of(&mut command)
    };
    let closed = mounted(&["dump", "--format", "json"]);
    if closed.stderr.contains("mount:") || closed.stderr.contains("unshare:") {
        println!("skipped: {}", closed.stderr);
        return;
    }
    assert_eq!(closed.assert_done().stdout, data.dump());
    assert!(
        mounted(&["status"])
            .assert_done()
            .stdout
            .contains("stopped")
    );
    let mut run: Run = follow(&data, &server.url());
    wait_for_state(&data, "following");
    let open = mounted(&["dump", "--format", "json"]);
    assert_eq!(open.assert_done().stdout, data.dump());
    assert!(
        mounted(&["status"])
            .assert_done()
            .stdout
            .contains("following")
    );
    run.signal("TERM");
    assert!(run.wait_exit(PATIENCE).success());
}
