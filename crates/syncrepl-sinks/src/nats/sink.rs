//! The sink: opens a stream, finds out where it stands, and publishes so that each message names the one before.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use syncrepl_relay::{Batch, Event, Owner, Position, Sent, Sink, SinkError, SinkResult};

use super::api::{self, Stream};
use super::link::Link;
use super::publish::{Answer, Window};
use super::settings::Settings;
use super::standing::{self, Found, Note, Standing};
use super::trouble;

/// So many messages of others within a minute came between ours: then a person has to act.
const MOST_CONFLICTS: usize = 20;
const MINUTE: Duration = Duration::from_secs(60);
/// The servers may forget an id somewhat later than they say.
const SLACK: Duration = Duration::from_secs(1);
/// Of the server's largest message, so much is left for headers, and for what the relay reckons differently.
const SPARE: usize = 64 << 10;

/// A sink that writes to a stream of NATS JetStream.
pub(super) struct NatsSink {
    settings: Settings,
    note: Option<Note>,
    open: Option<Open>,
    /// When messages of others came between ours.
    conflicts: VecDeque<Instant>,
    /// Until then the servers may know ids of messages that the stream has not, or not there.
    plain_until: Option<Instant>,
}

/// What is known while there is a connection.
struct Open {
    link: Link,
    who: Owner,
    /// When the stream was made.
    created: String,
    /// The sequence that it ends with.
    last: u64,
    /// The sequence of our newest message before which nothing is missing.
    own: u64,
    /// The most bytes of an event.
    max_event: usize,
    /// How long the servers remember ids.
    window: Duration,
    /// The number of the next answer.
    number: u64,
}

/// How a window ended.
enum Ended {
    All,
    /// After so many the stream ended elsewhere.
    Elsewhere(usize),
    /// The event after so many is too large.
    TooLarge(usize),
}

impl NatsSink {
    pub(super) fn new(settings: Settings) -> NatsSink {
        NatsSink {
            settings,
            note: None,
            open: None,
            conflicts: VecDeque::new(),
            plain_until: None,
        }
    }

    /// Connects, and finds out where the stream stands.
    fn connect(&mut self, who: &Owner) -> SinkResult<Option<Position>> {
        self.open = None;
        let link = Link::open(&self.settings)?;
        let stream = self.stream(&link)?;
        let (standing, other) = self.find(&link, who, &stream)?;
        let position = match other {
            true => Some(Position::START),
            false => self.position(&link, who, &stream, &standing)?,
        };
        self.open = Some(Open {
            max_event: max_event(link.client.max_payload(), stream.config.max_msg_size),
            link,
            who: who.clone(),
            created: stream.created,
            last: stream.state.last_seq.max(standing.own),
            own: standing.own,
            window: Duration::from_nanos(stream.config.duplicate_window),
            number: 0,
        });
        Ok(position)
    }

    /// The stream, made if that is wanted, and checked.
    fn stream(&self, link: &Link) -> SinkResult<Stream> {
        let (settings, name) = (&self.settings, &self.settings.stream);
        let ask = || link.run(settings, api::stream(&link.client, name));
        let mut stream = ask()?;
        if let (None, Some(replicas)) = (&stream, settings.create) {
            link.run(settings, api::create(&link.client, settings, replicas))?;
            stream = ask()?;
        }
        let prefix = &settings.prefix;
        let add = format!(
            "nats stream add {name} --subjects '{prefix}.>' --storage file --retention limits --defaults"
        );
        let manual =
            |text: String, hint: String| Err(SinkError::manual("stream", text).with_hint(hint));
        let Some(stream) = stream else {
            let text = format!("there is no stream {name}");
            return manual(text, format!("`{add}`, or create = true"));
        };
        if stream.config.retention != "limits" {
            let retention = trouble::short(&stream.config.retention);
            let text = format!(
                "the stream {name} has retention {retention:?}: it forgets what consumers have read, and with it our position"
            );
            return manual(text, format!("make another one: `{add}`"));
        }
        if !api::takes(&stream.config.subjects, prefix) {
            let text = format!("the stream {name} does not take {prefix}.>");
            let edit = format!("`nats stream edit {name} --subjects '{prefix}.>'`");
            return manual(text, edit);
        }
        if stream.config.sealed {
            return manual(
                format!("the stream {name} is sealed"),
                "take another one".to_owned(),
            );
        }
        Ok(stream)
    }

    /// Where the stream stands; and whether it is another owner's, which we take over.
    fn find(&self, link: &Link, who: &Owner, stream: &Stream) -> SinkResult<(Standing, bool)> {
        let note = self
            .note
            .as_ref()
            .filter(|note| note.created == stream.created);
        let whole = note.map_or(0, |note| note.own);
        let finding = standing::find(&link.client, &self.settings, who, stream, whole);
        match link.run(&self.settings, finding)? {
            Found::Ours(standing) => Ok((standing, false)),
            Found::Other(_) if who.take_over => Ok((Standing::default(), true)),
            Found::Other(owner) => {
                let name = &self.settings.stream;
                let text = format!("the stream {name} holds events of {owner}");
                Err(SinkError::manual("owner", text)
                    .with_hint("take_over = true, or another stream"))
            }
        }
    }

    /// The position of the target. `None`: what we remember ourselves is right.
    fn position(
        &self,
        link: &Link,
        who: &Owner,
        stream: &Stream,
        found: &Standing,
    ) -> SinkResult<Option<Position>> {
        let told = match &found.position {
            None => None,
            Some(text) => Some(text.parse::<Position>().map_err(|_| {
                SinkError::manual(
                    "position",
                    "the stream has a position that this version cannot read",
                )
                .with_hint("run the version that wrote it, or a newer one")
            })?),
        };
        let Some(note) = &self.note else {
            return Ok(told);
        };
        if found.torn || found.own >= note.own {
            return Ok(told.or(Some(Position::START)));
        }
        let holds = note.holds(&link.client, &self.settings, stream, who);
        match link.run(&self.settings, holds)? {
            true => Ok(None),
            false => Ok(told.or(Some(Position::START))),
        }
    }

    /// Sends events until all are in the stream, or one is too large. Returns how many are there, and whether the
    /// next one is too large.
    fn send_all(&mut self, events: &[Event]) -> SinkResult<(usize, bool)> {
        let mut done = 0;
        // More often than that is for the next time.
        for _ in 0..=MOST_CONFLICTS {
            match self.send_window(&events[done..])? {
                Ended::All => return Ok((events.len(), false)),
                Ended::TooLarge(count) => return Ok((done + count, true)),
                Ended::Elsewhere(count) => done += count,
            }
            self.look_again()?;
        }
        Err(elsewhere())
    }

    /// Sends events once.
    fn send_window(&mut self, events: &[Event]) -> SinkResult<Ended> {
        let plain = self.plain_until.is_some_and(|until| Instant::now() < until);
        let open = self.open.as_mut().ok_or_else(not_open)?;
        let inbox = open.link.inbox.clone();
        let window = Window {
            settings: &self.settings,
            who: &open.who,
            inbox: &inbox,
            number: open.number,
            base: open.last,
            own: open.own,
            plain,
        };
        open.number += events.len() as u64;
        let answers = open
            .link
            .run_with_answers(&self.settings, async |client, answers| {
                window.send(client, answers, events).await
            })?;
        let stored = |answer: &Answer| matches!(answer, Answer::Stored);
        let count = answers.iter().take_while(|answer| stored(answer)).count();
        open.last += count as u64;
        if count > 0 {
            open.own = open.last;
        }
        let mut rest = answers.into_iter().skip(count);
        let Some(first) = rest.next() else {
            return Ok(Ended::All);
        };
        // A message of somebody else took the place of that event, and let later ones pass.
        let torn = rest.any(|answer| stored(&answer));
        if torn || matches!(first, Answer::Double) {
            self.plain_until = Some(Instant::now() + open.window + SLACK);
        }
        match first {
            Answer::TooLarge if !torn => Ok(Ended::TooLarge(count)),
            Answer::Failed(error) => Err(error),
            _ => Ok(Ended::Elsewhere(count)),
        }
    }

    /// After all answers have come, and some said that the stream ends elsewhere: asks it.
    fn look_again(&mut self) -> SinkResult<()> {
        let mut open = self.open.take().ok_or_else(not_open)?;
        let stream = self.stream(&open.link)?;
        if stream.created != open.created {
            return Err(elsewhere());
        }
        self.note = Some(Note {
            created: open.created.clone(),
            own: open.own,
        });
        let (standing, _) = self.find(&open.link, &open.who, &stream)?;
        if standing.own != open.own {
            return Err(elsewhere());
        }
        if stream.state.last_seq != open.last {
            self.count_conflict()?;
        }
        open.last = stream.state.last_seq;
        self.open = Some(open);
        Ok(())
    }

    fn count_conflict(&mut self) -> SinkResult<()> {
        let now = Instant::now();
        let old = |at: &Instant| now.duration_since(*at) > MINUTE;
        while self.conflicts.front().is_some_and(old) {
            self.conflicts.pop_front();
        }
        self.conflicts.push_back(now);
        if self.conflicts.len() <= MOST_CONFLICTS {
            return Ok(());
        }
        self.conflicts.clear();
        let text = format!(
            "others write to the stream {} all the time: each of their messages makes us begin again",
            self.settings.stream
        );
        Err(SinkError::manual("foreign", text)
            .with_hint("give this sink a stream of its own, with create = true"))
    }

    /// While nothing was sent the connection may have been lost. Nothing is in doubt then, so a new one will do,
    /// if the stream stands where it stood.
    fn refresh(&mut self) -> SinkResult<()> {
        let open = self.open.as_ref().ok_or_else(not_open)?;
        if open.link.lost(&self.settings).is_none() {
            return Ok(());
        }
        let (who, created, own) = (open.who.clone(), open.created.clone(), open.own);
        self.connect(&who)?;
        let same = |open: &Open| open.created == created && open.own == own;
        match self.open.as_ref().is_some_and(same) {
            true => Ok(()),
            false => Err(elsewhere()),
        }
    }
}

fn elsewhere() -> SinkError {
    SinkError::passing("elsewhere", "the stream stands elsewhere")
}

fn not_open() -> SinkError {
    SinkError::passing("network", "there is no connection")
}

/// The most bytes of an event: what server and stream take, less what headers need.
fn max_event(max_payload: usize, max_msg_size: i64) -> usize {
    let most = match usize::try_from(max_msg_size) {
        Ok(most @ 1..) => most.min(max_payload),
        _ => max_payload,
    };
    most.saturating_sub(SPARE).max(most / 2)
}

impl Sink for NatsSink {
    fn open(&mut self, who: &Owner) -> SinkResult<Option<Position>> {
        self.connect(who)
    }

    fn send(&mut self, batch: &Batch<'_>) -> SinkResult<Sent> {
        let sent = self.refresh().and_then(|()| self.send_all(batch.events));
        match (sent, &self.open) {
            (Ok((accepted, too_large)), Some(open)) => {
                self.note = Some(Note {
                    created: open.created.clone(),
                    own: open.own,
                });
                let why = || "the event is larger than the server or the stream takes".to_owned();
                Ok(Sent {
                    accepted,
                    refused: too_large.then(why),
                })
            }
            (sent, _) => {
                self.open = None;
                sent.and_then(|_| Err(not_open()))
            }
        }
    }

    fn note(&self) -> Option<String> {
        self.note.as_ref().map(Note::to_string)
    }

    fn set_note(&mut self, note: Option<&str>) {
        self.note = note.and_then(|note| note.parse().ok());
    }

    fn max_batch(&self) -> usize {
        2000
    }

    fn max_event(&self) -> Option<usize> {
        let fallback = max_event(1 << 20, -1);
        Some(self.open.as_ref().map_or(fallback, |open| open.max_event))
    }

    fn close(&mut self) {
        self.open = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_leaves_room_for_headers() {
        assert_eq!(max_event(1 << 20, -1), (1 << 20) - SPARE);
        assert_eq!(max_event(1 << 20, 4096), 2048);
        assert_eq!(max_event(8192, 1 << 30), 4096);
    }
}
