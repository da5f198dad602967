//! Where a stream stands: the newest message of ours before which nothing of ours is missing. It is found in the
//! stream alone, so it is right whatever became of our own files.

use std::fmt;
use std::str::FromStr;

use async_nats::Client;
use futures_util::future::try_join_all;
use syncrepl_relay::{Owner, SinkError, SinkResult};

use super::api::{self, Message, Stream};
use super::mark::{self, Batch, Mark};
use super::settings::Settings;
use super::trouble;

/// So many messages are asked for at once.
const AT_ONCE: usize = 64;
/// So many messages of others are passed over in the search for ours.
const MOST_FOREIGN: u64 = 10_000;

/// Where a stream stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Standing {
    /// The sequence of the newest message of ours before which nothing of ours is missing; 0: there is none.
    pub(super) own: u64,
    /// Its position.
    pub(super) position: Option<String>,
    /// There are later ones, but one before them is missing.
    pub(super) torn: bool,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// Messages of ours, or none of any owner.
    Ours(Standing),
    /// The newest message is of this owner.
    Other(String),
}

/// Looks where the stream stands. All before the sequence `whole` is known to be there.
pub(super) async fn find(
    client: &Client,
    settings: &Settings,
    who: &Owner,
    stream: &Stream,
    whole: u64,
) -> SinkResult<Found> {
    let search = Search {
        client,
        settings,
        floor: stream.state.first_seq.max(1),
    };
    let mut newest = api::last(client, settings).await?;
    if let Some(message) = &newest
        && message.mark.is_none()
    {
        newest = search.marked_below(message.seq).await?;
    }
    match newest {
        None => Ok(Found::Ours(Standing::default())),
        Some(message) => match &message.mark {
            Some(mark) if mark.is_of(who) => {
                let standing = search.standing(&message, who, whole).await?;
                Ok(Found::Ours(standing))
            }
            Some(mark) => Ok(Found::Other(shown(mark))),
            None => Ok(Found::Ours(Standing::default())),
        },
    }
}

fn shown(mark: &Mark) -> String {
    trouble::short(&format!("sink {:?} of store {}", mark.sink, mark.source))
}

struct Search<'a> {
    client: &'a Client,
    settings: &'a Settings,
    /// The oldest message that is there.
    floor: u64,
}

impl Search<'_> {
    /// The messages of these sequences, as far as they are there.
    async fn some(&self, from: u64, to: u64) -> SinkResult<Vec<Message>> {
        let asked = (from..=to).map(|seq| api::get(self.client, self.settings, seq));
        let got = try_join_all(asked).await?;
        Ok(got.into_iter().flatten().collect())
    }

    /// The newest message with a mark, below a sequence.
    async fn marked_below(&self, seq: u64) -> SinkResult<Option<Message>> {
        let lowest = self.floor.max(seq.saturating_sub(MOST_FOREIGN));
        let mut top = seq.saturating_sub(1);
        while top >= lowest {
            let from = lowest.max((top + 1).saturating_sub(AT_ONCE as u64));
            let mut some = self.some(from, top).await?;
            while let Some(message) = some.pop() {
                if message.mark.is_some() {
                    return Ok(Some(message));
                }
            }
            top = from - 1;
        }
        if lowest > self.floor {
            let (stream, prefix) = (&self.settings.stream, &self.settings.prefix);
            let text = format!("others write below {prefix} in the stream {stream}");
            return Err(SinkError::manual("foreign", text)
                .with_hint("give this sink a stream of its own, with create = true"));
        }
        Ok(None)
    }

    /// The standing by the newest message of ours.
    async fn standing(&self, newest: &Message, who: &Owner, whole: u64) -> SinkResult<Standing> {
        let batch = newest.mark.as_ref().and_then(|mark| mark.batch);
        let (good, torn) = match batch {
            Some(batch) if newest.seq > whole => self.whole(newest, batch).await?,
            _ => (Some(newest.clone()), false),
        };
        let of_ours = |message: &Message| {
            let mark = message.mark.as_ref().filter(|mark| mark.is_of(who))?;
            Some((message.seq, mark.position.clone()))
        };
        let found = good.as_ref().and_then(of_ours);
        Ok(Standing {
            own: found.as_ref().map_or(0, |(seq, _)| *seq),
            position: found.map(|(_, position)| position),
            torn,
        })
    }

    /// Whether all of a batch is there up to its newest message. If not: the last one before the first that is
    /// missing. A message that was deleted, or has expired, counts as there.
    async fn whole(&self, newest: &Message, batch: Batch) -> SinkResult<(Option<Message>, bool)> {
        let before = match batch.own {
            0 => None,
            own => api::get(self.client, self.settings, own).await?,
        };
        let mut good = before.filter(|message| message.mark.is_some());
        let mut own = batch.own;
        let mut next = batch.first;
        let mut from = batch.first.max(self.floor);
        while from <= newest.seq {
            let to = newest.seq.min(from + AT_ONCE as u64 - 1);
            for message in self.some(from, to).await? {
                let gone = message.seq > next;
                if !(message.mark.is_some() && gone || follows(&message, own, good.as_ref())) {
                    return Ok((good, true));
                }
                (own, next) = (message.seq, message.seq + 1);
                good = Some(message);
            }
            from = to + 1;
        }
        Ok((good, false))
    }
}

/// Whether nothing of ours is missing between a message and the one before it, which has the sequence `own`.
fn follows(message: &Message, own: u64, before: Option<&Message>) -> bool {
    let Some(batch) = message.mark.as_ref().and_then(|mark| mark.batch) else {
        return false;
    };
    if batch.first == message.seq {
        // Its sender had looked.
        return batch.own == own;
    }
    let before = before.filter(|before| before.seq + 1 == message.seq);
    let mark = before.and_then(|before| before.mark.as_ref());
    mark.is_some_and(|mark| mark::trace(&mark.position) == batch.before)
}

/// What has to be known of the stream the next time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Note {
    /// When the stream was made.
    pub(super) created: String,
    /// The sequence of our newest message.
    pub(super) own: u64,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1 {} {}", self.created, self.own)
    }
}

impl FromStr for Note {
    type Err = ();

    fn from_str(text: &str) -> Result<Note, ()> {
        let fields: Vec<&str> = text.split(' ').collect();
        match fields[..] {
            ["1", created, own] => Ok(Note {
                created: created.to_owned(),
                own: own.parse().map_err(|_| ())?,
            }),
            _ => Err(()),
        }
    }
}

impl Note {
    /// Whether the stream still is the one of the note, and has lost nothing at its end: a message that we do not
    /// find there has expired, or was deleted, and need not come again.
    pub(super) async fn holds(
        &self,
        client: &Client,
        settings: &Settings,
        stream: &Stream,
        who: &Owner,
    ) -> SinkResult<bool> {
        if self.created != stream.created || stream.state.last_seq < self.own {
            return Ok(false);
        }
        // Others may have filled up a stream that was shorter for a while.
        let there = api::get(client, settings, self.own.max(1)).await?;
        Ok(there.is_none_or(|message| message.mark.is_some_and(|mark| mark.is_of(who))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(seq: u64, position: &str, batch: &str) -> Message {
        let mark = Mark {
            source: uuid::Uuid::nil(),
            sink: "bus".to_owned(),
            position: position.to_owned(),
            batch: batch.parse().ok(),
        };
        Message {
            seq,
            mark: Some(mark),
        }
    }

    #[test]
    fn message_follows_the_one_whose_position_it_names() {
        let a = message(5, "a", "5.3.0");
        let after_a = format!("5.3.{:x}", mark::trace("a"));
        let b = message(6, "b", &after_a);
        assert!(follows(&a, 3, None) && follows(&b, 5, Some(&a)));
        // Sent twice, on two connections: it does not matter which of the two is there.
        let again = message(6, "b", &format!("4.3.{:x}", mark::trace("a")));
        assert!(follows(&again, 5, Some(&a)));
        // One is missing before each of these.
        assert!(!follows(&a, 4, None) && !follows(&b, 5, Some(&message(5, "x", "5.3.0"))));
        assert!(!follows(&message(7, "c", &after_a), 5, Some(&a)));
        assert!(!follows(&b, 0, None) && !follows(&message(6, "b", ""), 5, Some(&a)));
    }

    #[test]
    fn note_is_read_as_written() {
        let note = Note {
            created: "2026-11-29T10:31:37.042Z".to_owned(),
            own: 42,
        };
        assert_eq!(note.to_string().parse(), Ok(note));
        for text in ["", "1 x", "2 x 3", "1 x y"] {
            assert_eq!(text.parse::<Note>(), Err(()), "{text}");
        }
    }
}
