//! `status` tells from the files alone whether something keeps the copy up to date, and whether it is current.

#[path = "../common/mod.rs"]
mod common;

mod age;
mod behind;
mod life;
mod many;
mod metrics;
mod read_only;

use std::time::SystemTime;

use serde_json::Value;
use syncrepl_testing::process::Run;
use syncrepl_testing::wait_until;

use crate::common::PATIENCE;
use crate::common::outcome::{Data, Outcome, command};

/// Short times, because with the defaults each wait is a minute.
const QUICK: [&str; 6] = [
    "--heartbeat",
    "100ms",
    "--response-timeout",
    "2s",
    "--longest-wait",
    "50ms",
];

/// Starts `follow` with short times.
fn follow(data: &Data, url: &str) -> Run {
    let mut arguments = data.sync("follow", url);
    arguments.extend(QUICK.map(str::to_owned));
    Run::command(&mut command(&arguments))
}

/// What `status` tells.
#[track_caller]
fn status(data: &Data) -> Value {
    let outcome = Outcome::run(&["status", "--data", &data.path(), "--format", "json"]);
    outcome.assert_done();
    serde_json::from_str(&outcome.stdout).expect("JSON")
}

/// Waits until `status` tells so, and gives what it tells.
#[track_caller]
fn wait_for(data: &Data, so: impl Fn(&Value) -> bool) -> Value {
    let mut told = Value::Null;
    wait_until(PATIENCE, || {
        // The file may not be there yet.
        let outcome = Outcome::run(&["status", "--data", &data.path(), "--format", "json"]);
        told = serde_json::from_str(&outcome.stdout).unwrap_or_default();
        !told.is_null() && so(&told)
    });
    told
}

fn wait_for_state(data: &Data, state: &str) -> Value {
    wait_for(data, |told| told["state"] == state)
}

/// The moment in this field.
#[track_caller]
fn moment(told: &Value, field: &str) -> SystemTime {
    let text = told[field].as_str();
    let text = text.unwrap_or_else(|| panic!("no {field} in {told}"));
    humantime::parse_rfc3339(text).expect("a moment")
}
