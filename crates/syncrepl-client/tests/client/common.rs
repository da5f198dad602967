//! A server, a folder for the copy, and callbacks that record each call.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use syncrepl_client::{
    BoundLdap, Builder, Callback, CallbackResult, Cursor, Error, ErrorKind, Items, Record, Result,
    Store, Syncrepl, SyncreplMode,
};
use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};
use syncrepl_testing::{Directory, Entry};
use tempfile::TempDir;

pub const PATIENCE: Duration = Duration::from_secs(30);
pub const SLICE: Duration = Duration::from_secs(5);

/// A callback made from one function, which gets the event in words, and the cursor if there is
/// one.
pub struct On<F>(pub F);

impl<F: FnMut(&str, Option<&Cursor<'_>>) -> CallbackResult> Callback for On<F> {
    fn bind_complete(&mut self, _: &mut BoundLdap<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        (self.0)("bind", Some(cursor))
    }
    fn refresh_done(&mut self, items: &Items<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        (self.0)(&format!("refresh_done {}", items.len()), Some(cursor))
    }
    fn record_add(&mut self, record: &Record<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        (self.0)(&format!("add {}", short(record.dn())), Some(cursor))
    }
    fn record_delete(&mut self, record: &Record<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        (self.0)(&format!("delete {}", short(record.dn())), Some(cursor))
    }
    fn record_rename(
        &mut self,
        old_dn: &str,
        record: &Record<'_>,
        cursor: &Cursor<'_>,
    ) -> CallbackResult {
        let (old, new) = (short(old_dn), short(record.dn()));
        (self.0)(&format!("rename {old} -> {new}"), Some(cursor))
    }
    fn record_change(
        &mut self,
        old: &Record<'_>,
        new: &Record<'_>,
        cursor: &Cursor<'_>,
    ) -> CallbackResult {
        assert_eq!(old.dn(), new.dn());
        assert_eq!(old.uuid(), new.uuid());
        (self.0)(&format!("change {}", short(new.dn())), Some(cursor))
    }
    fn cookie_change(&mut self, cookie: &[u8]) -> CallbackResult {
        assert!(!cookie.is_empty());
        (self.0)("cookie", None)
    }
    fn commit_pending(&mut self, commit: u64) -> CallbackResult {
        (self.0)(&format!("pending {commit}"), None)
    }
    fn committed(&mut self) {
        (self.0)("committed", None).expect("nothing can be refused any more");
    }
}

/// A DN without the suffix that all DNs share.
fn short(dn: &str) -> &str {
    dn.strip_suffix(&format!(",{SUFFIX}")).unwrap_or(dn)
}

/// The recorded events, in words. Clones share one tape.
#[derive(Clone, Default)]
pub struct Tape(Arc<Mutex<Vec<String>>>);

impl Tape {
    pub fn new() -> Self {
        Tape::default()
    }

    pub fn push(&self, line: &str) {
        self.0.lock().unwrap().push(line.to_owned());
    }

    pub fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// The recorded events of entries.
    pub fn changes(&self) -> Vec<String> {
        let verbs = ["add ", "delete ", "rename ", "change "];
        let mut lines = self.lines();
        lines.retain(|line| verbs.iter().any(|verb| line.starts_with(verb)));
        lines
    }

    pub fn has(&self, line: &str) -> bool {
        self.lines().iter().any(|told| told == line)
    }

    /// The number of recorded events that begin with `start`.
    pub fn count(&self, beginning: &str) -> usize {
        let lines = self.lines();
        lines.iter().filter(|l| l.starts_with(beginning)).count()
    }

    pub fn clear(&self) {
        self.0.lock().unwrap().clear();
    }

    /// A callback that records on this tape.
    pub fn callback(&self) -> impl Callback + Send + use<> {
        let tape = self.clone();
        On(move |event: &str, _: Option<&Cursor<'_>>| {
            tape.push(event);
            Ok(())
        })
    }
}

/// A server and the path of a copy.
pub struct Fixture {
    pub server: Slapd,
    pub folder: TempDir,
}

impl Fixture {
    pub fn new() -> Self {
        Fixture::of(Slapd::start(Variant::SessionLog))
    }

    pub fn of(server: Slapd) -> Self {
        Fixture {
            server,
            folder: TempDir::new().unwrap(),
        }
    }

    /// A server with `ou=people` and these persons below it.
    pub fn with(people: &[&str]) -> Self {
        let fixture = Fixture::new();
        fixture.change(&unit("people"));
        for uid in people {
            fixture.change(&person(uid));
        }
        fixture
    }

    pub fn change(&self, ldif: &str) {
        self.server.ldapmodify(ldif).expect("the change applies");
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("copy.db")
    }

    pub fn url(&self) -> String {
        format!("{}/{SUFFIX}??sub", self.server.url())
    }

    pub fn builder<C: Callback>(&self, callback: C) -> Builder<C> {
        Syncrepl::builder(self.data(), callback).ldap_url(self.url())
    }

    /// Runs one refresh, from connecting to the end.
    pub fn try_refresh<C: Callback>(&self, callback: C) -> Result<()> {
        refresh(self.builder(callback))
    }

    pub fn refresh<C: Callback>(&self, callback: C) {
        self.try_refresh(callback).expect("the refresh succeeds");
    }

    /// Runs a refresh, and returns the events of entries.
    pub fn told(&self) -> Vec<String> {
        let tape = Tape::new();
        self.refresh(tape.callback());
        tape.changes()
    }

    pub fn store(&self) -> Store {
        Store::open(self.data()).expect("the store opens")
    }

    pub fn cookie(&self) -> Option<Vec<u8>> {
        self.store().status().unwrap().cookie
    }

    pub fn expected(&self) -> Directory {
        self.server.search(SUFFIX, "(objectClass=*)", &[])
    }
}

pub fn refresh<C: Callback>(builder: Builder<C>) -> Result<()> {
    let mut client = builder.mode(SyncreplMode::RefreshOnly).connect()?;
    client.run()?;
    client.unbind()
}

/// Polls a client in the persist stage until `so` holds.
pub fn poll_until<C: Callback>(client: &mut Syncrepl<C>, mut so: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + PATIENCE;
    while !so() {
        assert!(std::time::Instant::now() < deadline, "it did not come true");
        assert!(client.poll(Duration::from_millis(100)).expect("polling"));
    }
}

/// Polls a client until it fails.
pub fn poll_to_error<C: Callback>(client: &mut Syncrepl<C>) -> Error {
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        assert!(std::time::Instant::now() < deadline, "nothing failed");
        match client.poll(Duration::from_millis(100)) {
            Ok(more) => assert!(more, "it came to an end"),
            Err(error) => return error,
        }
    }
}

/// The records of a store in the form of a directory, to compare with a search.
pub fn records(store: &Store) -> Directory {
    let mut directory = Directory::default();
    store
        .records(|record| {
            let mut attrs = std::collections::BTreeMap::new();
            for attribute in record.attrs().iter() {
                let values: std::collections::BTreeSet<_> =
                    attribute.values().map(<[u8]>::to_vec).collect();
                if !values.is_empty() {
                    attrs.insert(attribute.name.to_lowercase(), values);
                }
            }
            let dn = record.dn().to_owned();
            let entry = Entry { dn, attrs };
            directory.entries.insert(record.uuid().to_string(), entry);
            Ok(std::ops::ControlFlow::Continue(()))
        })
        .expect("reading the records");
    directory
}

pub fn unit(name: &str) -> String {
    format!(
        "dn: ou={name},{SUFFIX}\nchangetype: add\nobjectClass: organizationalUnit\nou: {name}\n\n"
    )
}

pub fn dn(uid: &str) -> String {
    format!("uid={uid},ou=people,{SUFFIX}")
}

pub fn person(uid: &str) -> String {
    format!(
        "dn: {}\nchangetype: add\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {uid}\nsn: {uid}\n\
         userPassword: secret-{uid}\nmail: {uid}@example.com\n\n",
        dn(uid)
    )
}

pub fn describe(uid: &str, text: &str) -> String {
    let value = syncrepl_testing::ldif::line("description", text);
    format!(
        "dn: {}\nchangetype: modify\nreplace: description\n{value}-\n\n",
        dn(uid)
    )
}

pub fn delete(uid: &str) -> String {
    format!("dn: {}\nchangetype: delete\n\n", dn(uid))
}

/// Renames an entry by its full DN.
pub fn rename(dn: &str, rdn: &str) -> String {
    format!("dn: {dn}\nchangetype: modrdn\nnewrdn: {rdn}\ndeleteoldrdn: 1\n\n")
}

/// Asserts that it failed with this kind, and with all of these words.
#[track_caller]
pub fn fails<T>(result: Result<T>, kind: ErrorKind, words: &[&str]) -> Error {
    let Err(error) = result else {
        panic!("it succeeded, {kind:?} was expected");
    };
    let text = error.to_string();
    assert_eq!(error.kind(), kind, "{text}");
    for word in words {
        assert!(text.contains(word), "{word:?} is not in: {text}");
    }
    error
}
