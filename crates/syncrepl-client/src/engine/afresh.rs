//! A refresh that begins anew without a cookie. The reason is that the provider cannot continue
//! from the cookie, that its messages are incomplete, or that a full comparison is due.

use super::restarts::RESTARTS;
use super::state::Run;
use crate::changes::source::Kind;
use crate::changes::stage::Stage;
use crate::error::{Error, ErrorKind, Result};
use crate::store::records::Records;

impl Run<'_> {
    /// Begins the search anew. The stage stays open: it compares the messages to come with what it
    /// already holds.
    pub(super) fn start_again(&mut self, why: &'static str) -> Result<()> {
        self.callback.debug(why);
        if self
            .on
            .stage
            .as_ref()
            .is_none_or(|stage| !stage.is_refresh())
        {
            self.end_group_at_once()?;
            let now = self.now();
            if self.on.restarts.too_often(now) {
                let server = &self.consumer.settings.servers[self.on.link.server];
                return Err(Error::new(
                    ErrorKind::NotReady,
                    format!("{server} asks for one full refresh after the other"),
                )
                .with_hint("its log may say why; name another server, or try later"));
            }
            let kind = Kind::Refresh { cookie_sent: false };
            self.on.stage = Some(self.consumer.open_stage(kind)?);
        }
        let tries = self.on.stage.as_mut().map_or(0, |stage| {
            stage.restart();
            stage.restarts
        });
        Records::new(self.consumer.writer.connection()).unpark_all()?;
        if let Some(journal) = self.consumer.writer.journal() {
            journal.compares();
        }
        if tries > RESTARTS {
            return Err(Error::new(
                ErrorKind::Protocol,
                format!("no refresh came to an end in {RESTARTS} tries: {why}"),
            ));
        }
        self.search_without_cookie()
    }

    /// As `start_again`, for a stage that was about to end.
    pub(super) fn go_on_without_cookie(&mut self, stage: Stage, why: &'static str) -> Result<()> {
        self.on.stage = Some(stage);
        self.start_again(why)
    }

    /// Begins the search anew in the persist stage, if a full comparison is due. Returns false if
    /// that needs another connection.
    pub(super) fn compare_everything(&mut self) -> Result<bool> {
        if !self.consumer.comparison_is_due(self.callback) {
            return Ok(true);
        }
        self.end_group_at_once()?;
        if !self.on.link.provider.heeds_abandon {
            // Only closing the connection stops the provider from sending more.
            return Ok(false);
        }
        self.on.link.heard = self.now();
        self.search_without_cookie()?;
        Ok(true)
    }

    /// Begins the sync search on this connection without a cookie.
    fn search_without_cookie(&mut self) -> Result<()> {
        self.consumer.report.refreshing(false);
        let link = &mut self.on.link;
        link.cookie_sent = false;
        let id = link.connection.next_message_id();
        link.session
            .start(id, &self.consumer.settings.search.request(), None);
        self.send_requests()
    }

    /// Sends the requests that the session has ready.
    pub(super) fn send_requests(&mut self) -> Result<()> {
        let link = &mut self.on.link;
        while let Some(request) = link.session.poll_request() {
            link.connection.send(&request)?;
        }
        Ok(())
    }
}
