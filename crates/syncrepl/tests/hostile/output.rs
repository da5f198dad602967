//! A provider sends hostile text wherever it can. No output moves a cursor, and readers of LDIF and JSON
//! get what was sent.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use fastrand::Rng;
use syncrepl_client::Uuid;
use syncrepl_hostile::compose::{Attribute, Compose};
use syncrepl_hostile::mutate::NASTY;
use syncrepl_hostile::replay::{Play, Replay};
use syncrepl_testing::environment::seed;
use syncrepl_testing::reader::Reader;
use syncrepl_testing::slapd::SUFFIX;
use syncrepl_testing::{judge, ldif, tools};

use crate::common::outcome::{Data, Outcome, command};
use crate::wild;

/// Characters and sequences that steer terminals (ECMA-48, both in one byte and in two), end
/// lines, turn the direction of writing, or mean something to LDIF, DNs and JSON.
const PARTS: [&str; 36] = [
    "\x1b[2J",
    "\x1b]0;x\x07",
    "\x1b",
    "\u{9b}31m",
    "\u{9d}",
    "\u{85}",
    "\u{90}",
    "\r",
    "\n",
    "\x08",
    "\x7f",
    "\t",
    "\0",
    "\u{202e}",
    "\u{2066}",
    "\u{200b}",
    "\u{2028}",
    "\u{feff}",
    "\u{ad}",
    "\u{61c}",
    "\u{fff9}",
    "\u{e0041}",
    " ",
    ":",
    "<",
    "#",
    ",",
    "=",
    "+",
    "\\",
    "\"",
    "é",
    "😀",
    "dn: x",
    "\n\n",
    "a",
];

fn text(random: &mut Rng) -> String {
    (0..random.usize(1..12))
        .map(|_| PARTS[random.usize(0..PARTS.len())])
        .collect()
}

fn value(random: &mut Rng) -> Vec<u8> {
    match random.u8(0..4) {
        0 => NASTY[random.usize(0..NASTY.len())].to_vec(),
        1 => (0..random.usize(0..200)).map(|_| random.u8(..)).collect(),
        2 => text(random).repeat(random.usize(1..20)).into_bytes(),
        _ => text(random).into_bytes(),
    }
}

/// A valid DN with hostile values, or text that is no DN.
fn dn(number: usize, random: &mut Rng) -> String {
    if random.u8(0..4) == 0 {
        return format!("{}{number}", text(random));
    }
    let mut value = String::new();
    for c in text(random).chars() {
        match c {
            ',' | '=' | '+' | '\\' | '"' | ' ' | '#' | '<' | ';' | '>' => {
                value.push('\\');
                value.push(c);
            }
            '\0' => value.push_str("\\00"),
            c => value.push(c),
        }
    }
    format!("cn={value}{number},{SUFFIX}")
}

/// The formats text and json tell the identity of the bind, so the command asks "Who am I?".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Text,
    Json,
    Ldif,
}

type Sent = BTreeMap<String, Vec<Attribute>>;

/// A refresh of hostile entries; names of attributes are hostile when asked for.
fn entries(random: &mut Rng, hostile_names: bool, format: Format) -> (Vec<u8>, Sent) {
    let mut stream = Compose::beginning(&text(random), &text(random));
    if format != Format::Ldif {
        stream.again_who_we_are(&text(random));
    }
    let mut sent = Sent::new();
    for number in 0..30 {
        let dn = dn(number, random);
        let names = ["description", "cn;lang-de", "jpegPhoto"];
        let attributes: Vec<Attribute> = names
            .iter()
            .map(|&name| {
                let name = if hostile_names {
                    format!("{name}{}", text(random))
                } else {
                    name.to_owned()
                };
                let mut values: Vec<_> = (0..random.usize(1..4)).map(|_| value(random)).collect();
                values.sort();
                values.dedup();
                (name, values)
            })
            .collect();
        stream.entry(Uuid::from_u128(number as u128 + 1), &dn, &attributes);
        sent.insert(dn, attributes);
    }
    stream.done(format!("cookie{}", text(random)).as_bytes());
    (stream.finish(), sent)
}

struct Bench {
    data: Data,
    server: Replay,
}

impl Bench {
    fn new() -> Bench {
        let data = Data::new();
        let server = Replay::listen(&data.folder.path().join("ldapi"));
        Bench { data, server }
    }

    fn sync(&self, stream: Vec<u8>, format: Format) -> Outcome {
        self.server.play(vec![Play::at_once(stream)]);
        let path = self.data.path();
        let format = match format {
            Format::Text => "text",
            Format::Json => "json",
            Format::Ldif => "ldif",
        };
        Outcome::of(&mut command(&[
            "refresh",
            "--data",
            &path,
            "-H",
            self.server.url(),
            "-b",
            SUFFIX,
            "-D",
            "cn=x",
            "-w",
            "y",
            // The provider gives another authzId each time.
            "--as-new-identity",
            "--format",
            format,
            "-vv",
            "--max-delete",
            "100%",
        ]))
    }

    fn read(&self, subcommand: &str, format: &str) -> Outcome {
        Outcome::run(&[subcommand, "--data", &self.data.path(), "--format", format])
    }
}

#[track_caller]
fn assert_tame(outcome: &Outcome) {
    assert_eq!(wild(&outcome.stdout), None, "{:?}", outcome.stdout);
    assert_eq!(wild(&outcome.stderr), None, "{:?}", outcome.stderr);
}

#[test]
fn no_text_of_a_provider_moves_a_cursor() {
    let mut random = Rng::with_seed(seed());
    for (hostile_names, format, words) in [
        (true, Format::Text, [" RECORD: ", "COOKIE"]),
        (false, Format::Text, [" RECORD: ", "COOKIE"]),
        (true, Format::Json, [r#""op":"add""#, r#""op":"cookie""#]),
        (false, Format::Json, [r#""op":"add""#, r#""op":"cookie""#]),
    ] {
        let bench = Bench::new();
        let mut reader = Reader::new();
        for _ in 0..2 {
            let (stream, _) = entries(&mut random, hostile_names, format);
            let told = bench.sync(stream, format);
            assert_eq!(told.code, Some(0), "{}", told.stderr);
            let missing = words.iter().find(|&&word| !told.stdout.contains(word));
            assert_eq!(missing, None, "{}", told.stdout);
            assert_tame(&told);
            reader.feed(&told.stdout);
        }
        if format == Format::Json {
            let dumped = judge::from_dump_json(&bench.data.dump());
            judge::assert_same("told", &reader.directory(), "dumped", &dumped);
        }
        for (subcommand, format) in [
            ("status", "text"),
            ("status", "json"),
            ("dump", "ldif"),
            ("dump", "json"),
        ] {
            let shown = bench.read(subcommand, format);
            assert_eq!(shown.code, Some(0), "{}", shown.stderr);
            assert_tame(&shown);
        }
    }
}

#[test]
fn no_refusal_of_a_provider_moves_a_cursor() {
    let mut random = Rng::with_seed(seed());
    let bench = Bench::new();
    for number in 0..12 {
        let said = text(&mut random) + "said";
        let code = [1, 3, 11, 32, 49, 50, 51, 52, 53, 80, 118, 12345][number];
        let mut search = Compose::beginning(&text(&mut random), "");
        search.again_who_we_are("");
        search.refused(code, &said);
        // Bytes that are no message, after a message that names its kind.
        let mut garbage = Compose::beginning("", &text(&mut random)).finish();
        garbage.extend(b"\x30\x05\x02\x01\x05\x1b[2J");
        for stream in [
            Compose::refused_bind(code, &said).finish(),
            search.finish(),
            garbage,
        ] {
            let refused = bench.sync(stream, Format::Text);
            assert!(
                refused.code.is_some_and(|code| (1..=6).contains(&code)),
                "{refused:?}"
            );
            assert!(refused.stderr.contains("syncrepl: "), "{refused:?}");
            assert_tame(&refused);
        }
    }
}

#[test]
fn ldif_is_read_back_as_what_was_sent() {
    let mut random = Rng::with_seed(seed());
    for round in 0..4 {
        let bench = Bench::new();
        let (stream, mut sent) = entries(&mut random, false, Format::Ldif);
        let told = bench.sync(stream, Format::Ldif);
        assert_eq!(told.code, Some(0), "{}", told.stderr);
        assert_tame(&told);
        let dumped = bench.read("dump", "ldif").stdout;
        assert!(dumped.is_ascii());
        // A DN outside the base has no parent in the copy, so the command asks for it. This server has none.
        sent.retain(|dn, _| dn.ends_with(SUFFIX));
        assert!(sent.len() > 10);
        for (what, text) in [("dumped", &dumped), ("told", &told.stdout)] {
            let mut read = read(text);
            read.retain(|dn, _| dn.ends_with(SUFFIX));
            assert_same(what, &read, &sent);
        }
        judge::assert_same(
            "LDIF",
            &judge::from_ldif(&dumped),
            "JSON",
            &judge::from_dump_json(&bench.data.dump()),
        );
        if round == 0 {
            ldapadd_reads(&dumped, read(&dumped).len());
        }
    }
}

/// Asserts that both are the same, and names the DN that differs.
#[track_caller]
fn assert_same(what: &str, read: &Sent, sent: &Sent) {
    let wrong: Vec<_> = sent
        .keys()
        .chain(read.keys())
        .filter(|dn| read.get(*dn) != sent.get(*dn))
        .collect();
    assert!(wrong.is_empty(), "{what}, of {}: {wrong:?}", sent.len());
}

/// Reads with the strict reader of the tests, which keeps the order of attributes and values.
fn read(text: &str) -> Sent {
    let records = ldif::parse(text).records.into_iter();
    records
        .map(|record| {
            let dn = record.get("dn").expect("a dn").to_vec();
            let mut attributes: Vec<Attribute> = Vec::new();
            for (name, value) in record.lines {
                match attributes.last_mut() {
                    _ if ["dn", "changetype"].contains(&name.as_str()) => {}
                    Some((last, values)) if *last == name => values.push(value),
                    _ => attributes.push((name, vec![value])),
                }
            }
            (String::from_utf8(dn).expect("UTF-8"), attributes)
        })
        .collect()
}

/// Reads with OpenLDAP's own reader. With -n it connects to no server.
fn ldapadd_reads(text: &str, count: usize) {
    let mut ldapadd = Command::new(tools::find("ldapadd"))
        .args(["-n", "-v", "-c"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("ldapadd starts");
    let mut stdin = ldapadd.stdin.take().expect("its input");
    let text = text.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = ldapadd.wait_with_output().expect("ldapadd ends");
    writer.join().expect("no panic").expect("its input");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let shown = String::from_utf8_lossy(&output.stdout);
    assert_eq!(shown.matches("!adding new entry").count(), count, "{shown}");
}
