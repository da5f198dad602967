//! A copy, kept by any bind identity and in any way; a judge that searches with the same rights; and a
//! reader of everything that was printed.

use std::time::Instant;

use syncrepl_client::rusqlite::{Connection, OptionalExtension};
use syncrepl_testing::judge::{self, Directory};
use syncrepl_testing::process::Run;
use syncrepl_testing::reader::{Change, Reader};
use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};

use crate::common::PATIENCE;
use crate::common::outcome::{Data, Outcome, command};

/// The key under which the store keeps the time of the last full comparison.
const COMPARED: &str = "syncrepl_last_reconcile";

pub struct Kept {
    pub data: Data,
    pub reader: Reader,
    /// The server that the command connects to.
    pub url: String,
    /// The server that the judge connects to.
    judge: String,
    base: String,
    attributes: Vec<String>,
    /// The options by which the command binds.
    pub bind: Vec<String>,
    /// The DN and password of the judge.
    eyes: (String, String),
    follower: Option<(Run, usize)>,
}

impl Kept {
    pub fn of(url: &str) -> Kept {
        Kept {
            data: Data::new(),
            reader: Reader::new(),
            url: url.to_owned(),
            judge: url.to_owned(),
            base: SUFFIX.to_owned(),
            attributes: Vec::new(),
            bind: Vec::new(),
            eyes: Default::default(),
            follower: None,
        }
    }

    /// The whole suffix. Where there is an access log, the identity can read it.
    pub fn on(server: &Slapd, variant: Variant) -> Kept {
        let kept = Kept::of(&server.url());
        match variant {
            Variant::AccessLog => kept.bound(server.admin_dn(), server.password()),
            _ => kept,
        }
    }

    pub fn through(mut self, url: &str) -> Kept {
        self.url = url.to_owned();
        self
    }

    pub fn below(mut self, base: &str) -> Kept {
        self.base = base.to_owned();
        self
    }

    pub fn showing(mut self, attributes: &[&str]) -> Kept {
        self.attributes = attributes.iter().map(|&name| name.to_owned()).collect();
        self
    }

    pub fn bound(mut self, dn: &str, password: &str) -> Kept {
        self.bind = ["-D", dn, "-w", password].map(str::to_owned).to_vec();
        self.eyes = (dn.to_owned(), password.to_owned());
        self
    }

    /// From now on binds by these options. The judge gets an identity with the same rights.
    pub fn becomes(&mut self, url: &str, bind: &[&str], eyes: (&str, &str)) {
        self.url = url.to_owned();
        self.bind = bind.iter().map(|&word| word.to_owned()).collect();
        self.eyes = (eyes.0.to_owned(), eyes.1.to_owned());
    }

    fn words(&self, subcommand: &str, options: &[&str]) -> Vec<String> {
        let path = self.data.path();
        let words = [
            subcommand, "--data", &path, "--format", "json", "-H", &self.url, "-b", &self.base,
        ];
        let words = words.iter().chain(options).map(|&word| word.to_owned());
        words
            .chain(self.bind.iter().cloned())
            .chain(["(objectClass=*)".to_owned()])
            .chain(self.attributes.iter().cloned())
            .collect()
    }

    pub fn refresh(&mut self, options: &[&str]) -> Outcome {
        let outcome = Outcome::run(&self.words("refresh", options));
        self.reader.feed(&outcome.stdout);
        outcome
    }

    /// Refreshes, which has to succeed. Gives the events.
    #[track_caller]
    pub fn refreshed(&mut self, options: &[&str]) -> Vec<String> {
        let mark = self.reader.mark();
        let mut outcome = self.refresh(options);
        if self.attributes.iter().any(|name| name == "memberOf") {
            // A run says that it will not be told of all its changes.
            outcome.stderr = outcome.without("warning: the search names memberOf");
        }
        outcome.assert_done();
        self.told_since(mark)
    }

    /// Events in words, sorted; DNs without the suffix.
    pub fn told_since(&self, mark: usize) -> Vec<String> {
        let short = |dn: &str| dn.trim_end_matches(&format!(",{SUFFIX}")).to_owned();
        let told = self.reader.events_since(mark).iter();
        let mut told: Vec<String> = told
            .map(|event| match &event.change {
                Change::Add { dn, .. } => format!("add {}", short(dn)),
                Change::Rename { old_dn, dn } => format!("rename {} {}", short(old_dn), short(dn)),
                Change::Change { dn, .. } | Change::Values { dn, .. } => {
                    format!("change {}", short(dn))
                }
                Change::Delete { dn, .. } => format!("delete {}", short(dn)),
            })
            .collect();
        told.sort();
        told
    }

    pub fn dump(&self) -> Directory {
        judge::from_dump_json(&self.data.dump())
    }

    pub fn expected(&self) -> Directory {
        let attributes: Vec<&str> = self.attributes.iter().map(String::as_str).collect();
        let (dn, password) = &self.eyes;
        let filter = "(objectClass=*)";
        judge::search(
            &self.judge,
            dn,
            password,
            &self.base,
            "sub",
            filter,
            &attributes,
        )
    }

    /// The differences between the copy and a fresh search.
    pub fn differences(&self) -> Vec<String> {
        judge::differences("copy", &self.dump(), "search", &self.expected())
    }

    /// Asserts that copy, reader and a fresh search are equal.
    #[track_caller]
    pub fn assert_equal(&mut self) {
        self.take_output();
        self.reader.assert_clean();
        let expected = self.expected();
        judge::assert_same("dump", &self.dump(), "search", &expected);
        judge::assert_same("reader", &self.reader.directory(), "search", &expected);
    }

    /// Asserts that the reader has what the copy has, whatever the server has.
    #[track_caller]
    pub fn assert_reader_has_the_copy(&mut self) {
        self.take_output();
        self.reader.assert_clean();
        judge::assert_same("reader", &self.reader.directory(), "dump", &self.dump());
    }

    /// Asserts that no entry exists that was told as deleted, unless it was added again.
    #[track_caller]
    pub fn assert_no_phantom_delete(&self, before: usize) {
        let expected = self.expected();
        for (uuid, dn, line) in &self.reader.deletes()[before..] {
            let there = expected.entries.contains_key(uuid);
            assert!(
                !there,
                "line {line} told the delete of {dn}, which is there"
            );
        }
    }

    /// Starts `follow`, and does not wait.
    pub fn start(&mut self, options: &[&str]) {
        self.start_as("follow", options);
    }

    /// The same for a subcommand that ends by itself.
    pub fn start_as(&mut self, subcommand: &str, options: &[&str]) {
        let run = Run::command(&mut command(&self.words(subcommand, options)));
        self.follower = Some((run, 0));
    }

    /// Starts `follow`, and waits for the end of the refresh stage.
    #[track_caller]
    pub fn follow(&mut self, options: &[&str]) {
        self.start(options);
        self.wait_for(r#""op":"commit""#, 1);
    }

    pub fn follower(&mut self) -> &mut Run {
        &mut self.follower.as_mut().expect("it follows").0
    }

    /// Waits until the follower has printed so many lines with these words.
    #[track_caller]
    pub fn wait_for(&mut self, part: &str, count: usize) {
        let mut from = 0;
        for _ in 0..count {
            let follower = self.follower();
            from = 1 + follower.wait_for_line_from(from, |line| line.contains(part), PATIENCE);
        }
    }

    pub fn take_output(&mut self) {
        if let Some((run, taken)) = &mut self.follower {
            let lines = run.lines();
            lines[*taken..]
                .iter()
                .for_each(|line| self.reader.feed_line(line));
            *taken = lines.len();
        }
    }

    #[track_caller]
    pub fn wait_equal(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        let expected = self.expected();
        loop {
            self.take_output();
            let same = self.reader.directory().entries == expected.entries
                && self.dump().entries == expected.entries;
            if same || Instant::now() > deadline {
                return self.assert_equal();
            }
            std::thread::yield_now();
        }
    }

    /// Stops the follower as a service manager would. Gives what it wrote to stderr.
    #[track_caller]
    pub fn stop(&mut self) -> String {
        self.follower().signal("TERM");
        let (code, stderr) = self.ended();
        assert_eq!(code, Some(0), "{stderr}");
        stderr
    }

    /// Waits until the follower ends by itself. Gives its exit code, and what it wrote to stderr.
    #[track_caller]
    pub fn ended(&mut self) -> (Option<i32>, String) {
        let (code, stderr, _) = self.ended_after();
        (code, stderr)
    }

    /// The same, with all that it printed.
    #[track_caller]
    pub fn ended_after(&mut self) -> (Option<i32>, String, String) {
        let status = self.follower().wait_exit(PATIENCE);
        self.take_output();
        let (run, _) = self.follower.take().expect("it follows");
        (status.code(), run.stderr(), run.output())
    }

    /// The time of the last full comparison, in milliseconds since 1970.
    pub fn compared(&self) -> Option<u64> {
        let store = Connection::open(self.data.path()).expect("the store opens");
        let query = "SELECT CAST(value AS TEXT) FROM syncrepl_settings WHERE name = ?1";
        let digits: Option<String> = store
            .query_row(query, [COMPARED], |row| row.get(0))
            .optional()
            .expect("a setting");
        digits.map(|digits| digits.parse().expect("a number"))
    }

    /// Sets the time of the last full comparison.
    pub fn set_compared(&self, millis: u64) {
        let store = Connection::open(self.data.path()).expect("the store opens");
        let update = "UPDATE syncrepl_settings SET value = CAST(?2 AS BLOB) WHERE name = ?1";
        let changed = store.execute(update, (COMPARED, millis.to_string()));
        assert_eq!(changed.expect("it is written"), 1);
    }
}
