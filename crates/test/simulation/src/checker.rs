//! The callback that believes nothing: it replays into a map by DN what the consumer tells it.
//! `judge` compares that map with the true history at every commit.

use std::ops::ControlFlow;

use syncrepl_client::{Callback, CallbackResult, Cursor, Items, Record, Store};
use syncrepl_proto::dn;

use crate::chance::Purpose;
use crate::cookie::Cookie;
use crate::digest::{Counts, Digest};
use crate::directory::Id;
use crate::held::{Held, Map, Reader};
use crate::network::Model;
use crate::readers::Readers;

pub struct Checker {
    pub model: Model,
    /// The reader's state at the last commit.
    pub committed: Reader,
    /// The same with the changes that the consumer has told since.
    open: Reader,
    pub store: Option<Store>,
    /// The number of calls after which one fails.
    pub fail_in: Option<u32>,
    /// How much the consumer told, committed or not.
    pub counts: Counts,
    /// The readers of the journal, if the consumer keeps one.
    pub readers: Option<Readers>,
    /// Everything that the consumer told, and stored at each commit.
    pub digest: Digest,
    /// The open transaction ends a refresh stage.
    refreshed: bool,
}

impl Checker {
    pub fn new(model: Model) -> Self {
        let keeps = model.world().options.journal.is_some();
        Checker {
            readers: keeps.then(Readers::default),
            model,
            committed: Reader::default(),
            open: Reader::default(),
            store: None,
            fail_in: None,
            counts: Counts::default(),
            digest: Digest::default(),
            refreshed: false,
        }
    }

    pub fn finding(&self, what: impl std::fmt::Display) {
        self.model.world().finding(what);
    }

    fn log(&self, what: impl std::fmt::Display) {
        self.model.world().log(what);
    }

    /// Replaces the reader, because the store is another one.
    pub fn reset(&mut self, reader: Reader) {
        self.open = reader.clone();
        self.committed = reader;
    }

    /// Takes back what the consumer told without a commit.
    pub fn forget_open(&mut self) {
        self.open = self.committed.clone();
        self.refreshed = false;
    }

    fn may_fail(&mut self) -> CallbackResult {
        let Some(left) = self.fail_in.as_mut() else {
            return Ok(());
        };
        *left = left.saturating_sub(1);
        if *left > 0 {
            return Ok(());
        }
        self.fail_in = None;
        let mut world = self.model.world();
        world.log("  the callback fails");
        world.facts.faulted = true;
        Err("the callback fails".into())
    }

    /// Lets the readers of the journal read.
    pub fn let_readers_look(&mut self, when: &str) {
        if let (Some(readers), Some(store)) = (&mut self.readers, &self.store) {
            let wrong = self
                .model
                .draw(Purpose::Journal, |rng| readers.look(store, rng));
            for wrong in wrong {
                self.model.world().finding(format_args!("{when}: {wrong}"));
            }
        }
    }

    /// The records and the cookie of this commit. `check_store` compares them with the store.
    fn digest_commit(&mut self) {
        let Reader {
            map,
            cookie,
            commit,
        } = &self.committed;
        self.digest.take("commit", &[&commit.to_be_bytes()]);
        for held in map.values() {
            self.digest.take("record", &held.parts());
        }
        match cookie {
            Some(cookie) => self.digest.take("with", &[cookie]),
            None => self.digest.take("without a cookie", &[]),
        }
    }

    fn key(&self, dn: &str) -> Vec<u8> {
        self.model.world().key(dn)
    }

    /// The copy as it is in the store.
    pub fn stored(&self) -> Map {
        let mut map = Map::new();
        let Some(store) = &self.store else {
            return map;
        };
        let read = store.records(|record| {
            if map
                .insert(self.key(record.dn()), Held::of(record))
                .is_some()
            {
                self.finding(format_args!("the DN {} is stored twice", record.dn()));
            }
            Ok(ControlFlow::Continue(()))
        });
        if let Err(error) = read {
            self.finding(format_args!("the store cannot be read: {error}"));
        }
        map
    }
}

impl Callback for Checker {
    fn refresh_done(&mut self, items: &Items<'_>, _: &Cursor<'_>) -> CallbackResult {
        self.log("    told: refresh_done");
        self.refreshed = true;
        let count = items.len().to_be_bytes();
        self.digest.take("refresh_done", &[&count]);
        if items.len() != self.open.map.len() as u64 {
            self.finding(format_args!("refresh_done with {} items", items.len()));
        }
        self.may_fail()
    }

    fn record_add(&mut self, record: &Record<'_>, _: &Cursor<'_>) -> CallbackResult {
        self.counts.told += 1;
        let held = Held::of(record);
        self.log(format_args!("    told: add {:?} {}", held.id, held.dn));
        self.digest.take("add", &held.parts());
        let id = held.id.unwrap_or(Id::MAX);
        if self.open.map.values().any(|other| other.id == held.id) {
            self.finding(format_args!(
                "{} ({id}) was added and is there already",
                held.dn
            ));
        }
        {
            let mut world = self.model.world();
            let was = world.versions.iter().any(|version| {
                version
                    .shown
                    .get(&id)
                    .is_some_and(|shown| held.may_be_added_as(&shown.attributes))
            });
            let was_there = world.versions.iter().any(|version| {
                version
                    .shown
                    .get(&id)
                    .is_some_and(|shown| dn::same_spelling_aside(&shown.dn, &held.dn))
            });
            if !was || !was_there {
                world.finding(format_args!("{} ({id}) was added and never was", held.dn));
            }
        }
        if let Some(other) = self.open.map.insert(self.key(record.dn()), held) {
            self.finding(format_args!(
                "{} was added and is taken by {:?}",
                other.dn, other.id
            ));
        }
        self.may_fail()
    }

    fn record_delete(&mut self, record: &Record<'_>, _: &Cursor<'_>) -> CallbackResult {
        self.counts.told += 1;
        let held = Held::of(record);
        self.log(format_args!("    told: delete {:?} {}", held.id, held.dn));
        self.digest.take("delete", &held.parts());
        if self.open.map.remove(&self.key(record.dn())) != Some(held.clone()) {
            self.finding(format_args!("{} was deleted and was not there so", held.dn));
        }
        let id = held.id.unwrap_or(Id::MAX);
        let mut world = self.model.world();
        let cookie = self.committed.cookie.as_deref();
        let cookie = cookie.and_then(|bytes| Cookie::parse(world.options.profile, bytes));
        let covered = cookie.map_or(0, |cookie| world.covered(&cookie));
        if world.versions[covered..]
            .iter()
            .all(|version| version.shown.contains_key(&id))
        {
            world.finding(format_args!(
                "{} ({id}) was deleted and never left",
                held.dn
            ));
        }
        drop(world);
        self.may_fail()
    }

    fn record_rename(
        &mut self,
        old_dn: &str,
        record: &Record<'_>,
        _: &Cursor<'_>,
    ) -> CallbackResult {
        self.counts.told += 1;
        self.counts.renames += 1;
        let held = Held::of(record);
        self.log(format_args!(
            "    told: rename {:?} {old_dn} to {}",
            held.id, held.dn
        ));
        self.digest.take("rename", &[old_dn.as_bytes()]);
        self.digest.take("to", &held.parts());
        self.count_false_rename(&held);
        if dn::same_spelling_aside(old_dn, &held.dn) {
            self.finding(format_args!("{old_dn} was renamed to {}", held.dn));
        }
        let before = Held {
            dn: old_dn.to_owned(),
            ..held.clone()
        };
        if self.open.map.remove(&self.key(old_dn)) != Some(before) {
            self.finding(format_args!("{old_dn} was renamed and was not there so"));
        }
        if let Some(other) = self.open.map.insert(self.key(record.dn()), held) {
            self.finding(format_args!(
                "{old_dn} was renamed to {}, taken by {:?}",
                other.dn, other.id
            ));
        }
        self.may_fail()
    }

    fn record_change(
        &mut self,
        old: &Record<'_>,
        new: &Record<'_>,
        _: &Cursor<'_>,
    ) -> CallbackResult {
        self.counts.told += 1;
        let (old, new) = (Held::of(old), Held::of(new));
        self.log(format_args!("    told: change {:?} {}", new.id, new.dn));
        self.digest.take("change", &old.parts());
        self.digest.take("into", &new.parts());
        if old.same_attributes(&new.attributes) || old.dn != new.dn {
            self.finding(format_args!("{} was changed into itself", new.dn));
        }
        self.check_lost(&old, &new);
        let key = self.key(&new.dn);
        let there = self.open.map.insert(key, new.clone());
        let fits = there.is_some_and(|there| {
            there.id == old.id && there.dn == old.dn && there.same_attributes(&old.attributes)
        });
        if !fits {
            self.finding(format_args!("{} was changed and was not there so", new.dn));
        }
        self.may_fail()
    }

    fn cookie_change(&mut self, cookie: &[u8]) -> CallbackResult {
        self.log(format_args!(
            "    told: cookie {}",
            String::from_utf8_lossy(cookie)
        ));
        self.digest.take("cookie", &[cookie]);
        if self.open.cookie.as_deref() == Some(cookie) {
            self.finding("the cookie was told twice");
        }
        self.open.cookie = Some(cookie.to_vec());
        self.may_fail()
    }

    fn commit_pending(&mut self, commit: u64) -> CallbackResult {
        if commit != self.open.commit + 1 {
            self.finding(format_args!("commit {commit} after {}", self.open.commit));
        }
        self.open.commit = commit;
        self.may_fail()
    }

    fn committed(&mut self) {
        self.log(format_args!("    told: committed {}", self.open.commit));
        self.committed = self.open.clone();
        if std::mem::take(&mut self.refreshed) {
            let mut world = self.model.world();
            if world.facts.full {
                world.facts.owed = None;
            }
        }
        self.digest_commit();
        self.check_store("at the commit");
        self.let_readers_look("at the commit");
        self.check_not_ahead();
        self.count_false_names();
    }

    fn debug(&mut self, message: &str) {
        self.log(format_args!("    debug: {message}"));
    }
}
