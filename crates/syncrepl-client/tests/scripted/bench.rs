//! A store, the callback that checks what it is told, and refreshes from scripted providers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use syncrepl_client::{
    Builder, Callback, CallbackResult, Cursor, Error, Items, Limits, RULES, Record, Result, Store,
    Syncrepl, SyncreplMode,
};
use syncrepl_testing::StrictMap;
use tempfile::TempDir;

use crate::fake::{Fake, Step};
use crate::story::{BASE, add, done};

/// The callback: one line an event, and a map by DN that every event must fit. The values of the map
/// are the descriptions.
#[derive(Debug, Default)]
pub struct Told {
    pub events: Vec<String>,
    pub map: StrictMap<String, String>,
}

impl Told {
    /// Whether this event was told.
    pub fn heard(&self, event: &str) -> bool {
        self.events.iter().any(|told| told == event)
    }

    /// Whether the map of the last commit has this DN.
    pub fn holds(&self, dn: &str) -> bool {
        self.map.committed().contains_key(dn)
    }

    /// Whether the map of the last commit has these DNs and no other, in order.
    pub fn holds_only(&self, dns: &[&str]) -> bool {
        self.map.committed().keys().eq(dns.iter().copied())
    }
}

fn text(record: &Record<'_>) -> String {
    let value = record
        .attrs()
        .values("description")
        .next()
        .unwrap_or_default();
    String::from_utf8_lossy(value).into_owned()
}

/// A DN without the base.
pub fn short(dn: &str) -> &str {
    dn.strip_suffix(BASE).unwrap_or(dn).trim_end_matches(',')
}

impl Callback for Told {
    fn record_add(&mut self, record: &Record<'_>, _: &Cursor<'_>) -> CallbackResult {
        self.events.push(format!("add {}", short(record.dn())));
        self.map.add(record.dn().to_owned(), text(record)).unwrap();
        Ok(())
    }

    fn record_delete(&mut self, record: &Record<'_>, _: &Cursor<'_>) -> CallbackResult {
        self.events.push(format!("delete {}", short(record.dn())));
        let told = text(record);
        self.map.delete(record.dn(), |held| *held == told).unwrap();
        Ok(())
    }

    fn record_rename(
        &mut self,
        old_dn: &str,
        record: &Record<'_>,
        _: &Cursor<'_>,
    ) -> CallbackResult {
        let dn = record.dn();
        self.events
            .push(format!("rename {} {}", short(old_dn), short(dn)));
        self.map
            .rename(old_dn, dn.to_owned(), |_| true, |held| held)
            .unwrap();
        Ok(())
    }

    fn record_change(
        &mut self,
        old: &Record<'_>,
        new: &Record<'_>,
        _: &Cursor<'_>,
    ) -> CallbackResult {
        self.events.push(format!("change {}", short(new.dn())));
        let was = text(old);
        self.map
            .change(new.dn().to_owned(), |held| *held == was, text(new))
            .unwrap();
        Ok(())
    }

    fn refresh_done(&mut self, items: &Items<'_>, _: &Cursor<'_>) -> CallbackResult {
        assert_eq!(items.len(), self.map.now().len() as u64);
        self.events.push("done".to_owned());
        Ok(())
    }

    fn committed(&mut self) {
        self.map.commit();
    }
}

/// A store and what was told of it.
pub struct Bench {
    folder: TempDir,
    pub told: Told,
    /// Whether the next provider is another node than the last.
    pub other_node: bool,
}

impl Bench {
    pub fn new() -> Self {
        Bench {
            folder: TempDir::new().expect("a folder"),
            told: Told::default(),
            other_node: false,
        }
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("copy.db")
    }

    /// A copy after a first refresh in which the provider sent these entries.
    pub fn with(
        vendor: &'static str,
        cookie: &'static str,
        entries: &[(u8, &'static str)],
    ) -> Self {
        let mut bench = Bench::new();
        let mut script: Vec<_> = entries.iter().map(|(n, dn)| add(*n, dn)).collect();
        script.push(done(cookie));
        bench
            .refresh(&Fake::start(vendor, vec![script]))
            .expect("the first refresh");
        bench.told.events.clear();
        bench
    }

    /// A further refresh in which nothing is new. Then the DNs that the refresh before stated are no
    /// longer of different moments.
    pub fn settled(mut self, cookie: &'static str) -> Self {
        self.refresh(&Fake::plays([done(cookie)]))
            .expect("a refresh without changes");
        self.told.events.clear();
        self
    }

    /// One refresh. An error makes void what was told in it, as it does for a user who reads by
    /// commits.
    pub fn refresh(&mut self, fake: &Fake) -> Result<()> {
        self.run(fake, SyncreplMode::RefreshOnly, as_it_is)
    }

    /// One refresh from a slapd that sends this, and whose searches show these entries.
    pub fn refresh_from<const N: usize>(&mut self, script: [Step; N], shows: &[(u8, &str)]) {
        let fake = Fake::plays(script);
        fake.shows(shows);
        self.refresh(&fake).unwrap();
    }

    /// One run in either mode, with a builder changed by `with`.
    pub fn run(&mut self, fake: &Fake, mode: SyncreplMode, with: impl With) -> Result<()> {
        if !self.other_node {
            self.take_for_the_same_node(fake);
        }
        let builder = consumer(self.data(), &mut self.told).mode(mode);
        let result = with(builder.ldap_url(fake.url()))
            .connect()
            .and_then(|mut client| client.run());
        if result.is_err() {
            self.told.map.roll_back();
        }
        self.assert_copy_is_told();
        result
    }

    /// Connects for one refresh, and lends the client.
    pub fn with_client(
        &mut self,
        fake: &Fake,
        with: impl With,
        run: impl FnOnce(&mut Syncrepl<&mut Told>),
    ) {
        let builder = consumer(self.data(), &mut self.told).mode(SyncreplMode::RefreshOnly);
        let mut client = with(builder.ldap_url(fake.url()))
            .connect()
            .expect("a connection");
        run(&mut client);
        drop(client);
        self.told.map.roll_back();
        self.assert_copy_is_told();
    }

    /// Connects for refreshAndPersist.
    pub fn connect(&mut self, fake: &Fake) -> Syncrepl<&mut Told> {
        consumer(self.data(), &mut self.told)
            .mode(SyncreplMode::RefreshAndPersist)
            .ldap_url(fake.url())
            .connect()
            .expect("a connection")
    }

    /// Follows until `until` holds of what was told, then unbinds.
    pub fn follow_until(&mut self, fake: &Fake, with: impl With, until: impl Fn(&Told) -> bool) {
        let builder = consumer(self.data(), &mut self.told)
            .mode(SyncreplMode::RefreshAndPersist)
            .ldap_url(fake.url());
        let mut client = with(builder).connect().expect("a connection");
        poll_until(&mut client, |told| until(told)).expect("no error while it waits");
        client.unbind().expect("a farewell");
        self.assert_copy_is_told();
    }

    /// Each fake listens on a port of its own, but most scenarios have one server: tells the store
    /// that this fake is the node it knows. A test about another node sets `other_node`.
    pub fn take_for_the_same_node(&self, fake: &Fake) {
        if !self.data().exists() {
            return;
        }
        let store =
            syncrepl_client::rusqlite::Connection::open(self.data()).expect("the file opens");
        store
            .execute(
                "UPDATE syncrepl_settings SET value = CAST(? AS BLOB) WHERE name = 'syncrepl_node'",
                [format!("ldap://127.0.0.1:{}#", fake.port)],
            )
            .expect("the settings can be written");
    }

    pub fn assert_copy_is_told(&self) {
        assert_eq!(copy(&self.data()), *self.told.map.now());
    }

    /// The DNs of the copy, in order.
    pub fn held(&self) -> Vec<String> {
        copy(&self.data()).into_keys().collect()
    }

    pub fn cookie(&self) -> Option<String> {
        let cookie = Store::open(self.data())
            .and_then(|store| store.status())
            .expect("status")
            .cookie;
        cookie.map(|cookie| String::from_utf8_lossy(&cookie).into_owned())
    }

    /// The events since the last call.
    pub fn events(&mut self) -> Vec<String> {
        std::mem::take(&mut self.told.events)
    }
}

/// A consumer as these tests want it. `SYNCREPL_WITHOUT=RULE` takes a rule of the change logic out, to
/// see which tests notice.
pub fn consumer(data: PathBuf, told: &mut Told) -> Builder<&mut Told> {
    let without = std::env::var("SYNCREPL_WITHOUT").ok().map(|name| {
        let row = RULES.iter().find(|row| row.name == name);
        row.expect("a rule of changes/rules.rs").rule
    });
    let limits = Limits {
        without,
        ..Limits::DEFAULT
    };
    // A vendor that is refused plays some histories that others may play too.
    Syncrepl::builder(data, told)
        .limits(limits)
        .any_server(true)
}

/// A change to the builder of a consumer.
pub trait With: for<'t> Fn(Builder<&'t mut Told>) -> Builder<&'t mut Told> {}

impl<F: for<'t> Fn(Builder<&'t mut Told>) -> Builder<&'t mut Told>> With for F {}

/// No change to the builder.
pub fn as_it_is(builder: Builder<&mut Told>) -> Builder<&mut Told> {
    builder
}

/// The descriptions in a copy, by DN.
pub fn copy(data: &Path) -> BTreeMap<String, String> {
    let mut map = BTreeMap::new();
    let store = Store::open(data).expect("the store opens");
    store
        .records(|record| {
            assert_eq!(
                map.insert(record.dn().to_owned(), text(record)),
                None,
                "a DN twice"
            );
            Ok(std::ops::ControlFlow::Continue(()))
        })
        .expect("records");
    map
}

/// Polls until `until` holds, with a deadline.
pub fn poll_until(
    client: &mut Syncrepl<&mut Told>,
    mut until: impl FnMut(&mut Told) -> bool,
) -> Result<(), Error> {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !until(client.callback()) {
        assert!(
            Instant::now() < deadline,
            "told: {:?}",
            client.callback().events
        );
        let goes_on = client.poll(Duration::from_millis(50))?;
        assert!(
            goes_on || until(client.callback()),
            "the run ended; told: {:?}",
            client.callback().events
        );
    }
    Ok(())
}
