//! 389-ds says of a password that has to be changed, and of a locked account, in words of its own.

use syncrepl_testing::Ds389;
use syncrepl_testing::ds389::SUFFIX;
use syncrepl_testing::process::Run;
use syncrepl_testing::wait_until;

use crate::common::PATIENCE;
use crate::common::outcome::{Data, Outcome, command};
use crate::{apply, at, person, replace};

#[test]
fn password_policy_is_told_in_words() {
    let server = Ds389::builder().start();
    let ann = at("uid=ann");
    apply(
        &server,
        &[
            replace("cn=config", "passwordMustChange", "on"),
            person(&ann, "staff"),
            // By somebody else, so ann has to change it.
            replace(&ann, "userPassword", "secret1234"),
        ],
    );
    let refresh = |words: &[&str]| {
        let data = Data::new();
        let path = data.path();
        let url = server.url();
        let first = [
            "refresh",
            "--data",
            &path,
            "-H",
            &url,
            "-b",
            SUFFIX,
            "-D",
            &ann,
            "-w",
            "secret1234",
        ];
        Outcome::run(&[&first, words].concat())
    };
    let wanted = format!("the server wants the password of {ann} to be changed first: ");
    refresh(&[]).assert_failed(3, &[&wanted, "ldappasswd"]);
    apply(&server, &[replace(&ann, "nsAccountLock", "true")]);
    refresh(&[]).assert_failed(3, &["the account is locked", "Account inactivated"]);
}

/// A password that expires soon, and one that has expired, with binds left. A follower is told once.
#[test]
fn password_that_expires_is_told_of() {
    let server = Ds389::builder().start();
    let ann = at("uid=ann");
    apply(
        &server,
        &[
            replace("cn=config", "passwordExp", "on"),
            replace("cn=config", "passwordMaxAge", "864000"),
            replace("cn=config", "passwordWarning", "950400"),
            replace("cn=config", "passwordSendExpiringTime", "on"),
            replace("cn=config", "passwordGraceLimit", "50"),
            person(&ann, "staff"),
            replace(&ann, "userPassword", "secret1234"),
        ],
    );
    let data = Data::new();
    let words = |subcommand: &str| {
        [
            subcommand,
            "--data",
            &data.path(),
            "--format",
            "json",
            "-H",
            &server.url(),
            "-b",
            SUFFIX,
            "-D",
            &ann,
            "-w",
            "secret1234",
        ]
        .map(str::to_owned)
    };
    // The server puts the end off to a whole time of warning after the first one: 11 days.
    let mut follower = Run::command(&mut command(&words("follow")));
    follower.wait_for_line(|line| line.contains(r#""op":"commit""#), PATIENCE);
    let warnings = || {
        let stderr = follower.stderr();
        let told = stderr
            .lines()
            .filter(|line| line.contains(&format!("the password of {ann} ")));
        told.map(str::to_owned).collect::<Vec<_>>()
    };
    wait_until(PATIENCE, || warnings().len() == 1);
    assert!(
        warnings()[0].contains(" days: set a new one before"),
        "{:?}",
        warnings()
    );
    let bound = || {
        let lines = follower.lines();
        lines
            .iter()
            .filter(|line| line.contains(r#""op":"bind""#))
            .count()
    };
    server.stop();
    server.start_again();
    wait_until(PATIENCE, || bound() >= 2);
    assert_eq!(warnings().len(), 1, "{:?}", warnings());

    apply(
        &server,
        &[replace(&ann, "passwordExpirationTime", "20200101000000Z")],
    );
    server.stop();
    server.start_again();
    wait_until(PATIENCE, || warnings().len() == 2);
    assert!(
        warnings()[1].contains("has expired, and the server accepts"),
        "{:?}",
        warnings()
    );
    follower.signal("TERM");
    assert!(follower.wait_exit(PATIENCE).success());
}
