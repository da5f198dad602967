//! The handle of a running provider: where it is, what is in it, and the same changes that clients
//! make over LDAP as plain functions.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use syncrepl_proto::Uuid;
use syncrepl_proto::dn;
use syncrepl_proto::filter::Filter;
use syncrepl_proto::message::{Scope, SearchRequest};

use crate::config::{Builder, Config, refused};
use crate::directory::{Directory, Modification, group};
use crate::entry::{Entry, Stored};
use crate::faults::Faults;
use crate::refusal::{Refusal, code};
use crate::request::Request;
use crate::search::Query;
use crate::server::Server;
use crate::shared::Shared;

/// A running in-memory RFC 4533 provider. Dropping it stops it and closes its connections.
///
/// It may be shared between threads; each change is complete, and on its way to every search that
/// persists, when the function that makes it returns.
#[derive(Debug)]
pub struct Provider {
    shared: Arc<Shared>,
    server: Server,
    seed: u64,
}

impl Provider {
    /// A provider yet to be described.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn start(mut config: Config) -> io::Result<Provider> {
        let seed = config.seed.unwrap_or_else(|| fastrand::u64(..));
        let mut directory = Directory::new(&config.suffixes, config.change_log, seed);
        for suffix in &config.suffixes {
            dn::validate(suffix)
                .map_err(|error| Refusal::new(code::INVALID_DN_SYNTAX, error.to_string()))
                .map_err(|refusal| refused(suffix, refusal))?;
        }
        for entry in std::mem::take(&mut config.restored) {
            directory.restore(entry);
        }
        if config.suffix_entries {
            for suffix in &config.suffixes {
                let mentioned =
                    |(name, _): &(String, Vec<Stored>)| dn::key(name) == dn::key(suffix);
                let there = directory.get(&dn::key(suffix)).is_some();
                if !there && !config.entries.iter().any(mentioned) {
                    let class = Stored::new("objectClass", suffix_classes(suffix));
                    let added = directory.add(suffix, vec![class]);
                    added.map_err(|refusal| refused(suffix, refusal))?;
                }
            }
        }
        for (dn, attributes) in std::mem::take(&mut config.entries) {
            let added = directory.add(&dn, attributes);
            added.map_err(|refusal| refused(&dn, refusal))?;
        }
        let port = config.port;
        let shared = Arc::new(Shared::new(config, directory));
        let server = Server::start(Arc::clone(&shared), port)?;
        Ok(Provider {
            shared,
            server,
            seed,
        })
    }

    /// Where it listens: `ldap://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.port())
    }

    /// A search of everything in the first naming context, as a URL (RFC 4516).
    pub fn search_url(&self) -> String {
        format!("{}/{}??sub", self.url(), percent_encode(self.base()))
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// The first naming context.
    pub fn base(&self) -> &str {
        self.shared
            .config
            .suffixes
            .first()
            .map_or("", String::as_str)
    }

    /// The DN that may write, and its password.
    pub fn root(&self) -> (String, String) {
        self.shared.config.root()
    }

    /// The seed of everything random: given to [`Builder::seed`], it makes the same entryUUIDs for
    /// the same adds.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Adds an entry, and returns its entryUUID. An attribute with several values is given several
    /// times. The values of the RDN need not be given; an `objectClass` has to be.
    ///
    /// # Errors
    /// What an LDAP client would be told: no parent, an entry of this name, no `objectClass`, a
    /// value twice.
    pub fn add<N: AsRef<str>, V: AsRef<[u8]>>(
        &self,
        dn: &str,
        attributes: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Uuid, Refusal> {
        let attributes = group(attributes);
        let change = self
            .shared
            .change(|directory| directory.add(dn, attributes))?;
        Ok(change.uuid)
    }

    /// Modifies an entry: all of it or nothing.
    ///
    /// # Errors
    /// What an LDAP client would be told: no such entry, no such value, a value that is there
    /// already, a value of the RDN.
    pub fn modify(
        &self,
        dn: &str,
        modifications: impl IntoIterator<Item = Modification>,
    ) -> Result<(), Refusal> {
        let modifications: Vec<_> = modifications.into_iter().collect();
        let change = self
            .shared
            .change(|directory| directory.modify(dn, &modifications));
        change.map(drop)
    }

    /// Gives an entry another RDN, and another parent if one is named. What is below moves along,
    /// and of that nothing is told, as with real providers.
    ///
    /// # Errors
    /// What an LDAP client would be told: no such entry, no such parent, an entry of this name.
    pub fn rename(
        &self,
        dn: &str,
        new_rdn: &str,
        delete_old_rdn: bool,
        new_superior: Option<&str>,
    ) -> Result<(), Refusal> {
        let rename =
            |directory: &mut Directory| directory.rename(dn, new_rdn, delete_old_rdn, new_superior);
        self.shared.change(rename).map(drop)
    }

    /// Deletes an entry that has no children.
    ///
    /// # Errors
    /// What an LDAP client would be told: no such entry, children.
    pub fn delete(&self, dn: &str) -> Result<(), Refusal> {
        self.shared
            .change(|directory| directory.delete(dn))
            .map(drop)
    }

    /// Every entry, parents before children.
    pub fn entries(&self) -> Vec<Entry> {
        let found = self.shared.lock().directory.scope(&[], Scope::Subtree);
        found.iter().map(|view| Entry::clone(&view.entry)).collect()
    }

    /// The entry of this name.
    pub fn get(&self, dn: &str) -> Option<Entry> {
        let view = self.shared.lock().directory.get(&dn::key(dn))?;
        Some(Entry::clone(&view.entry))
    }

    /// The entries that a search finds, referral objects among them as entries, parents before
    /// children. The filter is RFC 4515 text.
    ///
    /// # Errors
    /// What an LDAP client would be told: no such base, a filter that is none.
    pub fn search(&self, base: &str, scope: Scope, filter: &str) -> Result<Vec<Entry>, Refusal> {
        let filter = Filter::parse(filter)
            .map_err(|error| Refusal::new(code::PROTOCOL_ERROR, error.to_string()))?;
        let request = SearchRequest {
            base,
            scope,
            size_limit: 0,
            time_limit: 0,
            types_only: false,
            filter: filter.as_bytes(),
            attributes: Vec::new(),
        };
        let found = Query::new(&request, true)?.find(&self.shared.lock().directory)?;
        Ok(found.iter().map(|view| Entry::clone(&view.entry)).collect())
    }

    /// What can be made to go wrong.
    pub fn faults(&self) -> Faults<'_> {
        Faults::new(&self.shared)
    }

    /// Closes every connection without a word. New ones are welcome.
    pub fn disconnect(&self) {
        self.server.disconnect();
    }

    /// What clients have asked for, in the order it arrived; the last 10,000 requests.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests()
    }

    /// How many searches are in the persist stage.
    pub fn persisting(&self) -> usize {
        self.shared.persisting()
    }

    /// Waits until so many searches are in the persist stage; false when time is up.
    pub fn wait_persisting(&self, count: usize, patience: Duration) -> bool {
        self.shared.wait_persisting(count, patience)
    }

    /// Stops it, as dropping it does.
    pub fn stop(self) {}
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.shared.faults.disarm();
        self.server.stop();
    }
}

/// The object classes of a naming context, by the type of its RDN.
fn suffix_classes(dn: &str) -> &'static [&'static str] {
    let values = dn::naming_values(dn).unwrap_or_default();
    let name = values.first().map_or("", |(name, _)| name);
    match name.to_ascii_lowercase().as_str() {
        "dc" => &["top", "domain"],
        "o" => &["top", "organization"],
        "ou" => &["top", "organizationalUnit"],
        _ => &["top", "extensibleObject"],
    }
}

fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' | b'=' | b',' => {
                out.push(char::from(byte));
            }
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}
