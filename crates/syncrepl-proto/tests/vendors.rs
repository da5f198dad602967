//! No file of the product but those in `profile/` names a vendor in its code. Comments may, as
//! witnesses.

use std::fs;
use std::path::{Path, PathBuf};

/// What only one vendor calls so, in small letters.
const VENDORS: &[&str] = &[
    // Names of the vendors, as people and as identifiers write them.
    "openldap",
    "slapd",
    "ds389",
    "389ds",
    "389-ds",
    "389 ds",
    "389 dir",
    "red hat",
    "redhat",
    "freeipa",
    "apacheds",
    "apache ds",
    "samba team",
    "samba::",
    "active directory",
    "active_directory",
    "dirsync",
    // What only one of them has. Attributes that hold secrets may be named: they are in one list.
    "syncprov",
    "slapindex",
    "cn=monitor",
    "cn=accesslog",
    "nsuniqueid",
    "nsslapd",
    "nssizelimit",
    "numsubordinates",
    "retro",
];

/// Paths that the programs of OpenLDAP gave to all: where a client's settings and the local socket are.
const PATHS: &[&str] = &["/etc/openldap/ldap.conf", "/var/run/slapd/ldapi"];

const CRATES: &[&str] = &["syncrepl-proto", "syncrepl-client", "syncrepl"];

#[test]
fn no_vendor_outside_of_profile() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = Vec::new();
    for name in CRATES {
        let root = crates.join(name).join("src");
        let mut files = Vec::new();
        // A published crate has no neighbours.
        if root.is_dir() || *name == "syncrepl-proto" {
            sources(&root, &mut files);
        }
        for file in files {
            let text = fs::read_to_string(&file).expect("a source");
            for (number, line) in code(&text).lines().enumerate() {
                let name = file.display();
                named(line)
                    .for_each(|vendor| found.push(format!("{name}:{}: {vendor}", number + 1)));
            }
        }
    }
    assert!(
        found.is_empty(),
        "a vendor is named outside of crates/syncrepl-proto/src/profile. What differs between vendors is \
         a field of Profile:\n{}",
        found.join("\n")
    );
}

#[test]
fn vendors_are_found_in_code_and_not_in_comments() {
    let names = |text: &str| -> Vec<_> { code(text).lines().flat_map(named).collect() };
    assert_eq!(names("match provider { Ds389 => 1 }"), ["ds389"]);
    assert_eq!(names("let hint = \"as on slapd\"; // why"), ["slapd"]);
    assert_eq!(names("let url = \"ldap://x\"; openldap()"), ["openldap"]);
    assert_eq!(names("let (a, b) = ('\"', '\\''); slapd()"), ["slapd"]);
    assert_eq!(names("r#\"a \" // slapd\"#"), ["slapd"]);
    assert_eq!(names("fn of<'a>(x: &'a str) {} // slapd"), [""; 0]);
    assert_eq!(
        names("//! slapd\n/// 389-ds\n/* slapd /* */ slapd */"),
        [""; 0]
    );
    assert_eq!(names("let port = 389;"), [""; 0]);
    assert_eq!(names("x(\"/var/run/slapd/ldapi\")"), [""; 0]);
    assert_eq!(names("#[cfg(test)]\nmod tests {\n    slapd();\n}"), [""; 0]);
}

/// CONTRIBUTING.md shows by two diffs how a vendor and a quirk are added. What they add is still there.
#[test]
fn examples_in_contributing_are_real() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    // A published crate has no CONTRIBUTING.md.
    let Ok(text) = fs::read_to_string(root.join("CONTRIBUTING.md")) else {
        return;
    };
    let (mut source, mut added) = (String::new(), 0);
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("+++ b/") {
            source = match name.contains("/profile/") {
                true => fs::read_to_string(root.join(name)).expect(name),
                false => String::new(),
            };
        } else if line.starts_with("```") {
            source.clear();
        } else if let Some(line) = line.strip_prefix('+').filter(|_| !source.is_empty()) {
            assert!(source.contains(line), "not in the source: {line}");
            added += 1;
        }
    }
    assert!(added > 20, "{added} lines");
}

/// The vendors that a line of code names.
fn named(line: &str) -> impl Iterator<Item = &'static str> {
    let mut line = line.to_ascii_lowercase();
    for path in PATHS {
        line = line.replace(path, "");
    }
    let names = move |vendor: &&&str| line.contains(**vendor);
    VENDORS.iter().filter(names).copied()
}

/// All sources below a folder but those of tests, and of `profile`.
fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str());
        match name {
            Some("tests" | "profile" | "tests.rs") => {}
            _ if path.is_dir() => sources(&path, into),
            Some(name) if name.ends_with(".rs") => into.push(path),
            _ => {}
        }
    }
}

/// What of a source is code: without comments, and up to its tests. Lines stay where they are.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or("");
    let mut code = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (kept, dropped) = match first {
            '/' if rest.starts_with("//") => (0, rest.find('\n').unwrap_or(rest.len())),
            '/' if rest.starts_with("/*") => (0, block_comment(rest)),
            '"' => (string(rest), 0),
            'r' if raw_string(rest) > 0 && !code.ends_with(|c: char| c.is_alphanumeric()) => {
                (raw_string(rest), 0)
            }
            '\'' => (character(rest), 0),
            other => (other.len_utf8(), 0),
        };
        code.push_str(&rest[..kept]);
        code.extend(rest[kept..kept + dropped].chars().filter(|&c| c == '\n'));
        rest = &rest[kept + dropped..];
    }
    code
}

/// The length of the comment that begins here, with those inside it.
fn block_comment(text: &str) -> usize {
    let mut depth = 0;
    for (at, _) in text.char_indices() {
        if text[at..].starts_with("/*") {
            depth += 1;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            if depth == 0 {
                return at + 2;
            }
        }
    }
    text.len()
}

/// The length of the string that begins here.
fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of the raw string that begins here, 0 if none does.
fn raw_string(text: &str) -> usize {
    let hashes = text[1..].chars().take_while(|&c| c == '#').count();
    let opened = 1 + hashes;
    if !text[opened..].starts_with('"') {
        return 0;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let body = &text[opened + 1..];
    body.find(&end)
        .map_or(text.len(), |at| opened + 1 + at + end.len())
}

/// The length of the character that begins here, or of the mark of a lifetime.
fn character(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), Some(_)) => chars
            .find(|&(_, c)| c == '\'')
            .map_or(text.len(), |(at, _)| at + 1),
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 1,
    }
}
