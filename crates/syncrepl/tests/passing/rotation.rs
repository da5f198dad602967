//! The file of `--output` is renamed while `follow` writes to it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};
use syncrepl_testing::wait_until;

use crate::common::PATIENCE;
use crate::common::outcome::{Data, Outcome, people};
use crate::{content, describe, follow, wait_read};

#[test]
fn rotation_between_any_two_changes() {
    let server = Slapd::start(Variant::Plain);
    server.load(&people(50));
    let data = Data::new();
    let file = data.folder.path().join("changes.json");
    let output = file.display().to_string();
    let mut run = follow(&data, &server.url(), &["--output", &output]);
    wait_read(std::slice::from_ref(&file), &server);
    fs::set_permissions(&file, Permissions::from_mode(0o640)).expect("others may read");
    let mut files: Vec<PathBuf> = Vec::new();
    std::thread::scope(|scope| {
        let changes = scope.spawn(|| {
            for round in 0..20 {
                let ldif: String = (0..50)
                    .map(|number| {
                        format!(
                            "dn: uid=p{number},ou=people,{SUFFIX}\nchangetype: modify\n\
                             replace: title\ntitle: {round}\n\n"
                        )
                    })
                    .collect();
                server.ldapmodify(&ldif).expect("changes");
            }
        });
        while !changes.is_finished() {
            let away = data.folder.path().join(format!("old.{}", files.len()));
            fs::rename(&file, &away).expect("a rotation");
            files.push(away);
            run.signal("HUP");
            wait_until(PATIENCE, || file.exists());
        }
    });
    files.push(file.clone());
    assert!(files.len() > 3, "{} rotations", files.len());
    let reader = wait_read(&files, &server);
    assert_eq!(reader.directory().len(), 52);
    for old in &files[..files.len() - 1] {
        assert!(content(old).is_empty() || content(old).ends_with('\n'));
    }
    let mode = fs::metadata(&file).expect("the file").permissions().mode();
    assert_eq!(mode & 0o777, 0o640, "the new file is as the old one");
    run.signal("TERM");
    assert_eq!(run.wait_exit(PATIENCE).code(), Some(0));
    assert_eq!((run.stderr(), run.output()), (String::new(), String::new()));
}

/// A line that an earlier run began does not swallow the next one.
#[test]
fn torn_line_of_a_killed_run() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::new();
    let file = data.folder.path().join("changes.json");
    let output = file.display().to_string();
    data.refresh_with(&server, &["--output", &output])
        .assert_done();
    let whole = content(&file);
    fs::write(&file, format!("{whole}{{\"op\":\"add\",\"uu")).expect("a torn line");
    describe(&server, "another");
    let outcome = data.refresh_with(&server, &["--output", &output]);
    assert_eq!(outcome.assert_done().stdout, "");
    assert!(content(&file).contains("\"uu\n{\"op\":\"start\""));
    let text = content(&file);
    let second = text.strip_prefix(&whole).expect("it was appended to");
    assert_eq!(second.matches(r#""op":"change""#).count(), 1);
}

#[test]
fn output_that_cannot_be() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::of(&server);
    data.unchanged(|| {
        for end in ["", "-wal", ".lock"] {
            let output = format!("{}{end}", data.path());
            data.refresh_with(&server, &["--output", &output])
                .assert_failed(2, &["--output", "is a file of the copy"]);
        }
        data.refresh_with(&server, &["--output", "/nonexistent/x"])
            .assert_failed(2, &["/nonexistent/x", "cannot be opened"]);
    });
    // Nothing would come into it.
    let output = data.folder.path().join("none").display().to_string();
    let mut words = data.refresh(&server);
    let at = words.iter().position(|word| word == "json").expect("json");
    words[at] = "none".to_owned();
    words.extend(["--output".to_owned(), output.clone()]);
    Outcome::run(&words).assert_done();
    assert!(!fs::exists(output).expect("a look"));
}
