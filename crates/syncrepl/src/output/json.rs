//! One compact JSON object a line. The field names are fixed: others rely on them.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use syncrepl_client::{
    Attribute, Attributes, BoundLdap, Callback, CallbackResult, Cursor, ErrorKind, Items, Position,
    Record, Tag,
};
use syncrepl_proto::text::is_printable;

use super::format::{Choice, Format, Out};
use crate::state::written;

/// The line of this format in the list.
pub(super) const FORMAT: Choice = Choice {
    name: "json",
    help: "One JSON object a line",
    open: |out| Box::new(Json::new(out)),
};

/// Prints one line for each event and one after each commit. Lines since the last commit line are
/// provisional.
struct Json {
    out: Out,
    /// The number of the commit that is about to happen.
    pending: u64,
    /// The tag that it will bear.
    tag: Option<Tag>,
    /// The number of lines about changes since the last commit or start.
    lines: u64,
    /// In a dry run no line of it is ever committed, and a line of its own ends it.
    dry: bool,
    /// Why the line that says what is committed could not be written.
    lost: Option<io::Error>,
}

impl Json {
    fn new(out: Out) -> Self {
        Json {
            out,
            pending: 0,
            tag: None,
            lines: 0,
            dry: false,
            lost: None,
        }
    }

    fn commit(&mut self) -> io::Result<()> {
        let (commit, tag) = (self.pending, word(self.tag));
        let lines = std::mem::take(&mut self.lines);
        let time = written(SystemTime::now());
        writeln!(
            self.out,
            r#"{{"op":"commit","commit":{commit},"tag":{tag},"lines":{lines},"time":"{time}"}}"#
        )?;
        self.out.flush()
    }
}

impl Format for Json {
    fn start(&mut self, at: &Position, next: Tag) -> io::Result<()> {
        (self.tag, self.lines) = (Some(next), 0);
        begin(&mut self.out, at)?;
        let dry = if self.dry { r#","dry_run":true"# } else { "" };
        writeln!(self.out, r#","next":"{next}"{dry}}}"#)?;
        self.out.flush()
    }

    fn dry_run(&mut self) {
        self.dry = true;
    }

    fn take_lost(&mut self) -> Option<io::Error> {
        self.lost.take()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.lost.take().map_or(Ok(()), Err)?;
        if self.dry {
            writeln!(self.out, r#"{{"op":"dry_run","lines":{}}}"#, self.lines)?;
        }
        self.out.flush()
    }
}

impl Callback for Json {
    fn bind_complete(&mut self, ldap: &mut BoundLdap<'_>, _: &Cursor<'_>) -> CallbackResult {
        let authzid = match ldap.whoami() {
            Ok(authzid) => Value::from(authzid),
            // Not every provider knows "Who am I?" (RFC 4532).
            Err(error) if error.kind() == ErrorKind::Refused => Value::Null,
            Err(error) => return Err(error.into()),
        };
        self.out.write_all(br#"{"op":"bind","authzid":"#)?;
        escaped(&mut self.out, &authzid.to_string())?;
        Ok(self.out.write_all(b"}\n")?)
    }

    fn refresh_done(&mut self, items: &Items<'_>, _: &Cursor<'_>) -> CallbackResult {
        let entries = items.len();
        Ok(writeln!(
            self.out,
            r#"{{"op":"refresh_done","entries":{entries}}}"#
        )?)
    }

    fn record_add(&mut self, record: &Record<'_>, _: &Cursor<'_>) -> CallbackResult {
        self.head("add", record)?;
        self.attributes("attrs", record)?;
        Ok(self.out.write_all(b"}\n")?)
    }

    fn record_delete(&mut self, record: &Record<'_>, _: &Cursor<'_>) -> CallbackResult {
        self.head("delete", record)?;
        self.attributes("old", record)?;
        Ok(self.out.write_all(b"}\n")?)
    }

    fn record_rename(
        &mut self,
        old_dn: &str,
        record: &Record<'_>,
        _: &Cursor<'_>,
    ) -> CallbackResult {
        self.lines += 1;
        let uuid = record.uuid();
        write!(self.out, r#"{{"op":"rename","uuid":"{uuid}","old_dn":"#)?;
        value(&mut self.out, old_dn.as_bytes())?;
        self.out.write_all(b",\"dn\":")?;
        value(&mut self.out, record.dn().as_bytes())?;
        Ok(self.out.write_all(b"}\n")?)
    }

    fn record_change(
        &mut self,
        old: &Record<'_>,
        new: &Record<'_>,
        _: &Cursor<'_>,
    ) -> CallbackResult {
        self.head("change", new)?;
        self.attributes("old", old)?;
        self.attributes("attrs", new)?;
        Ok(self.out.write_all(b"}\n")?)
    }

    fn cookie_change(&mut self, cookie: &[u8]) -> CallbackResult {
        if self.dry {
            // The copy does not get that far.
            return Ok(());
        }
        self.out.write_all(br#"{"op":"cookie","cookie":"#)?;
        value(&mut self.out, cookie)?;
        Ok(self.out.write_all(b"}\n")?)
    }

    fn commit_pending(&mut self, commit: u64) -> CallbackResult {
        self.pending = commit;
        Ok(self.out.flush()?)
    }

    fn committed(&mut self) {
        self.lost = self.commit().err();
    }
}

impl Json {
    /// Begins a line about a change: the event, the entryUUID and the DN.
    fn head(&mut self, op: &str, record: &Record<'_>) -> io::Result<()> {
        self.lines += 1;
        self.out.write_all(b"{\"op\":\"")?;
        self.out.write_all(op.as_bytes())?;
        self.out.write_all(b"\",\"uuid\":\"")?;
        uuid_and_dn(&mut self.out, record)
    }

    /// Adds the attributes of a record to the line, under this name.
    fn attributes(&mut self, name: &str, record: &Record<'_>) -> io::Result<()> {
        self.out.write_all(b",\"")?;
        self.out.write_all(name.as_bytes())?;
        self.out.write_all(b"\":")?;
        attributes(&mut self.out, record.attrs())
    }
}

/// Prints the line that begins a dump of this many entries.
pub(crate) fn dump(out: &mut impl Write, at: &Position, entries: u64) -> io::Result<()> {
    begin(out, at)?;
    writeln!(out, r#","entries":{entries}}}"#)
}

/// Begins a line that says where the store stands.
fn begin(out: &mut impl Write, at: &Position) -> io::Result<()> {
    let Position { store, commit, .. } = at;
    let (tag, previous) = (word(at.tag), word(at.previous));
    write!(
        out,
        r#"{{"op":"start","commit":{commit},"store":"{store}","tag":{tag},"previous":{previous},"lines":"#
    )?;
    match at.changes {
        Some(lines) => write!(out, "{lines}"),
        None => out.write_all(b"null"),
    }
}

/// A tag as JSON.
fn word(tag: Option<Tag>) -> Value {
    tag.map_or(Value::Null, |tag| tag.to_string().into())
}

/// Prints a line of a dump.
pub(crate) fn record(out: &mut impl Write, record: &Record<'_>) -> io::Result<()> {
    out.write_all(b"{\"uuid\":\"")?;
    uuid_and_dn(out, record)?;
    out.write_all(b",\"attrs\":")?;
    attributes(out, record.attrs())?;
    out.write_all(b"}\n")
}

/// Writes the entryUUID, whose opening quote is already written, and the DN.
fn uuid_and_dn(out: &mut impl Write, record: &Record<'_>) -> io::Result<()> {
    let mut digits = [0; 36];
    let uuid = record.uuid().hyphenated().encode_lower(&mut digits);
    out.write_all(uuid.as_bytes())?;
    out.write_all(b"\",\"dn\":")?;
    value(out, record.dn().as_bytes())
}

/// Up to this many attributes, names are compared with each other. With more, a tree finds equal names.
const FEW: usize = 32;

/// Writes the attributes as an object, sorted by name. Names are spelled as the provider spells them.
pub(super) fn attributes(out: &mut impl Write, attributes: &Attributes<'_>) -> io::Result<()> {
    // A provider may send a name twice, spelled differently; a JSON object must have it once.
    let mut few: [Option<Attribute<'_>>; FEW] = [None; FEW];
    let mut count = 0;
    for attribute in attributes.iter() {
        let same = |other: &Attribute<'_>| other.name.eq_ignore_ascii_case(attribute.name);
        match few.split_at_mut_checked(count) {
            Some((before, [free, ..])) if !before.iter().flatten().any(same) => {
                *free = Some(attribute);
                count += 1;
            }
            _ => return gathered(out, attributes),
        }
    }
    let (few, _) = few.split_at_mut(count);
    few.sort_unstable_by_key(|attribute| attribute.map(|attribute| attribute.name));
    let few = few.iter().flatten();
    object(
        out,
        few.map(|attribute| (attribute.name, attribute.values())),
    )
}

/// Does the same where a name comes twice, or there are many attributes.
fn gathered(out: &mut impl Write, attributes: &Attributes<'_>) -> io::Result<()> {
    let mut names: BTreeMap<String, &str> = BTreeMap::new();
    let mut all: BTreeMap<&str, Vec<&[u8]>> = BTreeMap::new();
    for attribute in attributes.iter() {
        let lower = attribute.name.to_ascii_lowercase();
        let name = names.entry(lower).or_insert(attribute.name);
        all.entry(name).or_default().extend(attribute.values());
    }
    object(
        out,
        all.into_iter()
            .map(|(name, values)| (name, values.into_iter())),
    )
}

fn object<'a>(
    out: &mut impl Write,
    members: impl Iterator<Item = (&'a str, impl Iterator<Item = &'a [u8]>)>,
) -> io::Result<()> {
    out.write_all(b"{")?;
    let mut between: &[u8] = b"";
    for (name, all) in members {
        out.write_all(between)?;
        value(out, name.as_bytes())?;
        out.write_all(b":")?;
        values(out, all)?;
        between = b",";
    }
    out.write_all(b"}")
}

pub(super) fn values<'a>(
    out: &mut impl Write,
    all: impl Iterator<Item = &'a [u8]>,
) -> io::Result<()> {
    out.write_all(b"[")?;
    let mut between: &[u8] = b"";
    for one in all {
        out.write_all(between)?;
        value(out, one)?;
        between = b",";
    }
    out.write_all(b"]")
}

/// Writes a value as a string if it is UTF-8, else in base64.
pub(super) fn value(out: &mut impl Write, value: &[u8]) -> io::Result<()> {
    // Nearly every value needs no escapes. The fold has no early exit, so that the compiler can test
    // many bytes at a time.
    let plain = value.iter().fold(true, |plain, byte| {
        plain & matches!(byte, b' '..=b'~') & (*byte != b'"') & (*byte != b'\\')
    });
    if plain {
        out.write_all(b"\"")?;
        out.write_all(value)?;
        return out.write_all(b"\"");
    }
    match std::str::from_utf8(value) {
        Ok(text) => escaped(out, &serde_json::to_string(text)?),
        Err(_) => write!(out, "{}", base64(value)),
    }
}

/// Writes JSON that can hold a provider's text. serde_json escapes the control characters of ASCII
/// alone, and not all of them; this escapes everything that could steer a terminal.
pub(crate) fn escaped(out: &mut impl Write, json: &str) -> io::Result<()> {
    let mut written = 0;
    // Such a character can only be within a string: the rest of JSON is letters, digits and signs.
    for (at, wild) in json.match_indices(|c| !is_printable(c)) {
        out.write_all(&json.as_bytes()[written..at])?;
        for unit in wild.encode_utf16() {
            write!(out, "\\u{unit:04x}")?;
        }
        written = at + wild.len();
    }
    out.write_all(&json.as_bytes()[written..])
}

fn base64(bytes: &[u8]) -> Value {
    json!({ "base64": STANDARD.encode(bytes) })
}

/// A value as a string if it is UTF-8, else in base64.
pub(crate) fn text_or_base64(bytes: &[u8]) -> Value {
    std::str::from_utf8(bytes).map_or_else(|_| base64(bytes), Value::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steering_characters_are_escaped_and_read_back() {
        let text = "é\u{7f}\u{9b}2J\\u009b\u{202e}😀\u{e0041}\u{1b}\"";
        let mut out = Vec::new();
        value(&mut out, text.as_bytes()).unwrap();
        let json = String::from_utf8(out).unwrap();
        let shown = r#""é\u007f\u009b2J\\u009b\u202e😀\udb40\udc41\u001b\"""#;
        assert_eq!(json, shown);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
