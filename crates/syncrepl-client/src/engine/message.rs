//! One message: its meaning for the open stage, and the step that follows it.

use std::time::Instant;

use syncrepl_proto::cookie;
use syncrepl_proto::message::Message;
use syncrepl_proto::profile::Provider;
use syncrepl_proto::session::SyncEvent;

use super::gap::Gap;
use super::heartbeat;
use super::newest::Answers;
use super::refusal::{of_unsupported, speaks_of_consumer_state};
use super::resume::Claim;
use super::state::{Connected, Consumer, Link, Run};
use crate::changes::apply::stopped;
use crate::changes::source::Kind;
use crate::changes::stage::{Stage, Work};
use crate::connection::{Server, not_allowed, notice_of_disconnection, sync_refused, undecodable};
use crate::error::{Error, ErrorKind, Result};

/// The result of looking for a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Took {
    /// No whole message has arrived.
    Nothing,
    Message,
    /// A message that ends the run.
    Last,
}

/// The step after a message. It needs the whole engine, so it comes when the message's bytes are no
/// longer borrowed.
enum Next {
    Nothing,
    EndFullGroup,
    EndRefresh(Claim),
    StartAgain(&'static str),
    Refused(Error),
    Finish,
    /// The heartbeat that was sent then is answered.
    Alive(Instant),
    /// The question for the newest change is answered.
    Newest,
}

impl Run<'_> {
    /// Takes one message that has arrived, if there is one.
    pub(super) fn take_message(&mut self) -> Result<Took> {
        let Some(next) = self.read_message()? else {
            return Ok(Took::Nothing);
        };
        match next {
            Next::Nothing => {}
            Next::Alive(sent) => self.note_alive(sent),
            Next::Newest => self.note_newest(),
            Next::EndFullGroup => self.end_full_group()?,
            Next::EndRefresh(claim) => {
                if self.end_refresh(claim)? {
                    return Ok(Took::Last);
                }
            }
            Next::StartAgain(why) => self.start_again(why)?,
            Next::Refused(error) => return Err(self.why_refused(error)),
            Next::Finish => {
                self.end_group_at_once()?;
                return Ok(Took::Last);
            }
        }
        Ok(Took::Message)
    }

    /// Reads one message into the open stage. Opens a stage if there is none.
    fn read_message(&mut self) -> Result<Option<Next>> {
        let Run {
            consumer,
            on,
            callback,
        } = self;
        let Connected {
            link,
            stage,
            group_began,
            gap,
            told_unkept,
            ..
        } = &mut **on;
        let (refreshing, kind) = (link.session.in_refresh_stage(), kind_of_stage(link));
        let Some(bytes) = link.connection.next_message()? else {
            return Ok(None);
        };
        if refreshing && consumer.stop.requests() > 1 {
            return Err(stopped());
        }
        let message = Message::decode(bytes).map_err(undecodable)?;
        if message.id == 0 {
            return notice_of_disconnection(&message).map_or(Ok(Some(Next::Nothing)), Err);
        }
        if let Some(sent) = heartbeat::answers(&mut link.asked, &message) {
            consumer.habits[link.server].answered();
            return Ok(Some(Next::Alive(sent)));
        }
        match link.newest.take(&message) {
            Answers::No => {}
            Answers::Part => return Ok(Some(Next::Nothing)),
            Answers::Whole => return Ok(Some(Next::Newest)),
        }
        link.answered = true;
        let server = &consumer.settings.servers[link.server];
        let provider = link.provider;
        let event = link
            .session
            .handle_message(&message)
            .map_err(|error| of_unsupported(provider, not_allowed(error, &message.op, server)))?;
        let server = link.server;
        let resumed = refreshing && link.cookie_sent;
        let stage = match stage {
            Some(stage) => stage,
            None => {
                *group_began = consumer.now();
                stage.insert(consumer.open_for(kind, link.provider)?)
            }
        };
        let (mut work, beside) = consumer.work(stage, *callback);
        let server = &beside.settings.servers[server];
        let (received, next) = meaning(event, &mut work, resumed, link.provider, server)?;
        if let Some(received) = received {
            *told_unkept |= !refreshing && cookie::is_of_a_change_not_kept(received);
            note_cookie(stage, gap, consumer.cookie.as_deref(), received);
        }
        Ok(Some(next))
    }
}

/// The kind of the stage that the next message of the provider opens.
fn kind_of_stage(link: &Link) -> Kind {
    match link.session.in_refresh_stage() {
        true => Kind::Refresh {
            cookie_sent: link.cookie_sent,
        },
        false => Kind::Group,
    }
}

impl Consumer {
    /// Opens a stage for the provider's messages. A provider that ignores access control in the
    /// persist stage sends entries that this identity may not see, so the stage looks its entries
    /// up.
    fn open_for(&mut self, kind: Kind, provider: Provider) -> Result<Stage> {
        let mut stage = self.open_stage(kind)?;
        stage.hints.all = kind == Kind::Group && provider.persists_without_access_control;
        stage.hints.as_stored = provider.sends_entries_as_stored;
        stage.hints.refuted |= self.settings.derived;
        stage.hints.telling = self.settings.search.is_telling(provider);
        Ok(stage)
    }
}

/// The cookie of an event, and the step after it. `resumed` says that this is a refresh stage that
/// began with a cookie.
fn meaning<'a>(
    event: SyncEvent<'a>,
    work: &mut Work<'_>,
    resumed: bool,
    provider: Provider,
    server: &Server,
) -> Result<(Option<&'a [u8]>, Next)> {
    let next = match event {
        SyncEvent::RefreshRequired => Next::StartAgain("it asked for a full refresh"),
        SyncEvent::Refused(result) if resumed && speaks_of_consumer_state(provider, &result) => {
            Next::StartAgain("it does not know the cookie's state")
        }
        SyncEvent::Refused(result) => Next::Refused(sync_refused(&result, work.base)),
        SyncEvent::Ended => {
            let message = format!("{server} ended the sync search");
            return Err(Error::new(ErrorKind::Unreachable, message));
        }
        SyncEvent::Cancelled => Next::Finish,
        SyncEvent::RefreshDone {
            cookie,
            absent_is_deleted,
            named_present,
        } => {
            let claim = Claim {
                absent_is_deleted,
                named_present,
            };
            return Ok((cookie, Next::EndRefresh(claim)));
        }
        event => return Ok((work.take(event)?, Next::EndFullGroup)),
    };
    Ok((None, next))
}

/// Notes the cookie of a message. `stored` is the cookie in the store.
fn note_cookie(stage: &mut Stage, gap: &mut Option<Gap>, stored: Option<&[u8]>, received: &[u8]) {
    if stage.is_refresh() {
        stage.server_id = cookie::server_id(received).map(str::to_owned);
        stage.cookie = cookie::after_refresh(received).or(stage.cookie.take());
        return;
    }
    if let Some(gap) = gap {
        gap.came(received);
    }
    let kept = stage.cookie.as_deref().or(stored);
    stage.cookie = cookie::in_persist_stage(kept, received).or(stage.cookie.take());
}
