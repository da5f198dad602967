//! How far the copy is behind what the provider knows. With the heartbeat the engine asks, on the same
//! connection, for the newest change of the provider, and compares it with the cookie. The copy *was current*
//! when that was asked, as soon as it holds that change. Where the provider does not show it, the answer to
//! the heartbeat has to do.

use std::time::{Duration, Instant, SystemTime};

use syncrepl_proto::cookie::{self, Form};
use syncrepl_proto::message::{Message, Operation, Scope, SearchRequest};
use syncrepl_proto::profile::Provider;

use super::state::Run;
use crate::connection::{ANY_ENTRY, RootDse, seconds_of_digits};
use crate::error::Result;
use crate::run::Lag;

/// The number of the last change, in the root DSE.
const LAST_NUMBER: &str = "lastChangeNumber";

/// More values are not kept: a provider has one for each of its servers.
const MOST_VALUES: usize = 4096;

/// A change that only has a number need not concern the search. The provider tells those that do within this
/// time.
const TELLS_WITHIN: Duration = Duration::from_secs(10);

/// The newest change of the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Change {
    /// The CSN of the newest change of each server.
    Csns(Vec<Vec<u8>>),
    Number(u64),
    /// The provider does not show it.
    NotShown,
}

/// A question whose answer the copy may not have caught up with.
#[derive(Debug)]
struct Pending {
    asked: SystemTime,
    answered: Instant,
    change: Change,
}

/// What to ask on a connection, and what was answered.
#[derive(Debug)]
pub(super) struct Newest {
    /// The entry and its attribute; `None` if the provider does not show them.
    place: Option<(String, &'static str)>,
    /// The message ID of the open question, and when it was sent.
    asked: Option<(u32, SystemTime)>,
    values: Vec<Vec<u8>>,
    /// When to ask next, if the provider is never silent.
    due: Instant,
    pending: Option<Pending>,
}

/// What a message is to the open question.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answers {
    No,
    Part,
    Whole,
}

impl Newest {
    pub(super) fn of(provider: Provider, root_dse: &RootDse, base: &str, now: Instant) -> Self {
        let context = provider.newest_changes.zip(root_dse.context_of(base));
        let numbered = provider.cookies == Form::Numbered && root_dse.changes.is_some();
        let place = context.map(|(name, context)| (context.to_owned(), name));
        Newest {
            place: place.or(numbered.then(|| (String::new(), LAST_NUMBER))),
            asked: None,
            values: Vec::new(),
            due: now,
            pending: None,
        }
    }

    /// Whether the message belongs to the answer. Takes what it tells.
    pub(super) fn take(&mut self, message: &Message<'_>) -> Answers {
        if self.asked.is_none_or(|(id, _)| id != message.id) {
            return Answers::No;
        }
        match &message.op {
            Operation::SearchResultEntry(entry) => {
                let name = self.place.as_ref().map_or("", |(_, name)| name);
                let room = MOST_VALUES.saturating_sub(self.values.len());
                let values = entry.attributes.values(name).take(room);
                self.values.extend(values.map(<[u8]>::to_vec));
                Answers::Part
            }
            Operation::SearchResultDone(_) => Answers::Whole,
            Operation::SearchResultReference(_) => Answers::Part,
            _ => Answers::No,
        }
    }

    fn answer(&mut self) -> Change {
        let values = std::mem::take(&mut self.values);
        let Some((_, name)) = self.place else {
            return Change::NotShown;
        };
        let number = |value: &[u8]| std::str::from_utf8(value).ok()?.parse().ok();
        match values.first() {
            None => Change::NotShown,
            Some(value) if name == LAST_NUMBER => {
                number(value).map_or(Change::NotShown, Change::Number)
            }
            Some(_) => Change::Csns(values),
        }
    }
}

impl Change {
    /// How far a copy with this cookie is behind. `None` if the two cannot be compared.
    fn lag(&self, cookie: &[u8]) -> Option<Lag> {
        match self {
            Change::NotShown => None,
            Change::Number(newest) => {
                let behind = newest.saturating_sub(cookie::number(cookie)?);
                Some(match behind {
                    0 => Lag::None,
                    behind => Lag::Changes(behind),
                })
            }
            Change::Csns(csns) => {
                let covered: Option<Vec<bool>> =
                    csns.iter().map(|csn| cookie::covers(cookie, csn)).collect();
                if covered?.into_iter().all(|covered| covered) {
                    return Some(Lag::None);
                }
                let seconds = |csn: &str| seconds_of_digits(csn).unwrap_or(0);
                let newest = csns.iter().filter_map(|csn| std::str::from_utf8(csn).ok());
                let newest = newest.map(seconds).max()?;
                let behind = newest.saturating_sub(seconds(cookie::newest_csn(cookie)?));
                Some(Lag::Time(Duration::from_secs(
                    behind.try_into().unwrap_or(0),
                )))
            }
        }
    }
}

impl Run<'_> {
    /// When to ask even though the provider is not silent.
    pub(super) fn newest_due(&self) -> Option<Instant> {
        let newest = &self.on.link.newest;
        let every = self.consumer.settings.heartbeat;
        let on = !every.is_zero() && newest.place.is_some() && newest.asked.is_none();
        on.then(|| newest.due.checked_add(every.saturating_mul(2)))?
    }

    /// Asks for the newest change, unless the last question is open.
    pub(super) fn ask_for_newest(&mut self) -> Result<()> {
        let now = self.now();
        let link = &mut self.on.link;
        link.newest.due = now;
        let (Some((base, attribute)), None) = (&link.newest.place, link.newest.asked) else {
            return Ok(());
        };
        let request = SearchRequest {
            base,
            scope: Scope::Base,
            size_limit: 0,
            time_limit: 0,
            types_only: false,
            filter: ANY_ENTRY,
            attributes: vec![attribute],
        };
        let id = link.connection.next_message_id();
        let request = Message::encode(id, &Operation::SearchRequest(request), &[]);
        link.newest.asked = Some((id, SystemTime::now()));
        link.connection.send(&request)
    }

    /// The answer to the heartbeat has come, which was sent at `asked`.
    pub(super) fn note_alive(&mut self, asked: Instant) {
        let now = self.now();
        let newest = &mut self.on.link.newest;
        let ago = now.saturating_duration_since(asked);
        if newest.place.is_none()
            && let Some(asked) = SystemTime::now().checked_sub(ago)
        {
            newest.pending.get_or_insert(Pending {
                asked,
                answered: now,
                change: Change::NotShown,
            });
        }
    }

    /// The newest change has been answered.
    pub(super) fn note_newest(&mut self) {
        let now = self.now();
        let newest = &mut self.on.link.newest;
        let Some((_, asked)) = newest.asked.take() else {
            return;
        };
        let change = newest.answer();
        if change == Change::NotShown {
            newest.place = None;
        }
        let cookie = self.consumer.cookie.as_deref().unwrap_or_default();
        let lag = change.lag(cookie);
        if newest.pending.as_ref().is_some_and(|pending| {
            let age = now.saturating_duration_since(pending.answered);
            matches!(pending.change, Change::Number(_)) && age >= TELLS_WITHIN
        }) && let Some(pending) = &mut newest.pending
        {
            pending.change = Change::NotShown;
        }
        self.confirm();
        self.on.link.newest.pending.get_or_insert(Pending {
            asked,
            answered: now,
            change,
        });
        self.consumer.report.lags(lag);
        self.confirm();
    }

    /// Notes that the copy was current, if it has caught up with the last answer.
    pub(super) fn confirm(&mut self) {
        // What an open group holds is not in the copy yet.
        if self.on.stage.is_some() || self.on.gap.is_some() {
            return;
        }
        let pending = &mut self.on.link.newest.pending;
        let cookie = self.consumer.cookie.as_deref().unwrap_or_default();
        let Some(asked) = pending.as_ref().and_then(|pending| {
            let caught_up = match pending.change.lag(cookie) {
                None => matches!(pending.change, Change::NotShown),
                Some(lag) => lag == Lag::None,
            };
            caught_up.then_some(pending.asked)
        }) else {
            return;
        };
        *pending = None;
        let consumer = &mut *self.consumer;
        consumer.report.confirmed(asked, &consumer.writer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "20261121205328.954658Z#000000#001#000000";
    const NEW: &str = "20261121205458.000001Z#000000#001#000000";

    #[test]
    fn lag_is_told_in_the_provider_s_own_measure() {
        let cookie = format!("rid=000,csn={OLD}").into_bytes();
        let csns = |csn: &str| Change::Csns(vec![csn.as_bytes().to_vec()]);
        assert_eq!(csns(OLD).lag(&cookie), Some(Lag::None));
        let behind = Some(Lag::Time(Duration::from_secs(90)));
        assert_eq!(csns(NEW).lag(&cookie), behind);
        let cookie = b"host:389#cn=x:dc=x:(a=*)#5";
        assert_eq!(Change::Number(5).lag(cookie), Some(Lag::None));
        assert_eq!(Change::Number(7).lag(cookie), Some(Lag::Changes(2)));
        assert_eq!(Change::Number(7).lag(b"opaque"), None);
        assert_eq!(csns(NEW).lag(b"opaque"), None);
    }

    #[test]
    fn hostile_values_are_no_panic() {
        let cookie = format!("rid=000,csn={OLD}").into_bytes();
        for value in [&b"\xff"[..], b"", b"x#y#z", b"99999999999999Z#0#001#0"] {
            let change = Change::Csns(vec![value.to_vec()]);
            let _ = change.lag(&cookie);
        }
    }
}
