//! A data file, and what a reader has got of the output of its runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use syncrepl_testing::judge;
use syncrepl_testing::reader::Reader;
use syncrepl_testing::slapd::{SUFFIX, Slapd};

use crate::common::outcome::{Data, Outcome, clean};
use crate::common::{SYNCREPL, python};

/// A data file, a server, and the file of a reader.
pub struct Place<'a> {
    pub server: &'a Slapd,
    pub data: Data,
    /// What reached the reader's file.
    pub read: Vec<u8>,
}

/// What both readers say.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    /// They hold what a dump shows.
    Equal,
    /// They have to begin anew.
    Anew,
}

impl<'a> Place<'a> {
    /// A copy whose first refresh the reader has read.
    pub fn of(server: &'a Slapd) -> Self {
        let mut place = Place {
            server,
            data: Data::new(),
            read: Vec::new(),
        };
        place.refresh();
        place
    }

    /// Runs `refresh`, and returns its output.
    pub fn output(&self) -> String {
        let refresh = Outcome::run(&self.data.refresh(self.server));
        refresh.assert_done().stdout.clone()
    }

    /// Runs `refresh` into the reader's file.
    pub fn refresh(&mut self) {
        let output = self.output();
        self.read.extend(output.as_bytes());
    }

    /// Runs `refresh` while nobody reads.
    pub fn refresh_unread(&self) {
        let mut refresh = self.data.refresh(self.server);
        let json = refresh.iter_mut().find(|word| *word == "json");
        *json.expect("a format") = "none".to_owned();
        Outcome::run(&refresh).assert_done();
    }

    /// Runs `refresh` with a reader that ends after this many lines.
    pub fn refresh_into_head(&mut self, lines: usize) {
        let mut shell = Command::new("bash");
        let script = format!(r#""$@" 2>/dev/null | head -n {lines}"#);
        shell.args(["-c", &script, "bash", SYNCREPL]);
        shell.args(self.data.refresh(self.server));
        let output = clean(&mut shell).output().expect("the shell starts");
        self.read.extend(output.stdout);
    }

    /// Keeps a backup of the data file.
    pub fn keep(&self, name: &str) -> PathBuf {
        let kept = self.data.folder.path().join(name);
        fs::copy(self.data.path(), &kept).expect("a copy");
        kept
    }

    /// Puts a backup back.
    pub fn put_back(&self, kept: &Path) {
        fs::copy(kept, self.data.path()).expect("a copy");
    }

    /// Makes a change.
    pub fn describe(&self, text: &str) {
        let ldif = format!(
            "dn: {SUFFIX}\nchangetype: modify\nreplace: description\ndescription: {text}\n"
        );
        self.server.ldapmodify(&ldif).expect("the change applies");
    }

    /// What the readers make of the reader's file.
    #[track_caller]
    pub fn readers(&self) -> Read {
        self.readers_of(&self.read)
    }

    /// What the readers make of this output. They must agree.
    #[track_caller]
    pub fn readers_of(&self, read: &[u8]) -> Read {
        let dump = self.data.dump();
        let text = String::from_utf8_lossy(read);
        let mut reader = match is_dump(&text) {
            false => Reader::new(),
            true => {
                let entries = text.lines().skip(1);
                let entries = entries.take_while(|line| !line.contains(r#""op""#));
                Reader::from_dump(&lines(&text, 1 + entries.count()))
            }
        };
        let skip = if is_dump(&text) {
            reader.directory().len() + 1
        } else {
            0
        };
        text.lines()
            .skip(skip)
            .for_each(|line| reader.feed_line(line));
        assert_eq!(reader.violations(), [""; 0]);
        match python::read(read) {
            None => {
                assert!(reader.lost().is_some(), "the readers do not agree");
                Read::Anew
            }
            Some(held) => {
                reader.assert_clean();
                let copy = judge::from_dump_json(&dump);
                judge::assert_same("reader", &reader.directory(), "dump", &copy);
                python::assert_same(&held, &dump);
                Read::Equal
            }
        }
    }
}

fn is_dump(text: &str) -> bool {
    text.lines()
        .next()
        .is_some_and(|first| first.contains(r#""entries""#))
}

/// The first lines of a text.
pub fn lines(text: &str, number: usize) -> String {
    text.split_inclusive('\n').take(number).collect()
}
