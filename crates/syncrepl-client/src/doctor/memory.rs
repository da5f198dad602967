//! Checks how far back the server remembers changes, which decides what it sends after a break. If
//! the server does not publish that, a refresh with a slightly older cookie shows it.

use syncrepl_proto::cookie;
use syncrepl_proto::message::CANCEL;
use syncrepl_proto::profile::{Memory, Trouble};

use super::{Doctor, Patient, advice};
use crate::connection::Kept;
use crate::engine::trial::{self, Trial};
use crate::error::{ErrorKind, Result};

impl Doctor<'_> {
    pub(super) fn memory(&mut self, patient: &mut Patient, trial: &Trial) -> Result<()> {
        match patient.provider.memory {
            Memory::ShownByOlderCookie => self.session_log(patient, trial),
            Memory::ShownInRootDse => {
                self.changelog(patient);
                self.left_out(patient)
            }
            _ => Ok(()),
        }
    }

    fn session_log(&mut self, patient: &mut Patient, trial: &Trial) -> Result<()> {
        let unknown = "session log: it cannot be seen whether there is one";
        let provider = patient.provider;
        let full = trial.cookie.as_deref().unwrap_or_default();
        for csn in trial.csns.iter().rev() {
            let Some(before) = cookie::set_back(full, csn.as_bytes()) else {
                continue;
            };
            let asked = trial::run(
                &mut patient.connection,
                patient.provider,
                &self.settings.search,
                Some(&before),
                self.settings.refresh_timeout,
            );
            match asked {
                Ok(answer) if answer.required => self.warn(
                    "session log: it does not reach back to the change before the last one",
                    &[&advice::keep_more(provider)],
                ),
                Ok(answer) if answer.present => self.warn(
                    "session log: none that knows the last change",
                    &[advice::full(provider, Trouble::ChangesNotRemembered)],
                ),
                // The search does not show the entries that changed since. Go back by one more
                // change.
                Ok(answer) if !answer.tells() => continue,
                Ok(_) => self.deletes(patient, full)?,
                Err(error) if error.kind() == ErrorKind::Refused => {
                    self.warn(format!("{unknown}: {}", error.without_hint()), &[]);
                }
                Err(error) => return Err(error),
            }
            return Ok(());
        }
        self.warn(
            format!("{unknown}: no two changes are shown to this identity (entryCSN)"),
            &[&provider.hints(Trouble::MemoryUnseen)],
        );
        Ok(())
    }

    /// Checks that the server knows which deletes it has forgotten. It has just answered a cookie, so it can
    /// be asked with an older one.
    fn deletes(&mut self, patient: &mut Patient, kept: &[u8]) -> Result<()> {
        let provider = patient.provider;
        let settings = self.settings;
        let claims = trial::claims_to_know_all_deletes(
            &mut patient.connection,
            provider,
            &settings.search,
            kept,
            settings.refresh_timeout,
        )?;
        match claims {
            Some(true) => self.warn(
                "session log: after a break the server leaves deletes out that it does not remember, so the \
                 entryUUIDs of all entries are compared",
                &[&provider.hints(Trouble::DeletesLeftOut)],
            ),
            _ => self.good("session log: after a break the server sends what changed, no more"),
        }
        Ok(())
    }

    fn changelog(&mut self, patient: &Patient) {
        let provider = patient.provider;
        match patient.root.changes {
            Some((first, last)) => self.good(format!(
                "changelog: it remembers {} changes, {first} to {last}{}",
                last.saturating_sub(first).saturating_add(1),
                advice::in_brackets(provider, Trouble::MemoryTooShort)
            )),
            None => self.warn(
                "changelog: it is not shown how far it reaches back, so every refresh compares everything",
                &[&provider.hints(Trouble::MemoryUnseen)],
            ),
        }
    }

    /// Checks whether the changelog leaves changes out, by its configuration or else by what counts
    /// writes.
    fn left_out(&mut self, patient: &mut Patient) -> Result<()> {
        let provider = patient.provider;
        let Some(changelog) = provider.changelog else {
            return Ok(());
        };
        let search = &self.settings.search;
        let matters = |name: &str| search.looks_at(name);
        let (connection, root) = (&mut patient.connection, &patient.root);
        let kept = match connection.started(&changelog)? {
            Some(started) => connection.kept(&changelog, &started, root, &search.base, &matters)?,
            None => Kept::Unknown,
        };
        let counts = connection.counts(&changelog, root)?;
        let grant = provider.hints(Trouble::LeftOutUnseen);
        match (kept, counts) {
            (Kept::All, _) => self.good("changelog: it leaves nothing out"),
            (Kept::Some(lines), _) => self.warn(
                format!(
                    "changelog: it leaves changes out ({}): each start compares everything if anything was written",
                    lines.join(", ")
                ),
                &[&provider.hints(Trouble::ChangesLeftOut)],
            ),
            (Kept::Unknown, Some(_)) => self.warn(
                "changelog: not shown whether it leaves changes out; each start counts what was written",
                &[&format!("to compare everything less often, {grant}")],
            ),
            (Kept::Unknown, None) => self.warn(
                "changelog: not shown whether it leaves changes out: each start compares everything",
                &[&grant],
            ),
        }
        Ok(())
    }

    pub(super) fn cancel(&mut self, patient: &Patient) {
        let extensions = &patient.root.supported_extensions;
        if extensions.iter().any(|oid| oid == CANCEL) {
            self.good("cancel: the server knows it (RFC 3909)");
        } else if extensions.is_empty() {
            self.warn("cancel: not shown whether the server knows it", &[]);
        } else {
            self.warn(
                "cancel: the server does not know it (RFC 3909)",
                &["nothing to do: follow is stopped by closing the connection"],
            );
        }
    }
}
