//! Two consumers on one file. The second is refused for as long as the first lives, however the first
//! ends. Programs that only read are not refused.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use syncrepl_testing::process::Run;
use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};

use crate::common::outcome::{Outcome, command, people};
use crate::common::{Copied, PATIENCE};

/// How many records another program sees, in a process and with an SQLite of its own.
fn counted_by_python(data: &Path) -> usize {
    let script = "import sqlite3, sys\n\
                  db = sqlite3.connect(sys.argv[1])\n\
                  print(db.execute('SELECT count(*) FROM syncrepl_records').fetchone()[0])";
    let output = Command::new("python3")
        .args(["-c", script])
        .arg(data)
        .output();
    let output = output.expect("python3 not found: apt-get install python3");
    let text = String::from_utf8(output.stdout).expect("a number");
    text.trim().parse().expect("a number")
}

/// Other names of the same data file.
fn refused(copy: &Copied<'_>) {
    let link = copy.folder.path().join("link.db");
    if !link.exists() {
        symlink(copy.data(), &link).expect("a link");
    }
    for subcommand in ["refresh", "follow"] {
        for name in ["copy.db", "link.db", "./../{}/copy.db"] {
            let folder = copy.folder.path();
            let own = folder.file_name().expect("a name").to_string_lossy();
            let mut arguments = copy.arguments(subcommand);
            arguments[2] = name.replace("{}", &own);
            let mut second = command(&arguments);
            Outcome::of(second.current_dir(folder))
                .assert_failed(5, &["another syncrepl uses", "copy.db", "stop it first"]);
        }
    }
}

fn add(server: &Slapd, round: usize) {
    let mut ldif = String::new();
    for number in 0..20 {
        let uid = format!("later{round}-{number}");
        ldif += &format!(
            "dn: uid={uid},ou=people,{SUFFIX}\nchangetype: add\nobjectClass: inetOrgPerson\n\
             uid: {uid}\ncn: {uid}\nsn: {uid}\n\n"
        );
    }
    server.ldapmodify(&ldif).expect("the changes apply");
}

#[test]
fn second_consumer_is_refused() {
    let server = Slapd::start(Variant::SessionLog);
    server.load(&people(50));
    let mut copy = Copied::suffix(&server);
    for round in 0..3 {
        copy.follow();
        refused(&copy);
        // The first goes on undisturbed.
        add(&server, round);
        copy.wait_equal();
        let data = copy.data().display().to_string();
        assert_eq!(counted_by_python(&copy.data()), copy.dump().len());
        Outcome::run(&["status", "--data", &data]).assert_done();
        // A first consumer that hangs keeps its lock too.
        copy.follower().signal("STOP");
        refused(&copy);
        Outcome::run(&["dump", "--data", &data]).assert_done();
        assert_eq!(counted_by_python(&copy.data()), copy.dump().len());
        add(&server, 10 + round);
        copy.kill();
        // Its lock ended with it, at once.
        copy.refresh();
        copy.assert_equal();
    }
}

/// As soon as one consumer is dead the next may begin. Many do so in a row.
#[test]
fn lock_ends_with_the_process() {
    let server = Slapd::start(Variant::Plain);
    server.load(&people(50));
    let mut copy = Copied::suffix(&server);
    for _ in 0..10 {
        let mut run = Run::command(&mut command(&copy.arguments("follow")));
        run.wait_for_line(|line| line.contains(r#""op":"bind""#), PATIENCE);
        run.kill9();
        copy.feed(&run.output());
        let again = Run::command(&mut command(&copy.arguments("follow")));
        again.wait_for_line(|line| line.contains(r#""op":"commit""#), PATIENCE);
        let mut again = again;
        again.kill9();
        assert_eq!(again.stderr(), "");
        copy.feed(&again.output());
    }
    copy.refresh();
    copy.assert_equal();
}
