//! `syncrepl status`: says what a data file holds, whether something keeps it up to date, and whether it is
//! current.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use clap::{Parser, ValueEnum};
use serde_json::{Value, json};
use syncrepl_client::journal::JournalState;
use syncrepl_client::{Lag, Status as StoreStatus, Store};

use super::subcommand::{Program, Subcommand};
use crate::exit::{Failure, complain};
use crate::limits::parse_interval;
use crate::output::{json as values, text::printable_bytes};
use crate::state::{self, between, rough, written};

/// Say what the data file holds, and whether it is kept up to date
#[derive(Debug, Parser)]
#[command(
    name = "status",
    after_help = "\
Examples:
  syncrepl status --data people.db
  syncrepl status --data people.db --max-age 5m || echo 'not current'
  syncrepl status --data people.db --data groups.db
  syncrepl status --data people.db --format json | jq .state"
)]
pub(crate) struct Status {
    /// The file that holds the copy. Given more than once, each file gets one line
    #[arg(long, value_name = "FILE", required = true)]
    data: Vec<PathBuf>,

    /// End with exit code 7 if the copy was not confirmed to be current within AGE, such as 5m: nothing keeps
    /// it up to date, or the server does not answer, or the copy is behind
    #[arg(long, value_name = "AGE", value_parser = parse_interval)]
    max_age: Option<Duration>,

    /// The format of the output
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Text that a person reads
    Text,
    /// One JSON object a line
    Json,
}

impl Subcommand for Status {
    const ONLY_PRINTS: bool = true;

    fn run(self, _: Program) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        let mut failures = Vec::new();
        for data in &self.data {
            if let Err(failure) = self.show(&mut out, data) {
                failures.push(failure);
            }
        }
        out.flush()?;
        // The last one is printed by the caller, who takes the exit code from it: a file that cannot be read
        // is worse than one that is old.
        failures.sort_by_key(|failure| matches!(failure, Failure::NotCurrent(_)));
        failures.reverse();
        let last = failures.pop();
        failures
            .iter()
            .for_each(|failure| complain(&failure.to_string()));
        last.map_or(Ok(()), Err)
    }
}

impl Status {
    fn show(&self, out: &mut impl Write, data: &Path) -> Result<(), Failure> {
        let store = Store::open(data)?;
        let (status, journal) = (store.status()?, store.journal()?);
        match (self.format, self.data.len()) {
            (Format::Json, _) => print_json(out, data, &status, &journal)?,
            (Format::Text, 1) => print_text(out, &status, &journal)?,
            (Format::Text, _) => {
                let line = state::line(&status.run, SystemTime::now());
                let name = printable_bytes(data.display().to_string().as_bytes());
                writeln!(out, "{name}: {} entries, {line}", status.entries)?;
            }
        }
        let too_old = |age: &Duration| !status.is_current_within(*age);
        if let Some(age) = self.max_age.filter(too_old) {
            let (run, now) = (&status.run, SystemTime::now());
            let last = match run.confirmed {
                Some(time) => format!("but {} ago", rough(between(time, now))),
                None => "nor ever before".to_owned(),
            };
            let message = format!(
                "{} was not confirmed to be current within {}, {last}; its state is {}",
                data.display(),
                humantime::format_duration(age),
                run.state.name()
            );
            return Err(Failure::NotCurrent(message));
        }
        Ok(())
    }
}

fn print_json(
    out: &mut impl Write,
    data: &Path,
    status: &StoreStatus,
    journal: &JournalState,
) -> io::Result<()> {
    let run = &status.run;
    let time = |time: Option<SystemTime>| time.map(written);
    let line = json!({
        "data": data.display().to_string(),
        "entries": status.entries,
        "url": url(status),
        "authzid": status.authzid,
        "provider": status.provider,
        "cookie": status.cookie.as_deref().map(values::text_or_base64),
        "last_refresh": status.last_refresh,
        "commit": status.commit,
        "commit_time": time(status.committed),
        "state": run.state.name(),
        "since": time(run.since),
        "pid": run.pid.filter(|_| run.state.is_running()),
        "server": run.server,
        "progress": run.progress.map(|progress| {
            json!({"entries": progress.entries, "before": progress.before})
        }),
        "last_contact": time(run.last_contact),
        "confirmed": time(run.confirmed),
        "lag": run.lag.map(lag),
        "last_error": run.last_error.as_ref().map(|error| {
            json!({"message": error.message, "time": written(error.time)})
        }),
        "next_retry": time(run.next_retry),
        "journal": journal.since.map(|since| json!({
            "since": written(since),
            "oldest": time(journal.oldest),
            "head": journal.head.to_string(),
        })),
    });
    values::escaped(out, &line.to_string())?;
    writeln!(out)
}

fn lag(lag: Lag) -> Value {
    match lag {
        Lag::Time(time) => json!({"seconds": time.as_secs()}),
        Lag::Changes(changes) => json!({"changes": changes}),
        _ => json!({"seconds": 0}),
    }
}

fn print_text(
    out: &mut impl Write,
    status: &StoreStatus,
    journal: &JournalState,
) -> io::Result<()> {
    let now = SystemTime::now();
    let ago = |time: SystemTime| format!("{} ({} ago)", written(time), rough(between(time, now)));
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "none yet".to_owned());
    let authzid = match &status.authzid {
        Some(authzid) if authzid.is_empty() => Some("anonymous".to_owned()),
        other => other.clone(),
    };
    let run = &status.run;
    let commits = match status.committed {
        Some(time) => format!("{}, the last at {}", status.commit, ago(time)),
        None => status.commit.to_string(),
    };
    let pid = run.pid.filter(|_| run.state.is_running());
    let error = run.last_error.as_ref();
    let error = error.map(|error| format!("{}: {}", ago(error.time), error.message));
    let cookie = status.cookie.as_deref().map(printable_bytes);
    let always = [
        ("state", state::line(run, now)),
        ("confirmed", or_none(run.confirmed.map(ago))),
        ("entries", status.entries.to_string()),
        ("search", or_none(url(status))),
        ("bound as", or_none(authzid)),
        ("provider", or_none(status.provider.clone())),
        ("cookie", or_none(cookie)),
        ("last refresh", or_none(status.last_refresh.clone())),
        ("commits", commits),
    ];
    let where_known = [
        ("process", pid.map(|pid| pid.to_string())),
        ("server", run.server.clone()),
        ("last contact", run.last_contact.map(ago)),
        ("lag", run.lag.map(state::lag)),
        ("last error", error),
        ("next try", run.next_retry.map(written)),
        (
            "journal",
            journal.since.map(|since| {
                let oldest = journal
                    .oldest
                    .map(|time| format!(", the oldest row of {}", ago(time)));
                format!("on since {}{}", ago(since), oldest.unwrap_or_default())
            }),
        ),
    ];
    let known = where_known
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    for (name, value) in always.into_iter().chain(known) {
        let (name, value) = (format!("{name}:"), printable_bytes(value.as_bytes()));
        writeln!(out, "{name:<14}{value}")?;
    }
    Ok(())
}

/// The search that the file is the copy of.
fn url(status: &StoreStatus) -> Option<String> {
    let url = status.url.as_ref()?;
    Some(url.without_secrets().to_string())
}
