//! The end of a refresh stage: judges whether it was complete, settles it, commits it, and notes it
//! in the store.

use std::time::SystemTime;

use syncrepl_proto::cookie;

use super::deadlines::Due;
use super::gap::{BEGUN_AFTER, Gap};
use super::mode::SyncreplMode;
use super::plain::LAGS;
use super::refusal::not_ready;
use super::resume::Claim;
use super::schedule::Schedule;
use super::state::{Consumer, Run};
use crate::changes::stage::Stage;
use crate::changes::terms::Settled;
use crate::error::Result;
use crate::record::text::identity;
use crate::remembered::Encrypted;
use crate::status;

/// Whether a refresh stage may end.
enum Judged {
    Ends {
        absent_is_deleted: bool,
        /// The node to note in the store.
        node: Option<String>,
    },
    /// The refresh has to begin anew without a cookie, for this reason.
    Again(&'static str),
}

impl Run<'_> {
    /// Ends the refresh stage and commits it, or begins it anew without a cookie. Returns true when
    /// nothing more is to come.
    pub(super) fn end_refresh(&mut self, claim: Claim) -> Result<bool> {
        let Some(mut stage) = self.on.stage.take() else {
            return Ok(false);
        };
        let ended = SystemTime::now();
        let (absent_is_deleted, node) = match self.judge(&mut stage, claim)? {
            Judged::Ends {
                absent_is_deleted,
                node,
            } => (absent_is_deleted, node),
            Judged::Again(why) => {
                self.go_on_without_cookie(stage, why)?;
                return Ok(false);
            }
        };
        self.ask_for_derived(&mut stage);
        let Consumer { carry, writer, .. } = &mut *self.consumer;
        carry.ask(&mut stage, writer, &mut self.on.deadlines)?;
        self.look_at_uncounted(&mut stage);
        let sent = self.on.link.cookie_sent;
        let stored = self.consumer.cookie.as_deref();
        let parents = self.consumer.watch.at_refresh(sent, &stage, stored);
        if let Settled::Incomplete(why) = self.settle(&mut stage, absent_is_deleted, parents)? {
            self.go_on_without_cookie(stage, why)?;
            return Ok(false);
        }
        let count = match sent {
            true => self.consumer.writer.entries(),
            false => self.consumer.writer.count_entries()?,
        };
        let (mut work, _) = self.consumer.work(&mut stage, self.callback);
        work.apply.refresh_done(count)?;
        self.remember_refresh(node)?;
        self.watch_for_a_gap(stage.cookie.as_deref());
        let first = self.consumer.cookie.is_none();
        self.commit_stage(stage, parents)?;
        self.consumer.warnings.tell();
        self.note_current(ended);
        let server = self.on.link.server;
        self.consumer.habits[server].refreshed();
        if first && count == 0 {
            warn_of_nothing_shown(&self.on.link.authzid);
        }
        let Consumer {
            schedule, writer, ..
        } = &mut *self.consumer;
        schedule.read(writer)?;
        self.consumer.reconcile = false;
        Ok(self.consumer.settings.mode == SyncreplMode::RefreshOnly)
    }

    /// The copy holds all that the provider knew when the refresh stage ended.
    fn note_current(&mut self, ended: SystemTime) {
        let Consumer {
            report,
            writer,
            settings,
            ..
        } = &mut *self.consumer;
        if settings.mode == SyncreplMode::RefreshAndPersist {
            report.following();
        }
        report.confirmed(ended, writer);
    }

    /// Judges whether the stage was complete, and whether absent entries are gone.
    fn judge(&mut self, stage: &mut Stage, claim: Claim) -> Result<Judged> {
        let link = &mut self.on.link;
        let sent = link.cookie_sent;
        if let (true, Some(sent), Some(received)) = (sent, &self.consumer.cookie, &stage.cookie)
            && !cookie::same_form(sent, received)
        {
            let why = "its cookies are of another kind than the one it was sent";
            return Ok(Judged::Again(why));
        }
        link.provider = link.provider.or_from_cookie(stage.cookie.as_deref());
        if !sent && stage.cookie.is_none() {
            return Err(not_ready(&self.consumer.settings.servers[link.server]));
        }
        let absent_is_deleted = !sent
            || claim.absent_is_deleted && link.provider.tells_what_is_present(claim.named_present);
        if let Some(why) = self.doubt(stage, claim)? {
            return Ok(Judged::Again(why));
        }
        if self.lags(stage.cookie.as_deref()) {
            return Ok(Judged::Again(LAGS));
        }
        let node = self.node(stage);
        let must_list = !absent_is_deleted
            && (self.is_another_node(node.as_deref())?
                || self.may_leave_deletes_out(stage, node.as_deref())?);
        Ok(match must_list {
            false => Judged::Ends {
                absent_is_deleted,
                node,
            },
            true => {
                let listed = self.list_the_present(stage)?;
                Judged::Ends {
                    absent_is_deleted: listed,
                    node: node.filter(|_| listed),
                }
            }
        })
    }

    /// Notes a refresh in the store, in its transaction.
    fn remember_refresh(&mut self, node: Option<String>) -> Result<()> {
        let (link, writer) = (&self.on.link, &self.consumer.writer);
        let now: String = writer.connection().query_row(
            "SELECT strftime('%Y-%m-%dT%H:%M:%SZ', 'now')",
            [],
            |row| row.get(0),
        )?;
        for (name, value) in [
            (status::URL, self.consumer.settings.url.as_str()),
            (status::AUTHZID, &link.authzid),
            (status::PROVIDER, link.provider.name),
            (status::LAST_REFRESH, &now),
        ] {
            writer.set_setting(name, Some(value.as_bytes()))?;
        }
        self.remember_how()?;
        let writer = &self.consumer.writer;
        if let Some(node) = node {
            writer.set_setting(status::NODE, Some(node.as_bytes()))?;
        }
        self.consumer
            .remember_coverage(link.server, &link.coverage)?;
        self.consumer.forget_ends(link.cookie_sent)?;
        match link.cookie_sent {
            true => Ok(()),
            false => Schedule::write(SystemTime::now(), writer),
        }
    }

    /// Notes in the store how this refresh was made, for the next run to do it again.
    fn remember_how(&self) -> Result<()> {
        let Consumer {
            settings, writer, ..
        } = &*self.consumer;
        let link = &self.on.link;
        let server = &settings.servers[link.server];
        let encrypted = server.host().map(|_| match link.connection.is_encrypted() {
            false => Encrypted::Not,
            true if server.is_ldaps() => Encrypted::Ldaps,
            true => Encrypted::StartTls,
        });
        settings.remember.write(writer, encrypted)
    }

    /// Watches for changes that are missing between this cookie and the persist stage.
    fn watch_for_a_gap(&mut self, cookie: Option<&[u8]>) {
        let persists = self.consumer.settings.mode == SyncreplMode::RefreshAndPersist;
        let misses = self.on.link.provider.misses_changes_between_stages;
        self.on.gap = cookie.filter(|_| misses && persists).and_then(Gap::after);
        if self.on.gap.is_some() {
            let due = self.consumer.settings.options.network.after(BEGUN_AFTER);
            self.on.deadlines.set(Due::Gap, due);
        }
    }
}

/// Warns that the first refresh of a copy has shown no entry. That is no error, but hardly
/// intended.
fn warn_of_nothing_shown(authzid: &str) {
    tracing::warn!(
        "the search shows no entry to {}: is the filter right, and may this identity read there? \
         `syncrepl doctor` tells which",
        identity(authzid)
    );
}
