//! Examines each server as a refresh would meet it, and tells its findings line by line. It stores
//! nothing and changes nothing on the server.

mod access;
mod advice;
mod clock;
mod entries;
mod memory;
mod reach;

use syncrepl_proto::profile::Provider;

use crate::connection::{Connection, RootDse, Server};
use crate::engine::{Settings, none_can_be_used};
use crate::error::{Error, Result};
use crate::record::text::printable;
use crate::remembered::Remembered;
use crate::stop::StopHandle;

/// The verdict of one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// It is as it should be.
    Good,
    /// A refresh works, but this could be better, or could not be checked.
    Warning,
    /// A refresh fails because of it.
    Bad,
}

/// The result of one check, safe to show on a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The server, as a URL.
    pub server: String,
    /// The verdict.
    pub verdict: Verdict,
    /// The check and its result, in one line.
    pub text: String,
    /// The advice: any number of lines, among them lines for a configuration file.
    pub advice: Vec<String>,
}

/// Examines each server. Returns the error that a refresh would end with, if any.
pub(crate) fn examine(
    settings: &mut Settings,
    stored: &Remembered,
    stop: &StopHandle,
    tell: &mut dyn FnMut(&Finding),
) -> Result<()> {
    let (mut failures, mut outcome) = (Vec::new(), None);
    for (domain, error) in settings.find_servers(stop)? {
        tell(&Finding {
            server: domain.to_url().to_string(),
            verdict: Verdict::Bad,
            text: format!("DNS: {}", error.without_hint()),
            advice: error.hint().map(printable).into_iter().collect(),
        });
        failures.push(error);
    }
    let settings = &*settings;
    for server in &settings.servers {
        let mut doctor = Doctor {
            settings,
            stored,
            stop,
            server,
            tell: &mut *tell,
        };
        let result = doctor.examine();
        if stop.is_requested() {
            return result;
        }
        // The first result after which a refresh would not try the next server decides. The loop
        // still examines the other servers.
        match result {
            Err(error) if outcome.is_none() && error.is_retryable() => failures.push(error),
            result => {
                outcome.get_or_insert(result);
            }
        }
    }
    outcome.unwrap_or_else(|| Err(none_can_be_used(failures)))
}

/// One server under examination.
struct Doctor<'a> {
    settings: &'a Settings,
    /// What a store remembers of its copy; nothing without a store.
    stored: &'a Remembered,
    stop: &'a StopHandle,
    server: &'a Server,
    tell: &'a mut dyn FnMut(&Finding),
}

/// A server after a successful bind.
struct Patient {
    connection: Connection,
    root: RootDse,
    provider: Provider,
    /// Our identity by the server; empty if it does not tell.
    authzid: String,
}

impl Doctor<'_> {
    fn examine(&mut self) -> Result<()> {
        let mut patient = self.reach()?;
        self.base(&mut patient)?;
        let trial = self.sync(&mut patient)?;
        // From here on a refresh works. The other checks find what could be better.
        if trial.entries > 0 {
            self.hidden(&mut patient, &trial)?;
            self.identity(&mut patient, &trial)?;
            self.parents(&mut patient, &trial)?;
            self.untold(&patient);
            self.secrets(&mut patient)?;
        }
        self.memory(&mut patient, &trial)?;
        self.cancel(&patient);
        self.clock(&mut patient, &trial)?;
        patient.connection.unbind();
        Ok(())
    }

    fn good(&mut self, text: impl AsRef<str>) {
        self.told(Verdict::Good, text.as_ref(), &[]);
    }

    fn warn(&mut self, text: impl AsRef<str>, advice: &[&str]) {
        self.told(Verdict::Warning, text.as_ref(), advice);
    }

    /// Tells of an error that would end a refresh, with advice besides its own hint.
    fn bad(&mut self, what: &str, error: &Error, advice: &[&str]) {
        let hint = error.hint().filter(|_| advice.is_empty());
        let advice = hint.as_slice().iter().chain(advice).copied();
        let advice: Vec<&str> = advice.collect();
        let text = format!("{what}: {}", error.without_hint());
        self.told(Verdict::Bad, &text, &advice);
    }

    fn told(&mut self, verdict: Verdict, text: &str, advice: &[&str]) {
        let lines = advice.iter().flat_map(|advice| advice.lines());
        (self.tell)(&Finding {
            server: self.server.to_string(),
            verdict,
            text: printable(text),
            advice: lines.map(printable).collect(),
        });
    }
}
