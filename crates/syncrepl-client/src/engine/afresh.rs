//! A refresh that begins anew without a cookie: because the provider cannot go on from the one it
//! was sent, because what it told is incomplete, or because everything is to be compared.

use super::state::Run;
use crate::changes::source::Kind;
use crate::changes::stage::Stage;
use crate::error::{Error, ErrorKind, Result};
use crate::store::records::Records;

/// How often a refresh may begin anew without a cookie.
const RESTARTS: u32 = 3;

impl Run<'_> {
    /// Begins the search anew. The stage stays open: what was told so far is compared like
    /// everything else.
    pub(super) fn start_again(&mut self, why: &'static str) -> Result<()> {
        self.callback.debug(why);
        if self
            .on
            .stage
            .as_ref()
            .is_none_or(|stage| !stage.is_refresh())
        {
            self.end_group_at_once()?;
            let kind = Kind::Refresh { cookie_sent: false };
            self.on.stage = Some(self.consumer.open_stage(kind)?);
        }
        let tries = self.on.stage.as_mut().map_or(0, |stage| {
            stage.restart();
            stage.restarts
        });
        Records::new(self.consumer.writer.connection()).unpark_all()?;
        if tries > RESTARTS {
            return Err(Error::new(
                ErrorKind::Protocol,
                format!("no refresh came to an end in {RESTARTS} tries: {why}"),
            ));
        }
        self.search_without_cookie()
    }

    /// The same for a stage that was to end.
    pub(super) fn go_on_without_cookie(&mut self, stage: Stage, why: &'static str) -> Result<()> {
        self.on.stage = Some(stage);
        self.start_again(why)
    }

    /// A full comparison is due in the persist stage: begins the search anew. Returns false if that
    /// takes another connection.
    pub(super) fn compare_everything(&mut self) -> Result<bool> {
        if !self.consumer.comparison_is_due(self.callback) {
            return Ok(true);
        }
        self.end_group_at_once()?;
        if !self.on.link.provider.heeds_abandon {
            // What it would go on sending is cut off with the connection.
            return Ok(false);
        }
        self.on.link.heard = self.now();
        self.search_without_cookie()?;
        Ok(true)
    }

    /// Begins the sync search on this connection without a cookie.
    fn search_without_cookie(&mut self) -> Result<()> {
        let link = &mut self.on.link;
        link.cookie_sent = false;
        let id = link.connection.next_message_id();
        link.session
            .start(id, &self.consumer.settings.search.request(), None);
        self.send_requests()
    }

    /// Sends what the session has to say.
    pub(super) fn send_requests(&mut self) -> Result<()> {
        let link = &mut self.on.link;
        while let Some(request) = link.session.poll_request() {
            link.connection.send(&request)?;
        }
        Ok(())
    }
}
