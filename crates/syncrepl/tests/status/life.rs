//! The states of a run, from its first connection to its end, however it ends.

use std::time::{Duration, SystemTime};

use syncrepl_testing::process::Run;
use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};
use syncrepl_testing::wait_until;

use crate::common::PATIENCE;
use crate::common::outcome::{Data, Outcome, command, people};
use crate::common::proxy::Proxy;
use crate::{follow, moment, status, wait_for, wait_for_state};

#[test]
fn follower_tells_who_and_since_when() {
    let server = Slapd::start(Variant::SessionLog);
    let data = Data::new();
    let began = SystemTime::now() - Duration::from_millis(1);
    let mut run = follow(&data, &server.url());
    let told = wait_for(&data, |told| told["lag"]["seconds"] == 0);
    assert_eq!(told["state"], "following");
    assert_eq!(told["pid"], run.pid());
    assert_eq!(told["server"], server.url());
    for field in ["since", "last_contact", "confirmed", "commit_time"] {
        let at = moment(&told, field);
        assert!(began <= at && at <= SystemTime::now(), "{field}: {told}");
    }
    assert!(told["last_error"].is_null() && told["next_retry"].is_null());
    // It is confirmed again and again, and a commit has its time.
    wait_for(&data, |again| {
        moment(again, "confirmed") > moment(&told, "confirmed")
    });
    let unit =
        format!("dn: ou=new,{SUFFIX}\nchangetype: add\nobjectClass: organizationalUnit\nou: new\n");
    server.ldapmodify(&unit).expect("a unit");
    let more = wait_for(&data, |told| told["entries"] == 2);
    assert!(moment(&more, "commit_time") > moment(&told, "commit_time"));
    let text = Outcome::run(&["status", "--data", &data.path()]);
    let pid = run.pid().to_string();
    for word in [
        "following",
        "confirmed current",
        "process:",
        &pid,
        "not behind",
    ] {
        assert!(text.stdout.contains(word), "no {word} in {}", text.stdout);
    }
    run.signal("TERM");
    assert!(run.wait_exit(PATIENCE).success());
    let told = status(&data);
    assert_eq!(told["state"], "stopped");
    assert!(
        told["pid"].is_null() && told["last_error"].is_null(),
        "{told}"
    );
}

#[test]
fn killed_follower_has_failed() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::new();
    let mut run = follow(&data, &server.url());
    wait_for_state(&data, "following");
    let pid = run.pid();
    run.kill9();
    let told = status(&data);
    assert_eq!(told["state"], "failed");
    let message = told["last_error"]["message"].as_str().expect("an error");
    assert!(
        message.contains(&format!("process {pid} ended")),
        "{message}"
    );
    // The next one goes on from there.
    let mut run = follow(&data, &server.url());
    wait_for_state(&data, "following");
    run.signal("TERM");
    assert!(run.wait_exit(PATIENCE).success());
}

#[test]
fn refresh_under_way_tells_its_progress() {
    let server = Slapd::start(Variant::Plain);
    server.load(&people(400));
    let whole = Proxy::to(&server);
    Outcome::run(&Data::new().sync("refresh", &whole.url())).assert_done();
    let middle = whole.position_answered(b"uid=p300,").expect("an entry");
    let data = Data::new();
    // The first refresh has no copy to show yet: only its state.
    Outcome::run(&data.refresh(&server)).assert_done();
    let mut again = data.sync("refresh", &Proxy::swallowing(&server, &[middle]).url());
    again.push("--reconcile".to_owned());
    let mut run = Run::command(&mut command(&again));
    let told = wait_for(&data, |told| {
        told["progress"]["entries"].as_u64() > Some(50)
    });
    assert_eq!(told["state"], "refreshing");
    assert_eq!(told["progress"]["before"], 402);
    let text = Outcome::run(&["status", "--data", &data.path()]);
    assert!(
        text.stdout.contains(" of about 402 entries"),
        "{}",
        text.stdout
    );
    run.signal("TERM");
    run.wait_exit(PATIENCE);
}

#[test]
fn refresh_that_cannot_connect_has_failed() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::of(&server);
    assert_eq!(status(&data)["state"], "stopped");
    server.stop();
    let outcome = data.refresh_with(&server, &[]);
    assert_eq!(outcome.code, Some(4));
    let told = status(&data);
    assert_eq!(told["state"], "failed");
    let message = told["last_error"]["message"].as_str().expect("an error");
    assert!(
        outcome.stderr.contains(message),
        "{message} / {}",
        outcome.stderr
    );
}

#[test]
fn waiting_follower_tells_why_and_when_it_tries_again() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::of(&server);
    server.stop();
    let mut run = Run::command(&mut command(&data.sync("follow", &server.url())));
    let told = wait_for(&data, |told| !told["next_retry"].is_null());
    assert_eq!(told["state"], "waiting");
    assert_eq!(told["pid"], run.pid());
    let message = told["last_error"]["message"].as_str().expect("an error");
    assert!(message.contains(&server.url()), "{message}");
    server.start_again();
    let told = wait_for_state(&data, "following");
    assert!(told["next_retry"].is_null());
    assert_eq!(told["last_error"]["message"], message);
    run.signal("TERM");
    assert!(run.wait_exit(PATIENCE).success());
    assert_eq!(status(&data)["state"], "stopped");
}

/// The message of a second run names the process that has the file.
#[test]
fn locked_file_names_the_process() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::new();
    let run = follow(&data, &server.url());
    wait_for_state(&data, "following");
    let pid = format!("process {}", run.pid());
    data.refresh_with(&server, &[]).assert_failed(
        5,
        &["another syncrepl uses", "copy.db", &pid, "stop it first"],
    );
    // Looking does not disturb it.
    wait_until(PATIENCE, || status(&data)["state"] == "following");
}
