//! The rules of what a provider may be believed, against one that plays a script. Where a test is
//! about a provider's measured behaviour, its name says which.

mod busy;
mod cookies;
mod deletes;
mod fake;
mod fresh;
mod gap;
mod heartbeat;
mod hidden;
mod log;
mod moments;
mod names;
mod nodes;
mod oddities;
mod order;
mod results;
mod schedule;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use fake::{Fake, Step};
use syncrepl_client::{
    Callback, CallbackResult, Cursor, Error, Items, Record, Result, Store, Syncrepl, SyncreplMode,
};
use syncrepl_proto::sync::EntryState;
use tempfile::TempDir;

/// What was told, one word an event, and a map by DN that every event must fit.
#[derive(Debug, Default)]
struct Told {
    events: Vec<String>,
    map: BTreeMap<String, String>,
    /// The map after the last commit.
    committed: BTreeMap<String, String>,
}

fn text(record: &Record<'_>) -> String {
    let value = record
        .attrs()
        .values("description")
        .next()
        .unwrap_or_default();
    String::from_utf8_lossy(value).into_owned()
}

fn short(dn: &str) -> &str {
    dn.strip_suffix(fake::BASE)
        .unwrap_or(dn)
        .trim_end_matches(',')
}

impl Callback for Told {
    fn record_add(&mut self, record: &Record<'_>, _: &Cursor<'_>) -> CallbackResult {
        self.events.push(format!("add {}", short(record.dn())));
        assert_eq!(self.map.insert(record.dn().to_owned(), text(record)), None);
        Ok(())
    }

    fn record_delete(&mut self, record: &Record<'_>, _: &Cursor<'_>) -> CallbackResult {
        self.events.push(format!("delete {}", short(record.dn())));
        assert_eq!(self.map.remove(record.dn()), Some(text(record)));
        Ok(())
    }

    fn record_rename(
        &mut self,
        old_dn: &str,
        record: &Record<'_>,
        _: &Cursor<'_>,
    ) -> CallbackResult {
        self.events
            .push(format!("rename {} {}", short(old_dn), short(record.dn())));
        let value = self.map.remove(old_dn).expect("what is renamed is there");
        assert_eq!(self.map.insert(record.dn().to_owned(), value), None);
        Ok(())
    }

    fn record_change(
        &mut self,
        old: &Record<'_>,
        new: &Record<'_>,
        _: &Cursor<'_>,
    ) -> CallbackResult {
        self.events.push(format!("change {}", short(new.dn())));
        assert_eq!(
            self.map.insert(new.dn().to_owned(), text(new)),
            Some(text(old))
        );
        Ok(())
    }

    fn refresh_done(&mut self, items: &Items<'_>, _: &Cursor<'_>) -> CallbackResult {
        assert_eq!(items.len(), self.map.len() as u64);
        self.events.push("done".to_owned());
        Ok(())
    }

    fn committed(&mut self) {
        self.committed.clone_from(&self.map);
    }
}

/// A store, what was told of it, and the provider of the moment.
struct Bench {
    folder: TempDir,
    told: Told,
    /// Whether the next provider is another node than the last.
    other_node: bool,
}

impl Bench {
    fn new() -> Self {
        Bench {
            folder: TempDir::new().expect("a folder"),
            told: Told::default(),
            other_node: false,
        }
    }

    fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("copy.db")
    }

    /// A first refresh in which the provider sends these entries, each described as itself.
    fn with(vendor: &'static str, cookie: &'static str, dns: &[(u8, &'static str)]) -> Self {
        let mut bench = Bench::new();
        let mut script: Vec<_> = dns
            .iter()
            .map(|(n, dn)| Step::Entry(EntryState::Add, *n, dn, "first"))
            .collect();
        script.push(Step::Done(Some(cookie), true));
        bench
            .refresh(&Fake::start(vendor, vec![script]))
            .expect("the first refresh");
        bench.told.events.clear();
        bench
    }

    /// A further refresh in which nothing is new: what was stated in the one before is certain.
    fn settled(mut self, cookie: &'static str) -> Self {
        let script = vec![Step::Done(Some(cookie), true)];
        self.refresh(&Fake::start("", vec![script]))
            .expect("a refresh without changes");
        self.told.events.clear();
        self
    }

    /// One refresh; what was told before an error is void, as it is for whoever reads by commits.
    fn refresh(&mut self, fake: &Fake) -> Result<()> {
        self.run(fake, SyncreplMode::RefreshOnly, |builder| builder)
    }

    fn run(
        &mut self,
        fake: &Fake,
        mode: SyncreplMode,
        with: impl for<'t> Fn(
            syncrepl_client::Builder<&'t mut Told>,
        ) -> syncrepl_client::Builder<&'t mut Told>,
    ) -> Result<()> {
        let before = self.told.map.clone();
        if !self.other_node {
            self.take_for_the_same_node(fake);
        }
        let builder = Syncrepl::builder(self.data(), &mut self.told).mode(mode);
        let result = with(builder.ldap_url(fake.url()))
            .connect()
            .and_then(|mut client| client.run());
        if result.is_err() {
            self.told.map = before;
        }
        self.assert_copy_is_told();
        result
    }

    /// Follows until that was told.
    fn follow_until(
        &mut self,
        fake: &Fake,
        with: impl for<'t> Fn(
            syncrepl_client::Builder<&'t mut Told>,
        ) -> syncrepl_client::Builder<&'t mut Told>,
        until: impl Fn(&Told) -> bool,
    ) {
        let builder = Syncrepl::builder(self.data(), &mut self.told)
            .mode(SyncreplMode::RefreshAndPersist)
            .ldap_url(fake.url());
        let mut client = with(builder).connect().expect("a connection");
        poll_until(&mut client, |told| until(told)).expect("what is waited for");
        client.unbind().expect("a farewell");
        self.assert_copy_is_told();
    }

    /// Each fake listens on a port of its own. To the store they are one server, as it would be in
    /// a scenario with one; who tests what comes with another node sets `other_node`.
    fn take_for_the_same_node(&self, fake: &Fake) {
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

    fn assert_copy_is_told(&self) {
        assert_eq!(copy(&self.data()), self.told.map);
    }

    fn cookie(&self) -> Option<String> {
        let cookie = Store::open(self.data())
            .and_then(|store| store.status())
            .expect("status")
            .cookie;
        cookie.map(|cookie| String::from_utf8_lossy(&cookie).into_owned())
    }

    fn events(&mut self) -> Vec<String> {
        std::mem::take(&mut self.told.events)
    }
}

fn copy(data: &Path) -> BTreeMap<String, String> {
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
fn poll_until(
    client: &mut Syncrepl<&mut Told>,
    mut until: impl FnMut(&mut Told) -> bool,
) -> Result<(), Error> {
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while !until(client.callback()) {
        assert!(
            std::time::Instant::now() < deadline,
            "told: {:?}",
            client.callback().events
        );
        if !client.poll(Duration::from_millis(50))? {
            break;
        }
    }
    Ok(())
}
