//! One compact JSON object a line. The field names are fixed: others rely on them.

mod values;

use std::io::{self, Write};
use std::time::SystemTime;

use serde_json::Value;
use syncrepl_client::{
    BoundLdap, Callback, CallbackResult, Cursor, ErrorKind, Items, Position, Record, Tag,
};

use super::format::{Choice, Format, Out};
use crate::state::written;
use values::differences;

pub(super) use values::{attributes, value, values};
pub(crate) use values::{escaped, text_or_base64};

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
    /// Whether a change is told by the values that came and went, in place of all values before and after.
    changes: bool,
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
            changes: false,
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

    fn only_changes(&mut self) {
        self.changes = true;
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
        if self.changes {
            self.out.write_all(b",\"changes\":")?;
            differences(&mut self.out, old.attrs(), new.attrs())?;
        } else {
            self.attributes("old", old)?;
            self.attributes("attrs", new)?;
        }
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
