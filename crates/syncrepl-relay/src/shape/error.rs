//! The errors in the settings of a shape. Each says what to write instead.

use std::fmt;

use syncrepl_proto::filter::FilterError;

/// The settings of a shape cannot be used. The person who wrote the configuration has to change it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShapeError {
    /// `when` is no filter.
    Filter(FilterError),
    /// A part of `when` is undefined for every entry.
    Undefined {
        /// The part.
        part: String,
    },
    /// `when` tests a secret attribute, whose values are not in the journal.
    SecretTested {
        /// The attribute.
        attribute: String,
    },
    /// `only` is there and empty.
    OnlyIsEmpty,
    /// This cannot be the name of an attribute.
    NoName {
        /// The key in the configuration.
        key: &'static str,
        /// What is written there.
        name: String,
    },
    /// The name has options.
    HasOptions {
        /// The key in the configuration.
        key: &'static str,
        /// What is written there.
        name: String,
        /// The same without options.
        plain: String,
    },
    /// `rename` names one attribute twice.
    RenamedTwice {
        /// The attribute.
        name: String,
    },
    /// Two attributes would get one name.
    OneName {
        /// The two attributes.
        attributes: [String; 2],
        /// The name.
        name: String,
    },
    /// `unmask` names an attribute that is not secret.
    NotSecret {
        /// The attribute.
        name: String,
    },
    /// `mask` and `unmask` name one attribute.
    MaskedAndUnmasked {
        /// The attribute.
        name: String,
    },
    /// `data` is none of the words that it may be.
    Data {
        /// What is written there.
        word: String,
    },
}

impl ShapeError {
    /// The key in the configuration that is to be changed.
    pub fn key(&self) -> &'static str {
        match self {
            ShapeError::Filter(_)
            | ShapeError::Undefined { .. }
            | ShapeError::SecretTested { .. } => "when",
            ShapeError::OnlyIsEmpty => "only",
            ShapeError::NoName { key, .. } | ShapeError::HasOptions { key, .. } => key,
            ShapeError::RenamedTwice { .. } | ShapeError::OneName { .. } => "rename",
            ShapeError::NotSecret { .. } => "unmask",
            ShapeError::MaskedAndUnmasked { .. } => "mask",
            ShapeError::Data { .. } => "data",
        }
    }
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: ", self.key())?;
        match self {
            ShapeError::Filter(error) => write!(
                f,
                "{error}; write a filter such as \"(objectClass=person)\""
            ),
            ShapeError::Undefined { part } => write!(
                f,
                "{part} is neither true nor false of any entry: the matching rule is not known, or the attribute \
                 has no order or no substrings, or the value is none of this attribute; take it out, or compare in \
                 another way"
            ),
            ShapeError::SecretTested { attribute } => write!(
                f,
                "it tests {attribute}, which is secret, so the journal does not hold its values; take it out, or \
                 write unmask = [{attribute:?}], and the sink is told the values"
            ),
            ShapeError::OnlyIsEmpty => write!(
                f,
                "it is empty; name the attributes, or leave the key out for all of them, or write data = \"ids\" for \
                 none"
            ),
            ShapeError::NoName { name, .. } => write!(
                f,
                "{name:?} cannot be the name of an attribute; write one such as \"mail\""
            ),
            ShapeError::HasOptions { name, plain, .. } => write!(
                f,
                "{name:?} has options; write {plain:?}, which is the attribute with all its options"
            ),
            ShapeError::RenamedTwice { name } => {
                write!(f, "it names {name} twice; write one name for it")
            }
            ShapeError::OneName {
                attributes: [one, other],
                name,
            } => write!(
                f,
                "{one} and {other} would both be called {name}; write another name for one of them"
            ),
            ShapeError::NotSecret { name } => write!(
                f,
                "{name} is not secret, so its values are told without this; take it out, or check the spelling"
            ),
            ShapeError::MaskedAndUnmasked { name } => {
                write!(f, "{name} is in `unmask` too; take it out of one of them")
            }
            ShapeError::Data { word } => write!(
                f,
                "{word:?} is not known; write \"full\", \"changes\" or \"ids\""
            ),
        }
    }
}

impl std::error::Error for ShapeError {}
