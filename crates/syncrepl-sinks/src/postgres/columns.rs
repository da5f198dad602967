//! Columns of their own for some attributes: `columns = { login = "uid", mails = "mail[]" }`.

use super::names::Quoted;
use crate::kind::Unfit;

/// The columns that a table of entries has anyway.
const OURS: [&str; 6] = ["uuid", "dn", "attrs", "large", "generation", "seq"];

/// A column that holds one attribute as text.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: Quoted,
    /// The attribute description.
    attribute: String,
    /// All values, as `text[]`; else one of them, as `text`.
    pub(super) all: bool,
}

impl Column {
    /// From `name = "attribute"` or `name = "attribute[]"`.
    pub(super) fn of(name: &str, attribute: &str) -> Result<Column, Unfit> {
        let quoted = Quoted::new("a name in columns", name)?;
        if OURS.contains(&name) {
            return Err(Unfit::new(format!("the column {name} is there anyway"))
                .with_hint("give it another name in columns"));
        }
        let (attribute, all) = match attribute.strip_suffix("[]") {
            Some(attribute) => (attribute, true),
            None => (attribute, false),
        };
        match attribute.is_empty() || attribute.contains(['[', ']', '\0']) {
            true => Err(Unfit::new(format!("columns.{name} names no attribute"))
                .with_hint("write \"mail\" for one value, \"mail[]\" for all of them")),
            false => Ok(Column {
                name: quoted,
                attribute: attribute.to_owned(),
                all,
            }),
        }
    }

    /// The name of its type.
    pub(super) fn sql_type(&self) -> &'static str {
        match self.all {
            true => "text[]",
            false => "text",
        }
    }

    /// Whether it holds this attribute.
    pub(super) fn holds(&self, attribute: &str) -> bool {
        self.attribute.eq_ignore_ascii_case(attribute)
    }

    /// What it holds for these values, as text that PostgreSQL reads. LDAP gives values no order, so ours is that
    /// of their bytes: the same values always give the same text.
    pub(super) fn cell<T: AsRef<[u8]>>(
        &self,
        values: impl IntoIterator<Item = T>,
    ) -> Option<String> {
        let values = values.into_iter();
        let mut texts: Vec<String> = values.map(|value| text(value.as_ref())).collect();
        texts.sort_unstable();
        match self.all {
            false => texts.into_iter().next(),
            true => Some(array(&texts)),
        }
    }
}

/// A value as text: what is none, as in the JSON.
fn text(value: &[u8]) -> String {
    match syncrepl_relay::value(value) {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    }
}

/// The text form of an array.
fn array(texts: &[String]) -> String {
    let quoted: Vec<String> = texts
        .iter()
        .map(|text| {
            let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
            format!("\"{escaped}\"")
        })
        .collect();
    format!("{{{}}}", quoted.join(","))
}
