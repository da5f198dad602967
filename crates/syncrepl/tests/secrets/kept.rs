//! Places where no password may be found at any log level: files, output, the process title, and memory
//! that it was copied to.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::process::Command;

use syncrepl_testing::process::Run;
use syncrepl_testing::slapd::SUFFIX;

use crate::common::outcome::{Data, Outcome, clean};
use crate::common::{PATIENCE, SYNCREPL};
use crate::{ANN, CYD, GEHEIM, contains, file_of, long, secret_file, server};

const FILES: [&str; 5] = ["", "-wal", "-shm", ".lock", ".status"];

/// A follower in the persist stage. Its umask hides no file from other users.
fn follow(data: &Data, url: &str, words: &[&str], log: &str) -> Run {
    let path = data.path();
    let mut command = Command::new("sh");
    clean(&mut command)
        .args(["-c", "umask 000; exec \"$0\" \"$@\"", SYNCREPL])
        .args(["follow", "--data", &path, "--format", "json", "-H", url])
        .args(["-b", SUFFIX, "-v", "-v"])
        .args(words)
        .env("RUST_LOG", log);
    let run = Run::command(&mut command);
    run.wait_for_line(|line| line.contains(r#""op":"commit""#), PATIENCE);
    run
}

#[test]
fn no_place_shows_the_password() {
    let server = server();
    let file = secret_file(server.folder());
    let simple = ["-D", ANN, "-y", &file];
    let scram = ["-Y", "SCRAM-SHA-256", "-U", "ann", "-y", &file];
    for words in [&simple[..], &scram] {
        let data = Data::new();
        let mut run = follow(&data, &server.url(), words, "trace");
        let title = fs::read(format!("/proc/{}/cmdline", run.pid())).expect("the title");
        assert!(contains(&title, ANN) || contains(&title, "ann"));
        assert!(!contains(&title, GEHEIM));
        for suffix in FILES {
            let path = data.path() + suffix;
            let bytes = fs::read(&path).expect("a file");
            assert!(!contains(&bytes, GEHEIM), "{path}");
            let mode = fs::metadata(&path).expect("a file").permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{path}");
        }
        let change = format!(
            "dn: uid=bob,ou=people,{SUFFIX}\nchangetype: modify\nreplace: sn\nsn: Bobson\n"
        );
        server.ldapmodify(&change).expect("a change");
        run.wait_for_line(|line| line.contains(r#""commit":2"#), PATIENCE);
        run.kill9();
        let stderr = run.stderr();
        assert!(
            stderr.contains("BindRequest") && stderr.contains("***"),
            "{stderr}"
        );
        for shown in [&stderr, &run.output()] {
            assert!(!shown.contains(GEHEIM), "{shown}");
        }
        // The same for files that the kill left behind.
        let log = fs::read(data.path() + "-wal").expect("the log");
        assert!(!log.is_empty() && !contains(&log, GEHEIM));
    }
}

#[test]
fn no_error_shows_the_password() {
    let server = server();
    let data = Data::new();
    let (path, url) = (data.path(), server.url());
    let file = secret_file(server.folder());
    let nobody = ANN.replace("ann", "nobody");
    let begun = ["refresh", "--data", &path, "-H", &url, "-b", SUFFIX, "-vvv"];
    for (words, code) in [
        (&["-D", &nobody, "-y", &file][..], 3),
        (&["-D", "no dn at all", "-w", GEHEIM], 3),
        (&["-Y", "SCRAM-SHA-256", "-U", "nobody", "-y", &file], 3),
        (&["-D", ANN, "-w", GEHEIM, "-W"], 2),
        (&["-w", GEHEIM], 2),
    ] {
        let outcome = Outcome::run(&[&begun[..], words].concat());
        assert_eq!(outcome.code, Some(code), "{}", outcome.stderr);
        assert!(!outcome.stderr.contains(GEHEIM), "{}", outcome.stderr);
    }
    let url = format!("{url}/{SUFFIX}??sub??bindname=x,X-BINDPW={GEHEIM},!x-no");
    let outcome = Outcome::run(&["refresh", "--data", &path, &url]);
    outcome.assert_failed(2, &["x-no"]);
    assert!(!outcome.stderr.contains(GEHEIM), "{}", outcome.stderr);
}

/// Each connection reads the password from its file, and wipes all copies of it.
#[test]
fn memory_holds_no_password_of_a_file() {
    let server = server();
    let file = file_of(server.folder(), &long());
    for words in [
        &["-D", CYD, "-y", &file][..],
        &["-Y", "SCRAM-SHA-256", "-U", "cyd", "-y", &file],
    ] {
        let run = follow(&Data::new(), &server.url(), words, "warn");
        let pieces = in_memory(run.pid(), GEHEIM.as_bytes());
        assert_eq!(pieces, 0, "{words:?}");
    }
}

/// How often these bytes stand in the writable memory of a process.
fn in_memory(pid: u32, wanted: &[u8]) -> usize {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("its memory");
    let memory = File::open(format!("/proc/{pid}/mem")).expect("its memory");
    let mut count = 0;
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let range = line.split(' ').next().expect("a range");
        let (from, to) = range.split_once('-').expect("a range");
        let number = |text| u64::from_str_radix(text, 16).expect("an address");
        let (from, to) = (number(from), number(to));
        let mut bytes = vec![0; usize::try_from(to - from).expect("a length")];
        // The kernel lets nobody read some ranges.
        if memory.read_exact_at(&mut bytes, from).is_ok() {
            let found = bytes
                .windows(wanted.len())
                .filter(|window| *window == wanted);
            count += found.count();
        }
    }
    count
}
