//! The life of a consumer, from one connection to the next. After an error or a panic, this file
//! rolls the open transaction back.

use std::time::{Duration, Instant};

use super::connect::{none_can_be_used, not_connected};
use super::settings::Settings;
use super::state::{Connected, Consumer, Run, State};
use super::turn::After;
use crate::callback::Callback;

use crate::error::{Error, ErrorKind, Result};
use crate::stop::{LONGEST_WAIT, StopHandle};
use crate::store::Writer;

/// A consumer without its callback.
pub(super) struct Engine {
    consumer: Consumer,
    state: State,
    /// True during a poll. Still true at the next poll: a callback panicked.
    polling: bool,
}

impl Engine {
    pub(super) fn open(
        settings: Settings,
        writer: Writer,
        stop: StopHandle,
        reconcile: bool,
    ) -> Result<Self> {
        Ok(Engine {
            consumer: Consumer::open(settings, writer, stop, reconcile)?,
            state: State::Idle,
            polling: false,
        })
    }

    pub(super) fn consumer(&self) -> &Consumer {
        &self.consumer
    }

    pub(super) fn consumer_mut(&mut self) -> &mut Consumer {
        &mut self.consumer
    }

    pub(super) fn connected(&self) -> Option<&Connected> {
        match &self.state {
            State::Connected(on) => Some(on),
            State::Idle | State::Finished => None,
        }
    }

    /// Tries the servers in the order of the list, beginning after the one that failed.
    pub(super) fn reconnect(&mut self, callback: &mut dyn Callback) -> Result<()> {
        self.abandon();
        self.state = State::Idle;
        self.polling = false;
        // While no server answers, nothing else would notice.
        self.consumer.writer.check_files()?;
        self.consumer.read_again()?;
        let mut failures = self.consumer.find_servers()?;
        let count = self.consumer.settings.servers.len();
        for _ in 0..count {
            let server = self.consumer.next_server % count;
            let Err(error) = self.connect_to(server, callback) else {
                self.consumer.next_server = server;
                return Ok(());
            };
            self.consumer.writer.rollback();
            if !error.is_retryable() || self.consumer.stop.requests() > 0 {
                self.consumer.report.failed(&error);
                return Err(error);
            }
            self.consumer.next_server = server + 1;
            failures.push(error);
        }
        let error = none_can_be_used(failures);
        self.consumer.report.failed(&error);
        Err(error)
    }

    pub(super) fn poll(&mut self, timeout: Duration, callback: &mut dyn Callback) -> Result<bool> {
        if std::mem::replace(&mut self.polling, true) {
            // A callback panicked. The transaction holds a change that the callback did not take
            // in: roll it back.
            self.abandon();
        }
        let deadline = self.consumer.now() + timeout.min(LONGEST_WAIT);
        let result = self.poll_until(deadline, callback);
        self.polling = false;
        if let (Err(error), State::Connected(on)) = (&result, &self.state) {
            let servers = self.consumer.settings.servers.len();
            self.consumer.next_server = (on.link.server + 1) % servers;
            self.consumer.failed_at = on.link.connection.address();
            self.consumer.note_heartbeat(&on.link, error);
            self.consumer.note_end(&on.link, error);
            self.consumer.habits[on.link.server].lost();
        }
        if let Err(error) = &result {
            self.abandon();
            if error.kind() == ErrorKind::NoSpace {
                let now = self.consumer.now();
                self.consumer.writer.make_room(now);
            }
            self.consumer.writer.begin_run();
            self.consumer.report.failed(error);
        }
        result
    }

    fn poll_until(&mut self, deadline: Instant, callback: &mut dyn Callback) -> Result<bool> {
        loop {
            let on = match &mut self.state {
                State::Connected(on) => on,
                State::Finished => return Ok(false),
                State::Idle if self.consumer.stop.is_requested() => {
                    let message = "stopped; there is no connection";
                    return Err(Error::new(ErrorKind::Stopped, message));
                }
                State::Idle => return Err(not_connected()),
            };
            let server = on.link.server;
            let consumer = &mut self.consumer;
            let mut run = Run {
                consumer,
                on,
                callback,
            };
            match run.poll_until(deadline)? {
                After::More => return Ok(true),
                After::Finished => {
                    self.abandon();
                    self.state = State::Finished;
                    return Ok(false);
                }
                After::Reconnect => {
                    self.abandon();
                    self.consumer.read_again()?;
                    self.connect_to(server, callback)?;
                }
            }
        }
    }

    fn connect_to(&mut self, server: usize, callback: &mut dyn Callback) -> Result<()> {
        let consumer = &mut self.consumer;
        consumer
            .report
            .connecting(&consumer.settings.servers[server]);
        let link = consumer.establish(server, callback)?;
        consumer.report.refreshing(true);
        self.state = State::Connected(Box::new(Connected::new(link)));
        Ok(())
    }

    /// Rolls the open transaction back and closes the connections.
    pub(super) fn abandon(&mut self) {
        self.consumer.writer.rollback();
        if let State::Connected(_) = self.state
            && let State::Connected(on) = std::mem::replace(&mut self.state, State::Idle)
        {
            on.unbind();
        }
    }
}
