//! A password policy (slapd's overlay ppolicy) that forbids the bind, or everything after it.

use std::time::{Duration, Instant};

use syncrepl_testing::process::Run;
use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};
use syncrepl_testing::wait_until;

use crate::common::PATIENCE;
use crate::common::outcome::{Data, Outcome, command};

/// A slapd with the overlay and this policy, and the people ann and bob.
fn server(policy: &str) -> Slapd {
    let server = Slapd::builder(Variant::Plain)
        .extra_global("moduleload ppolicy")
        .extra_database("access to attrs=userPassword by self =w by * auth\naccess to * by * read")
        .extra_syncprov(&format!(
            "overlay ppolicy\nppolicy_default cn=policy,{SUFFIX}\nppolicy_use_lockout"
        ))
        .start();
    let mut ldif = format!(
        "dn: cn=policy,{SUFFIX}\nchangetype: add\nobjectClass: device\nobjectClass: pwdPolicy\n\
         cn: policy\npwdAttribute: userPassword\n{policy}\n"
    );
    for name in ["ann", "bob"] {
        ldif += &format!(
            "dn: {}\nchangetype: add\nobjectClass: inetOrgPerson\nuid: {name}\ncn: {name}\nsn: {name}\n\
             userPassword: secret\n\n",
            dn(name)
        );
    }
    server.ldapmodify(&ldif).expect("the people");
    server
}

fn dn(name: &str) -> String {
    format!("uid={name},{SUFFIX}")
}

fn set(server: &Slapd, dn: &str, attribute: &str, value: &str) {
    let ldif =
        format!("dn: {dn}\nchangetype: modify\nreplace: {attribute}\n{attribute}: {value}\n");
    server.ldapmodify(&ldif).expect("the change applies");
}

/// What a subcommand says to somebody.
fn run(server: &Slapd, data: &Data, subcommand: &str, name: &str) -> Outcome {
    let mut words = match subcommand {
        "doctor" => ["doctor", "-H", &server.url(), "-b", SUFFIX]
            .map(str::to_owned)
            .to_vec(),
        _ => data.sync(subcommand, &server.url()),
    };
    words.extend([
        "-D".to_owned(),
        dn(name),
        "-w".to_owned(),
        "secret".to_owned(),
    ]);
    Outcome::run(&words)
}

#[test]
fn password_has_to_be_changed_first() {
    let server = server("pwdMustChange: TRUE\n");
    let data = Data::new();
    run(&server, &data, "refresh", "ann").assert_done();
    set(&server, &dn("ann"), "pwdReset", "TRUE");
    let wanted = format!(
        "the server wants the password of {} to be changed first: ",
        dn("ann")
    );
    data.unchanged(|| {
        for subcommand in ["refresh", "follow"] {
            let outcome = run(&server, &data, subcommand, "ann");
            outcome.assert_failed(3, &[&wanted, "ldappasswd"]);
            assert!(!outcome.stderr.contains("grant"), "{}", outcome.stderr);
        }
    });
    let doctor = run(&server, &data, "doctor", "ann");
    assert_eq!(doctor.code, Some(3));
    assert!(
        doctor.stdout.contains(&format!("✘ bind: {wanted}")),
        "{}",
        doctor.stdout
    );
    // Nobody else has to.
    run(&server, &Data::new(), "refresh", "bob").assert_done();
}

#[test]
fn locked_account() {
    let server = server("pwdLockout: TRUE\n");
    let data = Data::new();
    set(&server, &dn("ann"), "pwdAccountLockedTime", "000001010000Z");
    let outcome = run(&server, &data, "refresh", "ann");
    outcome.assert_failed(3, &["the account is locked", "(49)", "unlock"]);
    assert!(!outcome.stderr.contains("wrong"), "{}", outcome.stderr);
}

/// One that expires soon is told of by each run, and so are the binds that are left after that.
#[test]
fn password_expires() {
    let server = server("pwdMaxAge: 800000\npwdExpireWarning: 864000\npwdGraceAuthNLimit: 3\n");
    let set_at = Instant::now();
    let data = Data::new();
    let warned = |words: &str| {
        let outcome = run(&server, &data, "refresh", "ann");
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        let line = format!("syncrepl: warning: the password of {} {words}", dn("ann"));
        assert!(
            outcome.stderr.trim().starts_with(&line),
            "{}",
            outcome.stderr
        );
        assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
    };
    warned("expires in 9 days: set a new one before");
    let doctor = run(&server, &data, "doctor", "ann");
    assert_eq!(doctor.code, Some(0), "{}", doctor.stdout);
    assert!(
        doctor.stdout.contains("! password: the password of"),
        "{}",
        doctor.stdout
    );

    set(&server, &format!("cn=policy,{SUFFIX}"), "pwdMaxAge", "1");
    // slapd counts whole seconds.
    wait_until(PATIENCE, || set_at.elapsed() > Duration::from_millis(2100));
    warned("has expired, and the server accepts 2 more binds: set a new one");
    warned("has expired, and the server accepts one more bind: set a new one");
    warned("has expired, and this was the last bind that the server accepts: set a new one");
    run(&server, &data, "refresh", "ann")
        .assert_failed(3, &["the password has expired", "set a new one"]);
}

/// While it is followed the warning comes once a day, however often the server is restarted. One that has become
/// more urgent comes at once.
#[test]
fn follower_is_told_once() {
    let server = server("pwdMaxAge: 800000\npwdExpireWarning: 864000\npwdGraceAuthNLimit: 100\n");
    let set_at = Instant::now();
    let data = Data::new();
    let mut words = data.sync("follow", &server.url());
    words.extend([
        "-D".to_owned(),
        dn("ann"),
        "-w".to_owned(),
        "secret".to_owned(),
    ]);
    let mut follower = Run::command(&mut command(&words));
    let binds = |count: usize| {
        let bound = |lines: Vec<String>| {
            lines
                .iter()
                .filter(|line| line.contains(r#""op":"bind""#))
                .count()
        };
        wait_until(PATIENCE, || bound(follower.lines()) >= count);
    };
    let warnings = || {
        let stderr = follower.stderr();
        let told = stderr
            .lines()
            .filter(|line| line.contains("the password of"));
        told.map(str::to_owned).collect::<Vec<_>>()
    };
    binds(1);
    for count in 2..4 {
        server.stop();
        server.start_again();
        binds(count);
    }
    wait_until(PATIENCE, || warnings().len() == 1);
    assert!(
        warnings()[0].contains("expires in 9 days"),
        "{:?}",
        warnings()
    );
    set(&server, &format!("cn=policy,{SUFFIX}"), "pwdMaxAge", "1");
    wait_until(PATIENCE, || set_at.elapsed() > Duration::from_millis(2100));
    for count in 4..6 {
        server.stop();
        server.start_again();
        binds(count);
    }
    wait_until(PATIENCE, || warnings().len() == 2);
    // How many binds are left depends on how many the stopping server still answered: an answer may be lost.
    assert!(
        warnings()[1].contains("has expired, and the server accepts 9"),
        "{:?}",
        warnings()
    );
    follower.signal("TERM");
    assert!(follower.wait_exit(PATIENCE).success());
}
