//! What a configuration says of the shape of a sink.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::error::ShapeError;

/// What a configuration says, in the words of its keys. [`Shape::new`](super::Shape::new) checks it.
///
/// Names are those of attribute types, in any letter case and without options: `cn` is `cn;lang-de` too. In `only`
/// and `mask`, and in the DNs of which `mask` speaks, a few common types have all their names: `mail` is
/// `rfc822Mailbox` too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShapeSettings {
    /// A filter (RFC 4515). The entries that it matches are the sink's: one that comes to match is told as added,
    /// one that does so no more as deleted. Default: all entries.
    ///
    /// It is evaluated over the copy, so over the attributes that the search asks for, besides `entryDN` and
    /// `entryUUID`. It may test attributes that the sink is not told, but no secret one, unless `unmask` names
    /// it. There is no schema: an attribute that is not known compares as text without letter case, and only the
    /// subclasses of common object classes are known.
    pub when: Option<String>,
    /// Nothing is told but these, and a change of none of these is not told at all. Default: all attributes.
    pub only: Option<Vec<String>>,
    /// What attributes are called for this sink; their options stay. Another attribute that has the new name
    /// is not told.
    pub rename: BTreeMap<String, String>,
    /// Their values are never told, only that they changed. In the DN of an entry, and in those of its parents that
    /// it contains, the values of these types are `***`. An attribute whose values are DNs, such as `member`,
    /// is left as it is: name it too if it must not tell the values.
    pub mask: Vec<String>,
    /// Secret attributes whose values are told all the same. Default: none.
    pub unmask: Vec<String>,
    /// How much of an entry an event tells.
    pub data: DataForm,
}

/// How much of an entry an event tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DataForm {
    /// What changed, and all attributes after it.
    #[default]
    Full,
    /// What changed; all attributes only of an entry that comes, goes, or is told as it is.
    Changes,
    /// The entryUUID and the DN.
    Ids,
}

impl DataForm {
    /// All of them.
    pub const ALL: [DataForm; 3] = [DataForm::Full, DataForm::Changes, DataForm::Ids];

    /// The word in a configuration.
    pub fn word(self) -> &'static str {
        match self {
            DataForm::Full => "full",
            DataForm::Changes => "changes",
            DataForm::Ids => "ids",
        }
    }
}

impl fmt::Display for DataForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for DataForm {
    type Err = ShapeError;

    fn from_str(word: &str) -> Result<DataForm, ShapeError> {
        let mut all = DataForm::ALL.into_iter();
        all.find(|form| form.word() == word)
            .ok_or_else(|| ShapeError::Data {
                word: word.to_owned(),
            })
    }
}
