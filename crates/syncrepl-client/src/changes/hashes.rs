//! The warning, once for a copy, that a search brings password hashes into it that nobody asked for
//! by name: `*` means those too, if the provider lets this identity read them.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::Connection;
use syncrepl_proto::attributes::AttributeList;

use crate::error::Result;
use crate::record::secret::{is_password, password, without_options};
use crate::status;
use crate::store::Writer;
use crate::store::search::Search;

/// How many records are looked at for the names of the attributes that are there beside.
const SAMPLE: u32 = 10_000;
/// How many names are told at most.
const NAMES: usize = 40;

/// Looks for hashes in what is copied, until it was told of some.
pub(crate) struct Hashes {
    /// The attributes asked for by name, in lower case. All others came unasked.
    asked: Vec<String>,
    /// The attribute that holds some, to be told once it is stored.
    found: Option<String>,
    /// It was told, now or in an earlier run.
    told: bool,
}

impl Hashes {
    pub(crate) fn open(search: &Search, writer: &Writer) -> Result<Self> {
        let told = writer.setting(status::HASHES_TOLD)?.is_some();
        Ok(Hashes {
            told,
            ..Hashes::new(&search.attributes)
        })
    }

    fn new(asked: &[String]) -> Self {
        Hashes {
            asked: asked.iter().map(|name| known(name)).collect(),
            found: None,
            told: false,
        }
    }

    /// Looks at the attributes of an entry that has been put into the open transaction.
    pub(crate) fn look(&mut self, attributes: &AttributeList<'_>) {
        if self.told || self.found.is_some() {
            return;
        }
        let unasked = |name: &str| !self.asked.contains(&known(name));
        self.found = attributes
            .iter()
            .find(|attribute| is_password(attribute.name) && unasked(attribute.name))
            .map(|attribute| without_options(attribute.name).to_owned());
    }

    /// Remembers in the open transaction what is told when it has committed.
    pub(crate) fn remember(&self, writer: &Writer) -> Result<()> {
        match self.found {
            Some(_) => writer.set_setting(status::HASHES_TOLD, Some(b"1")),
            None => Ok(()),
        }
    }

    /// The attribute that holds hashes is stored now.
    pub(crate) fn committed(&mut self, writer: &Writer) {
        if let Some(attribute) = self.found.take() {
            self.told = true;
            warn(&attribute, writer.connection(), writer.path());
        }
    }
}

/// The name of an attribute without its options, in lower case. A password's OID counts as its name.
fn known(attribute: &str) -> String {
    password(attribute)
        .unwrap_or(without_options(attribute))
        .to_ascii_lowercase()
}

fn warn(attribute: &str, conn: &Connection, path: &Path) {
    let instead = match other_attributes(conn) {
        Ok(names) if !names.is_empty() => format!("here: {}", names.join(" ")),
        // Without them the advice is still good.
        _ => "such as cn mail".to_owned(),
    };
    tracing::warn!(
        "the search brings password hashes ({attribute}) into {}: whoever can read that file can try to \
         guess the passwords. To leave them out, name the attributes you want instead of all ({instead}) \
         with a new data file, or let the provider hide them from this identity",
        path.display()
    );
}

/// The names of what the copy holds, as far as a look at some of it shows, without the secrets.
fn other_attributes(conn: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = conn.prepare("SELECT attributes FROM syncrepl_records LIMIT ?1")?;
    let mut rows = statement.query([SAMPLE])?;
    let mut names = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let Ok(list) = AttributeList::decode(row.get_ref(0)?.as_blob()?) else {
            continue;
        };
        for attribute in list.iter() {
            let name = without_options(attribute.name);
            if !is_password(name) && names.len() <= NAMES {
                let name = crate::record::text::printable(name);
                names.entry(name.to_ascii_lowercase()).or_insert(name);
            }
        }
    }
    let mut names: Vec<String> = names.into_values().collect();
    if names.len() > NAMES {
        names.truncate(NAMES);
        names.push("…".to_owned());
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(asked: &[&str], sent: &str) -> Option<String> {
        let asked: Vec<_> = asked.iter().map(|&name| name.to_owned()).collect();
        let mut hashes = Hashes::new(&asked);
        let list = AttributeList::encode([("cn", vec![&b"a"[..]]), (sent, vec![b"b"])]);
        hashes.look(&AttributeList::decode(&list).unwrap());
        hashes.found
    }

    #[test]
    fn what_was_asked_for_by_name_is_no_surprise() {
        for asked in [&[][..], &["*"], &["cn", "+"], &["@person"]] {
            let found = found(asked, "UserPassword;x-a");
            assert_eq!(found.as_deref(), Some("UserPassword"), "{asked:?}");
        }
        for sent in ["2.5.4.35", "1.3.6.1.4.1.4203.1.3.4;x-a"] {
            assert!(found(&[], sent).is_some(), "{sent}");
        }
        for (asked, sent) in [
            (&["userpassword"][..], "userPassword"),
            (&["2.5.4.35"], "userPassword;x-a"),
            (&["userPassword"], "2.5.4.35"),
            (&[], "mail"),
        ] {
            assert_eq!(found(asked, sent), None);
        }
    }
}
