//! Where the password comes from when no option gives it, and which of several sources wins.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use syncrepl_testing::slapd::SUFFIX;

use crate::common::outcome::{Data, Outcome, command};
use crate::{ANN, GEHEIM, secret_file, server};

const VARIABLE: &str = "SYNCREPL_BIND_PASSWORD";

/// A refresh of names. It binds as ann, unless `words` name another identity.
fn refresh(url: &str, words: &[&str], environment: &[(&str, &str)]) -> Outcome {
    let data = Data::new();
    let path = data.path();
    let mut all = vec![
        "refresh", "--data", &path, "--format", "json", "-H", url, "-b", SUFFIX,
    ];
    all.extend(words);
    all.extend(["(uid=*)", "uid"]);
    Outcome::of(command(&all).envs(environment.iter().copied()))
}

#[track_caller]
fn assert_is_ann(outcome: &Outcome) {
    let bound = format!(r#"{{"op":"bind","authzid":"dn:{ANN}"}}"#);
    assert!(outcome.assert_done().stdout.contains(&bound), "{outcome:?}");
}

#[test]
fn password_in_the_environment() {
    let server = server();
    let url = server.url();
    let right = (VARIABLE, GEHEIM);
    assert_is_ann(&refresh(&url, &["-D", ANN], &[right]));
    assert_is_ann(&refresh(
        &url,
        &["-Y", "SCRAM-SHA-256", "-U", "ann"],
        &[right],
    ));
    // A URL may name the identity without its password.
    let named = format!("{url}/????bindname={}", ANN.replace(',', "%2C"));
    assert_is_ann(&refresh(&named, &[], &[right]));

    // An option overrides the environment.
    let file = secret_file(server.folder());
    let wrong = (VARIABLE, "wrong");
    assert_is_ann(&refresh(&url, &["-D", ANN, "-w", GEHEIM], &[wrong]));
    assert_is_ann(&refresh(&url, &["-D", ANN, "-y", &file], &[wrong]));
    refresh(&url, &["-D", ANN], &[wrong]).assert_failed(3, &["invalidCredentials (49)"]);

    // The variable alone causes no bind, and an empty one counts as none.
    let socket = server.ldapi_url();
    let anonymous = refresh(&url, &[], &[right]);
    assert!(
        anonymous.stdout.contains(r#""authzid":"""#),
        "{anonymous:?}"
    );
    let external = refresh(&socket, &["-Y", "EXTERNAL"], &[right]);
    assert!(external.stdout.contains("cn=peercred"), "{external:?}");
    refresh(&url, &["-D", ANN], &[(VARIABLE, "")])
        .assert_failed(2, &["needs a password", "-W", "-y"]);
}

#[test]
fn password_in_a_systemd_credential() {
    let server = server();
    let url = server.url();
    let folder = server.folder().join("credentials");
    fs::create_dir(&folder).expect("a folder");
    let credentials = ("CREDENTIALS_DIRECTORY", folder.to_str().expect("a path"));
    refresh(&url, &["-D", ANN], &[credentials]).assert_failed(2, &["needs a password"]);

    fs::write(folder.join("password"), GEHEIM).expect("writing a file");
    assert_is_ann(&refresh(&url, &["-D", ANN], &[credentials]));
    assert_is_ann(&refresh(
        &url,
        &["-D", ANN],
        &[credentials, (VARIABLE, GEHEIM)],
    ));
    // The environment overrides it: the user set that for this run.
    refresh(&url, &["-D", ANN], &[credentials, (VARIABLE, "wrong")]).assert_failed(3, &["(49)"]);
}

#[test]
fn unusable_password_files() {
    let server = server();
    let large = server.folder().join("large");
    fs::write(&large, vec![b'x'; (64 << 10) + 1]).expect("writing a file");
    fs::set_permissions(&large, Permissions::from_mode(0o600)).expect("permissions");
    let words = ["-D", ANN, "-y", large.to_str().expect("a path")];
    refresh(&server.url(), &words, &[]).assert_failed(2, &["large", "too large"]);
    let words = ["-D", ANN, "-y", "/nonexistent"];
    refresh(&server.url(), &words, &[]).assert_failed(2, &["/nonexistent", "No such file"]);
}
