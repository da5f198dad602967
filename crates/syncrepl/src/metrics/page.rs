//! The page for Prometheus, in its text format. It holds numbers only, and no text that came from a server.

use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use syncrepl_client::{Lag, RunState, RunStatus, Status};

/// The states, each a line that is 1 or 0.
const STATES: [RunState; 4] = [
    RunState::Connecting,
    RunState::Refreshing,
    RunState::Following,
    RunState::Waiting,
];

/// One kind of metric: its name, its type, its help and its value; without a value the metric is left out.
type Metric = (&'static str, &'static str, &'static str, Option<f64>);

pub(super) fn page(status: &Status) -> String {
    let mut page = format!(
        "# HELP syncrepl_build_info The version.\n# TYPE syncrepl_build_info gauge\n\
         syncrepl_build_info{{version=\"{}\"}} 1\n\
         # HELP syncrepl_state The state of the run: the one with the value 1.\n\
         # TYPE syncrepl_state gauge\n",
        env!("CARGO_PKG_VERSION")
    );
    for state in STATES {
        let is = u8::from(status.run.state == state);
        // Writing to a String cannot fail.
        let _ = writeln!(page, "syncrepl_state{{state=\"{}\"}} {is}", state.name());
    }
    for (name, kind, help, value) in metrics(status) {
        if let Some(value) = value {
            let _ = writeln!(
                page,
                "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}"
            );
        }
    }
    page
}

fn metrics(status: &Status) -> Vec<Metric> {
    let mut all = counts(status);
    all.extend(times(status));
    all.extend(behind(&status.run));
    all
}

const GAUGE: &str = "gauge";
const COUNTER: &str = "counter";

fn number(number: u64) -> Option<f64> {
    Some(number as f64)
}

fn counts(status: &Status) -> Vec<Metric> {
    let run = &status.run;
    vec![
        (
            "syncrepl_entries",
            GAUGE,
            "Entries in the copy.",
            number(status.entries),
        ),
        (
            "syncrepl_commits_total",
            COUNTER,
            "Commits of the copy, over all runs.",
            number(status.commit),
        ),
        (
            "syncrepl_changes_total",
            COUNTER,
            "Changes that this run has told and committed.",
            number(run.changes),
        ),
        (
            "syncrepl_connections_total",
            COUNTER,
            "Connections that this run has made.",
            number(run.connections),
        ),
        (
            "syncrepl_failures_total",
            COUNTER,
            "Failures that ended or prevented a connection of this run.",
            number(run.failures),
        ),
    ]
}

fn times(status: &Status) -> Vec<Metric> {
    let run = &status.run;
    let error = run.last_error.as_ref().map(|error| error.time);
    vec![
        (
            "syncrepl_start_time_seconds",
            GAUGE,
            "When the run began.",
            seconds(run.started),
        ),
        (
            "syncrepl_state_since_seconds",
            GAUGE,
            "Since when the run is in its state.",
            seconds(run.since),
        ),
        (
            "syncrepl_confirmed_timestamp_seconds",
            GAUGE,
            "When the copy was last confirmed to be current; 0 for never.",
            seconds(run.confirmed).or(Some(0.0)),
        ),
        (
            "syncrepl_last_contact_timestamp_seconds",
            GAUGE,
            "When the server was last heard.",
            seconds(run.last_contact),
        ),
        (
            "syncrepl_last_commit_timestamp_seconds",
            GAUGE,
            "When the last commit was made.",
            seconds(status.committed),
        ),
        (
            "syncrepl_last_error_timestamp_seconds",
            GAUGE,
            "When a connection last failed.",
            seconds(error),
        ),
        (
            "syncrepl_next_retry_timestamp_seconds",
            GAUGE,
            "When the run tries again, while it waits.",
            seconds(run.next_retry),
        ),
    ]
}

/// How far the copy is behind, and a refresh has come.
fn behind(run: &RunStatus) -> Vec<Metric> {
    let (seconds_behind, changes_behind) = match run.lag {
        Some(Lag::None) => (Some(0.0), None),
        Some(Lag::Time(time)) => (Some(time.as_secs_f64()), None),
        Some(Lag::Changes(changes)) => (None, number(changes)),
        _ => (None, None),
    };
    vec![
        (
            "syncrepl_lag_seconds",
            GAUGE,
            "How much newer the server's newest change was than the copy's, when it was last asked.",
            seconds_behind,
        ),
        (
            "syncrepl_lag_changes",
            GAUGE,
            "How many changes the server had numbered since the copy's newest; they need not concern the search.",
            changes_behind,
        ),
        (
            "syncrepl_refresh_entries",
            GAUGE,
            "Entries that came in the refresh under way.",
            run.progress.and_then(|progress| number(progress.entries)),
        ),
        (
            "syncrepl_refresh_entries_before",
            GAUGE,
            "Entries in the copy when the refresh under way began.",
            run.progress.and_then(|progress| number(progress.before)),
        ),
    ]
}

fn seconds(time: Option<SystemTime>) -> Option<f64> {
    let since = time?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Some(since.as_millis() as f64 / 1000.0)
}
