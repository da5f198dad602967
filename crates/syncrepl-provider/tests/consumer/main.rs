//! A real consumer against the provider. After the next refresh the copy equals the directory,
//! whatever happened before, and so does a map by DN that applies the events.

mod faults;
mod persist;
mod refresh;
mod workload;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use syncrepl_client::{
    Callback, CallbackResult, Cursor, Error, Items, Record, Result, Store, Syncrepl, SyncreplMode,
};
use syncrepl_provider::{Builder, Provider, RefreshStyle};
use syncrepl_testing::StrictMap;
use tempfile::TempDir;

const SOON: Duration = Duration::from_secs(20);
const BASE: &str = "dc=example,dc=com";
const PERSON: (&str, &str) = ("objectClass", "person");

/// The content of an entry: descriptions in lower case, values sorted.
type Content = BTreeMap<String, Vec<Vec<u8>>>;

/// A map by DN. Every event must fit it.
#[derive(Debug, Default, Clone)]
struct Told {
    map: StrictMap<String, Content>,
    events: Vec<String>,
    refreshes: usize,
}

fn content(record: &Record<'_>) -> Content {
    let mut content = Content::new();
    for attribute in record.attrs().iter() {
        let values = content
            .entry(attribute.name.to_ascii_lowercase())
            .or_default();
        values.extend(attribute.values().map(<[u8]>::to_vec));
        values.sort();
    }
    content
}

impl Callback for Told {
    fn record_add(&mut self, record: &Record<'_>, _: &Cursor<'_>) -> CallbackResult {
        self.events.push(format!("add {}", record.dn()));
        let dn = record.dn().to_owned();
        self.map.add(dn, content(record)).unwrap();
        Ok(())
    }

    fn record_delete(&mut self, record: &Record<'_>, _: &Cursor<'_>) -> CallbackResult {
        self.events.push(format!("delete {}", record.dn()));
        let told = content(record);
        self.map.delete(record.dn(), |held| *held == told).unwrap();
        Ok(())
    }

    fn record_rename(
        &mut self,
        old_dn: &str,
        record: &Record<'_>,
        _: &Cursor<'_>,
    ) -> CallbackResult {
        self.events.push(format!("rename {old_dn} {}", record.dn()));
        let dn = record.dn().to_owned();
        self.map.rename(old_dn, dn, |_| true, |held| held).unwrap();
        Ok(())
    }

    fn record_change(
        &mut self,
        old: &Record<'_>,
        new: &Record<'_>,
        _: &Cursor<'_>,
    ) -> CallbackResult {
        self.events.push(format!("change {}", new.dn()));
        let (dn, was) = (new.dn().to_owned(), content(old));
        let change = self.map.change(dn, |held| *held == was, content(new));
        change.unwrap();
        Ok(())
    }

    fn refresh_done(&mut self, items: &Items<'_>, _: &Cursor<'_>) -> CallbackResult {
        assert_eq!(items.len(), self.map.now().len() as u64);
        self.refreshes += 1;
        Ok(())
    }

    fn committed(&mut self) {
        self.map.commit();
    }
}

/// A copy of a provider's directory, and the events told about it.
struct Copy {
    folder: TempDir,
    told: Told,
}

impl Copy {
    fn new() -> Copy {
        Copy {
            folder: TempDir::new().expect("a folder"),
            told: Told::default(),
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("copy.db")
    }

    /// Runs a refresh in this mode. Events that were not committed are dropped.
    fn refresh(&mut self, provider: &Provider, mode: SyncreplMode) -> Result<()> {
        let refreshes = self.told.refreshes;
        let result = self.run(provider, mode, |told, _| told.refreshes > refreshes);
        self.told.map.roll_back();
        result
    }

    /// Connects, polls until `until` holds or the client is done, and stops.
    fn run(
        &mut self,
        provider: &Provider,
        mode: SyncreplMode,
        mut until: impl FnMut(&mut Told, &Provider) -> bool,
    ) -> Result<()> {
        let mut client = Syncrepl::builder(self.data(), &mut self.told)
            .ldap_url(provider.search_url())
            .mode(mode)
            .connect()?;
        let deadline = Instant::now() + SOON;
        loop {
            let more = client.poll(Duration::from_millis(20))?;
            if !more {
                return client.unbind();
            }
            if until(client.callback(), provider) {
                client.stop_handle().please_stop();
            }
            assert!(
                Instant::now() < deadline,
                "told: {:?}",
                client.callback().events
            );
        }
    }

    fn copied(&self) -> BTreeMap<String, (String, Content)> {
        let mut copied = BTreeMap::new();
        let store = Store::open(self.data()).expect("the store opens");
        let each = |record: &Record<'_>| {
            let value = (record.dn().to_owned(), content(record));
            copied.insert(record.uuid().to_string(), value);
            Ok(std::ops::ControlFlow::Continue(()))
        };
        store.records(each).expect("records");
        copied
    }

    #[track_caller]
    fn assert_equals(&self, provider: &Provider) {
        let copied = self.copied();
        assert_eq!(copied, directory(provider), "seed {}", provider.seed());
        let by_dn: BTreeMap<_, _> = copied.into_values().collect();
        assert_eq!(*self.told.map.committed(), by_dn);
    }

    fn events(&mut self) -> Vec<String> {
        std::mem::take(&mut self.told.events)
    }
}

/// The entries of the provider, by entryUUID.
fn directory(provider: &Provider) -> BTreeMap<String, (String, Content)> {
    let entries = provider.entries().into_iter();
    entries
        .map(|entry| {
            let mut content = Content::new();
            for (name, values) in entry.attributes() {
                let mut values: Vec<_> = values.map(<[u8]>::to_vec).collect();
                values.sort();
                content.insert(name.to_ascii_lowercase(), values);
            }
            (entry.uuid().to_string(), (entry.dn().to_owned(), content))
        })
        .collect()
}

/// A provider with two departments of three people each.
fn company() -> Builder {
    let mut builder = Provider::builder();
    for department in ["ou=a", "ou=b"] {
        let parent = format!("{department},{BASE}");
        builder = builder.entry(&parent, [("objectClass", "organizationalUnit")]);
        for person in ["ann", "bob", "cat"] {
            builder = builder.entry(format!("cn={person},{parent}"), [PERSON, ("sn", person)]);
        }
    }
    builder
}

/// Each combination of phase and mode.
fn ways() -> impl Iterator<Item = (RefreshStyle, SyncreplMode)> {
    let styles = [RefreshStyle::PresentPhase, RefreshStyle::DeletePhase];
    styles.into_iter().flat_map(|style| {
        [SyncreplMode::RefreshOnly, SyncreplMode::RefreshAndPersist].map(|mode| (style, mode))
    })
}

/// One change of each kind: add, modify, rename, move of a parent, delete, and delete with a new
/// entry of the same DN.
fn shake(provider: &Provider) {
    use syncrepl_provider::Modification;
    let changes: [std::result::Result<(), syncrepl_provider::Refusal>; 7] = [
        provider
            .add(&format!("cn=dan,ou=a,{BASE}"), [PERSON, ("sn", "dan")])
            .map(drop),
        provider.modify(
            &format!("cn=ann,ou=a,{BASE}"),
            [Modification::replace("sn", ["new"])],
        ),
        provider.delete(&format!("cn=bob,ou=a,{BASE}")),
        provider
            .add(&format!("cn=bob,ou=a,{BASE}"), [PERSON, ("sn", "another")])
            .map(drop),
        provider.rename(&format!("cn=cat,ou=a,{BASE}"), "cn=kat", true, None),
        provider.delete(&format!("cn=cat,ou=b,{BASE}")),
        provider.rename(
            &format!("ou=b,{BASE}"),
            "ou=c",
            true,
            Some(&format!("ou=a,{BASE}")),
        ),
    ];
    for change in changes {
        change.expect("a change");
    }
}

fn error_of(result: Result<()>) -> Error {
    result.expect_err("it cannot have succeeded")
}
