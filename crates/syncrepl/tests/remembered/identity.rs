//! The bind DN is remembered, and nobody else takes the copy over by mistake.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use syncrepl_testing::process::Run;

use crate::common::PATIENCE;
use crate::common::outcome::{Data, Outcome, command};
use crate::{ANN, EVE, again, anns, assert_is_seen_by, bound, server, told, words};

#[test]
fn bind_dn_is_used_again() {
    let server = server();
    let data = anns(&server);
    let ann = format!("dn:{ANN}");
    // README: the next time --data and -y are enough.
    let password = data.folder.path().join("ann.pw");
    fs::write(&password, "secret-ann").expect("writing a file");
    fs::set_permissions(&password, fs::Permissions::from_mode(0o600)).expect("permissions");
    let outcome = again(&data, &["-y", &password.display().to_string()]);
    assert_eq!(bound(outcome.assert_done()), ann);
    assert_eq!(told(&outcome), [""; 0]);
    let path = data.path();
    let mut variable = command(&["refresh", "--data", &path, "--format", "json", "-x"]);
    variable.env("SYNCREPL_BIND_PASSWORD", "secret-ann");
    assert_eq!(bound(Outcome::of(&mut variable).assert_done()), ann);
    // Another server and the same search change nothing about it.
    let outcome = Outcome::run(&words(&data, &server.ldapi_url(), &["-w", "secret-ann"]));
    assert_eq!(bound(outcome.assert_done()), ann);
    // follow and doctor take it from the file too.
    let follow = [
        "follow",
        "--data",
        &path,
        "--format",
        "json",
        "-w",
        "secret-ann",
    ];
    let mut follow = Run::command(&mut command(&follow));
    follow.wait_for_line(|line| line.contains(&ann), PATIENCE);
    follow.signal("TERM");
    assert_eq!(follow.wait_exit(PATIENCE).code(), Some(0));
    let doctor = Outcome::run(&["doctor", "--data", &path, "-w", "secret-ann"]);
    assert_eq!(doctor.code, Some(0), "{doctor:?}");
    assert!(doctor.stdout.contains(&ann), "{doctor:?}");
    assert_is_seen_by(&data, &server, ANN, "secret-ann");
    // Never a secret.
    let bytes = fs::read(&path).expect("the file");
    assert!(!bytes.windows(10).any(|window| window == b"secret-ann"));
}

#[test]
fn missing_password_is_named() {
    let server = server();
    let data = anns(&server);
    for subcommand in ["refresh", "follow", "doctor"] {
        let outcome = data.unchanged(|| Outcome::run(&[subcommand, "--data", &data.path()]));
        outcome.assert_failed(2, &["password", ANN, "-W", "-y"]);
    }
    let outcome = data.unchanged(|| Outcome::run(&words(&data, &server.url(), &[])));
    outcome.assert_failed(2, &["password", ANN, "-W", "-y"]);
}

#[test]
fn somebody_else_changes_nothing() {
    let server = server();
    let data = anns(&server);
    for (bind, name) in [
        (&["-D", ""][..], "anonymous"),
        (&["-D", EVE, "-w", "secret-eve"], EVE),
        (
            &["-Y", "EXTERNAL", "-H", &server.ldapi_url()],
            "cn=peercred",
        ),
    ] {
        let outcome = data.unchanged(|| again(&data, bind));
        outcome.assert_failed(5, &[ANN, name, "--as-new-identity"]);
        assert!(!outcome.stdout.contains(r#""op":"bind""#), "{outcome:?}");
        let doctor = Outcome::run(&[&["doctor", "--data", &data.path()], bind].concat());
        assert_eq!(doctor.code, Some(5), "{doctor:?}");
        assert!(doctor.stdout.contains("identity: "), "{doctor:?}");
    }
    // It is still ann's, with its cookie.
    let outcome = again(&data, &["-w", "secret-ann"]);
    assert_eq!(told(outcome.assert_done()), [""; 0]);
    assert_is_seen_by(&data, &server, ANN, "secret-ann");
    // The same DN in another spelling is nobody else.
    let spelled = [
        "-D",
        "UID=Ann, ou=people,dc=example,dc=com",
        "-w",
        "secret-ann",
    ];
    again(&data, &spelled).assert_done();
    // Nobody has no password.
    let outcome = again(&data, &["-D", "", "-w", "secret-ann"]);
    outcome.assert_failed(2, &["-D ''", "no password"]);
}

#[test]
fn anonymous_copy_is_not_made_anybodys() {
    let server = server();
    let data = Data::new();
    Outcome::run(&words(&data, &server.url(), &[])).assert_done();
    let outcome = data.unchanged(|| again(&data, &["-D", ANN, "-w", "secret-ann"]));
    outcome.assert_failed(5, &["anonymous", ANN]);
    again(&data, &["-D", ""]).assert_done();
    assert_eq!(bound(again(&data, &[]).assert_done()), "");
    again(&data, &["-w", "secret-ann"]).assert_failed(2, &["anonymous", "-D"]);
}

#[test]
fn new_identity_compares_everything() {
    let server = server();
    let data = anns(&server);
    let outcome = again(&data, &["-D", "", "--as-new-identity"]);
    assert_eq!(
        told(outcome.assert_done()),
        ["delete ou=hidden,dc=example,dc=com"]
    );
    assert_is_seen_by(&data, &server, "", "");
    assert_eq!(bound(again(&data, &[]).assert_done()), "", "remembered");
    let eve = ["-D", EVE, "-w", "secret-eve"];
    data.unchanged(|| again(&data, &eve))
        .assert_failed(5, &[EVE]);
    let outcome = again(&data, &[&eve[..], &["--as-new-identity"]].concat());
    assert_eq!(
        told(outcome.assert_done()),
        ["add ou=hidden,dc=example,dc=com"]
    );
    assert_is_seen_by(&data, &server, EVE, "secret-eve");
}

/// The identity is written with the refresh that it belongs to, or not at all.
#[test]
fn failed_refresh_changes_no_identity() {
    let server = server();
    let data = anns(&server);
    let anonymous = ["-D", "", "--as-new-identity", "--max-delete", "0"];
    data.unchanged(|| again(&data, &anonymous))
        .assert_failed(6, &["1 of 5"]);
    let wrong = ["-D", EVE, "-w", "wrong", "--as-new-identity"];
    data.unchanged(|| again(&data, &wrong))
        .assert_failed(3, &["invalidCredentials"]);
    again(&data, &[]).assert_failed(2, &[ANN]);
    let outcome = again(&data, &["-w", "secret-ann"]);
    assert_eq!(bound(outcome.assert_done()), format!("dn:{ANN}"));
    assert_eq!(told(&outcome), [""; 0]);
}

/// The extensions of a URL say as whom, as -D does.
#[test]
fn url_that_names_somebody() {
    let server = server();
    let data = Data::new();
    let name = ANN.replace(',', "%2C");
    let url = format!("{}/dc=example,dc=com??sub??bindname={name}", server.url());
    let path = data.path();
    let refresh = ["refresh", "--data", &path, "--format", "json"];
    let run = |words: &[&str]| Outcome::run(&[&refresh[..], words].concat());
    run(&[&url, "-w", "secret-ann"]).assert_done();
    assert_eq!(
        bound(run(&["-w", "secret-ann"]).assert_done()),
        format!("dn:{ANN}")
    );
    // Without the name it is still ann's; with another one it is not.
    let plain = format!("{}/dc=example,dc=com??sub", server.url());
    assert_eq!(
        bound(run(&[&plain, "-w", "secret-ann"]).assert_done()),
        format!("dn:{ANN}")
    );
    run(&[&plain]).assert_failed(2, &[ANN]);
    let eve = url.replace("ann", "eve");
    run(&[&eve, "-w", "secret-eve"]).assert_failed(5, &[ANN, EVE]);
}
