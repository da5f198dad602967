//! LDIF (RFC 2849), as much of it as `ldapsearch` writes and `ldapmodify` reads.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// One record: its lines in order, the `dn` among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Names as written, values decoded.
    pub lines: Vec<(String, Vec<u8>)>,
}

/// A parsed text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ldif {
    /// The records, in order, without `version:`.
    pub records: Vec<Record>,
    /// The comments, without their `#`.
    pub comments: Vec<String>,
}

impl Record {
    /// The first value of that name, whatever its case.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        let found = self
            .lines
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_slice())
    }
}

/// One line `name: value`, in base64 where the value asks for it.
pub fn line(name: &str, value: impl AsRef<[u8]>) -> String {
    let value = value.as_ref();
    match std::str::from_utf8(value) {
        Ok(text) if is_safe(text) => format!("{name}: {text}\n"),
        _ => format!("{name}:: {}\n", STANDARD.encode(value)),
    }
}

fn is_safe(text: &str) -> bool {
    !text.starts_with([' ', ':', '<'])
        && !text.ends_with(' ')
        && text.bytes().all(|b| (0x20..0x7f).contains(&b))
}

/// Reads a text.
///
/// # Panics
/// On a line that is no LDIF.
pub fn parse(text: &str) -> Ldif {
    let mut ldif = Ldif::default();
    let mut lines = Vec::new();
    for line in unfold(text) {
        if let Some(comment) = line.strip_prefix('#') {
            ldif.comments.push(comment.to_owned());
        } else if line.is_empty() {
            if !lines.is_empty() {
                ldif.records.push(Record {
                    lines: std::mem::take(&mut lines),
                });
            }
        } else if line == "-" {
            // Ends one part of a `changetype: modify`.
            lines.push((line, Vec::new()));
        } else {
            let (name, value) = name_and_value(&line);
            if !(lines.is_empty() && name == "version") {
                lines.push((name, value));
            }
        }
    }
    if !lines.is_empty() {
        ldif.records.push(Record { lines });
    }
    ldif
}

/// Joins the lines that were folded: those that begin with one space.
fn unfold(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for raw in text.split('\n') {
        let raw = raw.strip_suffix('\r').unwrap_or(raw);
        match (raw.strip_prefix(' '), lines.last_mut()) {
            (Some(more), Some(last)) if !last.is_empty() => last.push_str(more),
            _ => lines.push(raw.to_owned()),
        }
    }
    lines
}

fn name_and_value(line: &str) -> (String, Vec<u8>) {
    let Some((name, rest)) = line.split_once(':') else {
        panic!("no LDIF: {line:?}");
    };
    let value = match rest.strip_prefix(':') {
        Some(encoded) => STANDARD
            .decode(encoded.trim_start_matches(' '))
            .unwrap_or_else(|e| panic!("no base64 ({e}): {line:?}")),
        None => {
            assert!(!rest.starts_with('<'), "a URL value in LDIF: {line:?}");
            rest.trim_start_matches(' ').as_bytes().to_vec()
        }
    };
    (name.to_owned(), value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_parts_of_a_modification() {
        let parsed = parse("dn: o=a\nchangetype: modify\nadd: o\no: -\n-\ndelete: l\n-\n");
        let names: Vec<&str> = parsed.records[0]
            .lines
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(names, ["dn", "changetype", "add", "o", "-", "delete", "-"]);
    }

    #[test]
    fn reads_what_it_writes() {
        let values: [&[u8]; 7] = [
            b"",
            b"plain",
            b" led",
            b"trailed ",
            b":x",
            "Łukasz".as_bytes(),
            &[0xff, 0, 10],
        ];
        let text: String = values.iter().map(|v| line("cn;lang-de", v)).collect();
        let parsed = parse(&text);
        let read: Vec<&[u8]> = parsed.records[0]
            .lines
            .iter()
            .map(|(_, v)| v.as_slice())
            .collect();
        assert_eq!(read, values);
    }

    #[test]
    fn reads_folded_lines_comments_and_encoded_names() {
        let text =
            "version: 1\n\n# a com\n ment\ndn:: Y249w4Q=\ncn: a\n  b\n\n\n# refldap://x\ndn: o=b\n";
        let parsed = parse(text);
        assert_eq!(parsed.comments, [" a comment", " refldap://x"]);
        assert_eq!(parsed.records.len(), 2);
        assert_eq!(parsed.records[0].get("DN"), Some("cn=Ä".as_bytes()));
        assert_eq!(parsed.records[0].get("cn"), Some(b"a b".as_slice()));
    }
}
