//! A receiver of your own over HTTP: `https://…`, or `http://…` on this machine.
//!
//! Each request is a POST of one CloudEvent, or of several with `batch`. The events are safe when the receiver
//! answers with a 2xx status. `answer` says what the other statuses mean.

mod agent;
mod answer;
mod parcel;
mod secrets;
mod url;

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use syncrepl_relay::{Batch, Event, Owner, Position, Sent, Sink, SinkError, SinkResult};
use uuid::Uuid;

use crate::kind::{Kind, Target, Unfit};
use crate::secret::Secret;
use crate::timeout::Timeout;
use crate::tls::TlsFiles;
use agent::Agent;
use parcel::{Parcel, Unanswered};
use url::Url;

pub(crate) const KIND: Kind = Kind {
    name: "a webhook",
    schemes: &["https://", "http://"],
    keys: &[
        "allow_clear",
        "batch",
        "ca_file",
        "cert_file",
        "headers_file",
        "key_file",
        "secret_file",
        "timeout",
        "token_file",
    ],
    place: |target| Ok(Url::of(target)?.place()),
    make,
};

/// The most events in a request.
const MOST: usize = 1000;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Options {
    allow_clear: bool,
    batch: Option<usize>,
    timeout: Timeout,
    secret_file: Option<PathBuf>,
    token_file: Option<PathBuf>,
    headers_file: Option<PathBuf>,
    ca_file: Option<PathBuf>,
    cert_file: Option<PathBuf>,
    key_file: Option<PathBuf>,
}

/// What the configuration says, without the content of its files.
pub(super) struct Settings {
    url: Url,
    timeout: Duration,
    secret: Option<Secret>,
    token: Option<Secret>,
    headers: Option<Secret>,
    tls: TlsFiles,
}

fn make(target: &Target) -> Result<Box<dyn Sink>, Unfit> {
    let options: Options = target.options()?;
    let url = Url::of(target)?;
    if url.is_clear() && !url.is_loopback() && !options.allow_clear {
        return Err(Unfit::new(format!("{} is not encrypted", url.origin()))
            .with_hint("write https://, or allow_clear = true if others may read the events"));
    }
    if options
        .batch
        .is_some_and(|batch| !(1..=MOST).contains(&batch))
    {
        return Err(Unfit::new(format!("batch is none of 1 to {MOST}")));
    }
    Ok(Box::new(Webhook {
        batch: options.batch,
        settings: Settings {
            url,
            timeout: options.timeout.0,
            secret: options.secret_file.map(Secret::file),
            token: options.token_file.map(Secret::file),
            headers: options.headers_file.map(Secret::file),
            tls: TlsFiles {
                ca_file: options.ca_file,
                cert_file: options.cert_file,
                key_file: options.key_file,
            },
        },
        source: Uuid::nil(),
        agent: None,
        unanswered: Unanswered::default(),
    }))
}

struct Webhook {
    settings: Settings,
    /// `None`: one event a request, not in an array.
    batch: Option<usize>,
    source: Uuid,
    agent: Option<Agent>,
    unanswered: Unanswered,
}

impl Sink for Webhook {
    /// Reads the files anew, since they may have been renewed. It connects with the first request.
    fn open(&mut self, who: &Owner) -> SinkResult<Option<Position>> {
        self.source = who.source;
        self.agent = Some(Agent::new(&self.settings)?);
        Ok(None)
    }

    fn send(&mut self, batch: &Batch<'_>) -> SinkResult<Sent> {
        let events = batch.events;
        let known = self.unanswered.known(events);
        if known > 0 {
            return Ok(accepted(known));
        }
        if let Some(parcel) = self.unanswered.again(events) {
            let answered = self.post(&parcel);
            match &answered {
                // They may be refused because of one of them: the relay's own choice of events goes instead.
                Err(NotTaken::Answered(error)) if is_refused(error) => {}
                _ => return self.heed(parcel, events, answered),
            }
        }
        let parcel = Parcel::of(events, self.source, self.batch.is_some());
        let answered = self.post(&parcel);
        self.heed(parcel, events, answered)
    }

    fn max_batch(&self) -> usize {
        self.batch.unwrap_or(1)
    }

    /// Closes the connection. What is unanswered is remembered.
    fn close(&mut self) {
        self.agent = None;
    }
}

/// Why a request did not succeed.
enum NotTaken {
    /// The receiver said so.
    Answered(SinkError),
    /// It is not known whether the receiver has the events.
    InDoubt(SinkError),
}

impl Webhook {
    fn post(&mut self, parcel: &Parcel) -> Result<(), NotTaken> {
        let origin = self.settings.url.origin();
        let Some(agent) = &mut self.agent else {
            let error = SinkError::passing("network", format!("{origin} is not connected"));
            return Err(NotTaken::Answered(error));
        };
        match agent.post(parcel) {
            Ok(answer) => match answer.error(origin, parcel.len()) {
                None => Ok(()),
                Some(error) if answer.leaves_doubt() => Err(NotTaken::InDoubt(error)),
                Some(error) => Err(NotTaken::Answered(error)),
            },
            Err(failure) => Err(NotTaken::InDoubt(failure.error(&self.settings))),
        }
    }

    /// What the answer to a parcel means for the events that the relay sends now.
    fn heed(
        &mut self,
        parcel: Parcel,
        events: &[Event],
        answered: Result<(), NotTaken>,
    ) -> SinkResult<Sent> {
        match answered {
            Ok(()) => Ok(accepted(self.unanswered.taken(parcel, events))),
            Err(NotTaken::InDoubt(error)) => {
                self.unanswered.remember(parcel);
                Err(error)
            }
            Err(NotTaken::Answered(error)) if is_refused(&error) && parcel.len() == 1 => Ok(Sent {
                accepted: 0,
                refused: Some(error.message().to_owned()),
            }),
            Err(NotTaken::Answered(error)) => Err(error),
        }
    }
}

fn accepted(count: usize) -> Sent {
    Sent {
        accepted: count,
        refused: None,
    }
}

fn is_refused(error: &SinkError) -> bool {
    error.trouble() == syncrepl_relay::Trouble::Refused
}
