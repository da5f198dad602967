//! The password changes while `follow` runs.

use std::fs;
use std::path::PathBuf;

use syncrepl_testing::process::Run;
use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};

use crate::common::PATIENCE;
use crate::common::outcome::Data;
use crate::{command_of, describe, follow, wait_commit, wait_copied};

fn reader() -> String {
    format!("cn=reader,{SUFFIX}")
}

fn server() -> Slapd {
    let server = Slapd::start(Variant::Plain);
    let ldif = format!(
        "dn: {}\nchangetype: add\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\n\
         cn: reader\nuserPassword: first\n",
        reader()
    );
    server.ldapmodify(&ldif).expect("an entry to bind as");
    server
}

fn set_password(server: &Slapd, password: &str) {
    let ldif = format!(
        "dn: {}\nchangetype: modify\nreplace: userPassword\nuserPassword: {password}\n",
        reader()
    );
    server.ldapmodify(&ldif).expect("another password");
}

fn restart(server: &Slapd) {
    server.stop();
    server.start_again();
}

fn file(data: &Data, password: &str) -> PathBuf {
    let path = data.folder.path().join("reader.pw");
    fs::write(&path, password).expect("a password file");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(&path, mode).expect("its mode");
    path
}

fn bound(data: &Data, server: &Slapd, options: &[&str]) -> Run {
    let path = file(data, "first").display().to_string();
    let dn = reader();
    let all = [&["-D", &dn, "-y", &path], options].concat();
    let run = follow(data, &server.url(), &all);
    wait_commit(&run);
    run
}

fn goes_on(run: &Run, data: &Data, server: &Slapd) {
    run.wait_for_stderr(|line| line.contains("up to date again"), PATIENCE);
    describe(server, "after all");
    run.wait_for_line(|line| line.contains("after all"), PATIENCE);
    wait_copied(data, server);
}

#[test]
fn password_file_is_read_at_each_bind() {
    let (server, data) = (server(), Data::new());
    let run = bound(&data, &server, &[]);
    file(&data, "second");
    set_password(&server, "second");
    restart(&server);
    goes_on(&run, &data, &server);
    assert!(!run.stderr().contains("(49)"), "{}", run.stderr());
}

#[test]
fn refused_password_may_be_changing() {
    let (server, data) = (server(), Data::new());
    let run = bound(&data, &server, &[]);
    set_password(&server, "second");
    restart(&server);
    let refused = |line: &str| line.contains("(49)") && line.contains("trying again in 20.0 s");
    run.wait_for_stderr(refused, PATIENCE);
    // It is seen at once, before those twenty seconds are over.
    let began = std::time::Instant::now();
    file(&data, "second");
    goes_on(&run, &data, &server);
    assert!(began.elapsed().as_secs() < 15, "{:?}", began.elapsed());
}

#[test]
fn password_file_may_be_away_for_a_moment() {
    let (server, data) = (server(), Data::new());
    let run = bound(&data, &server, &[]);
    fs::remove_file(data.folder.path().join("reader.pw")).expect("the file goes");
    restart(&server);
    let away = |line: &str| line.contains("reader.pw") && line.contains("trying again");
    run.wait_for_stderr(away, PATIENCE);
    // An editor may have written nothing yet.
    file(&data, "");
    run.wait_for_stderr(|line| line.contains("is empty"), PATIENCE);
    file(&data, "first");
    goes_on(&run, &data, &server);
}

#[test]
fn refused_for_good() {
    let (server, data) = (server(), Data::new());
    let mut run = bound(&data, &server, &["--refused-for", "2s"]);
    set_password(&server, "second");
    restart(&server);
    assert_eq!(run.wait_exit(PATIENCE).code(), Some(3), "{}", run.stderr());
    // Few tries: servers count them, and lock the account.
    let waits = run.stderr().matches("trying again").count();
    assert!((1..=4).contains(&waits), "{}", run.stderr());
    // At the start a wrong password is a mistake.
    let mut run = bound_wrongly(&data, &server);
    assert_eq!(run.wait_exit(PATIENCE).code(), Some(3));
    assert!(!run.stderr().contains("trying"), "{}", run.stderr());
}

fn bound_wrongly(data: &Data, server: &Slapd) -> Run {
    let path = data.folder.path().join("reader.pw").display().to_string();
    follow(data, &server.url(), &["-D", &reader(), "-y", &path])
}

/// As systemd gives it.
#[test]
fn credential_is_read_at_each_bind() {
    let (server, data) = (server(), Data::new());
    let folder = data.folder.path().join("credentials");
    fs::create_dir(&folder).expect("a folder");
    fs::write(folder.join("password"), "first").expect("a credential");
    let mut command = command_of(&data, &server.url(), &["-D", &reader()]);
    let run = Run::command(command.env("CREDENTIALS_DIRECTORY", &folder));
    wait_commit(&run);
    fs::write(folder.join("password"), "second").expect("a credential");
    set_password(&server, "second");
    restart(&server);
    goes_on(&run, &data, &server);
}

/// A unit hands over an empty line where there is no password.
#[test]
fn credential_that_stands_in_for_none() {
    let (server, data) = (server(), Data::new());
    fs::write(data.folder.path().join("password"), "\n").expect("a credential");
    let mut anonymous = command_of(&data, &server.url(), &[]);
    let run = Run::command(anonymous.env("CREDENTIALS_DIRECTORY", data.folder.path()));
    wait_commit(&run);
    drop(run);
    let mut bound = command_of(&data, &server.url(), &["-D", &reader()]);
    let mut run = Run::command(bound.env("CREDENTIALS_DIRECTORY", data.folder.path()));
    assert_eq!(run.wait_exit(PATIENCE).code(), Some(2));
    assert!(
        run.stderr().contains("needs a password"),
        "{}",
        run.stderr()
    );
}

/// A pipe gives its password once.
#[test]
fn password_out_of_a_pipe() {
    let (server, data) = (server(), Data::new());
    let mut shell = std::process::Command::new("bash");
    shell.args(["-c", r#"exec "$@" -y <(printf first)"#, "bash"]);
    shell.arg(crate::common::SYNCREPL);
    shell.args(data.sync("follow", &server.url()));
    shell.args(["-D", &reader()]);
    let run = Run::command(crate::common::outcome::clean(&mut shell));
    wait_commit(&run);
    restart(&server);
    goes_on(&run, &data, &server);
}
