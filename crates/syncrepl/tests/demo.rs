//! `syncrepl demo`: it shows every kind of event, other LDAP tools can work with it, and it ends cleanly.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::outcome::{Outcome, clean, command};
use common::{PATIENCE, text};
use syncrepl_testing::process::Run;
use syncrepl_testing::reader::{Change, Reader};
use syncrepl_testing::{judge, tools, wait_until};
use tempfile::TempDir;

/// The demo should take a fortieth of this; the machine may be busy. A change that waits for something
/// else, such as a sign of life, takes longer.
const SOON: Duration = Duration::from_secs(4);

struct Demo {
    run: Run,
    folder: TempDir,
    url: String,
    base: String,
    /// The command lines that it prints.
    look: String,
    change: String,
}

impl Demo {
    fn start() -> Demo {
        let folder = TempDir::new().expect("a temporary folder");
        let run = Run::command(&mut demo(&folder, &[]));
        run.wait_for_stderr(|line| line.starts_with("Now it is copied"), PATIENCE);
        let said = run.stderr();
        let named = |what: &str| {
            let line = said
                .lines()
                .find_map(|line| line.trim().strip_prefix(what))
                .unwrap_or_else(|| panic!("no {what:?} in {said}"));
            line.trim().to_owned()
        };
        let (look, change) = (named("look at it"), named("change it"));
        Demo {
            url: after(&look, "-H"),
            base: after(&look, "-b"),
            run,
            folder,
            look,
            change,
        }
    }

    /// Runs a program of `ldap-utils`, as the identity that may write, with an input.
    #[track_caller]
    fn change(&self, program: &str, arguments: &[&str], input: &str) {
        let mut child = shell(&self.change.replace("ldapmodify", program))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        let mut stdin = child.stdin.take().expect("stdin is a pipe");
        stdin.write_all(input.as_bytes()).expect("it reads");
        drop(stdin);
        done(program, child.wait_with_output());
    }

    /// Runs such a program, and checks that the demo soon prints a line with these words. Gives the time
    /// from the end of the program to the commit line.
    #[track_caller]
    fn told(&self, (program, arguments): (&str, &[&str]), input: &str, words: &[&str]) -> Duration {
        let before = self.run.lines().len();
        self.change(program, arguments, input);
        let ended = Instant::now();
        let has_them = |line: &str| words.iter().all(|word| line.contains(word));
        let line = self.run.wait_for_line_from(before, has_them, PATIENCE);
        let is_commit = |line: &str| line.contains(r#""op":"commit""#);
        self.run.wait_for_line_from(line, is_commit, PATIENCE);
        let took = ended.elapsed();
        println!("{program}: told {took:?} after its end");
        assert!(took < SOON, "{program}: {took:?}");
        took
    }

    /// Runs the `ldapsearch` that the demo prints, with more arguments.
    #[track_caller]
    fn search(&self, arguments: &[&str]) -> String {
        let output = shell(&self.look).args(arguments).output();
        done("ldapsearch", output)
    }

    fn interrupt(&mut self) {
        self.run.signal("INT");
        let status = self.run.wait_exit(PATIENCE);
        assert_eq!(status.code(), Some(0), "{}", self.run.stderr());
        assert_eq!(files(self.folder.path()), 0, "something was left behind");
    }
}

/// The demo, with a folder of its own for temporary files.
fn demo(folder: &TempDir, options: &[&str]) -> Command {
    let mut command = command(&["demo", "--format", "json"]);
    command.args(options).env("TMPDIR", folder.path());
    command
}

/// A command from its line; more arguments can be added.
fn shell(line: &str) -> Command {
    let mut words = line.split_whitespace();
    let program = words.next().expect("a program");
    let mut command = Command::new(tools::find(program));
    clean(&mut command).env("LDAPNOINIT", "1").args(words);
    command
}

#[track_caller]
fn done(program: &str, output: std::io::Result<Output>) -> String {
    let output = output.expect("it runs");
    let (code, said) = (output.status.code(), text(&output.stderr));
    assert_eq!(code, Some(0), "{program}: {said}");
    text(&output.stdout)
}

/// The word after an option.
fn after(line: &str, option: &str) -> String {
    let mut words = line.split_whitespace().skip_while(|word| *word != option);
    words.nth(1).expect("an argument").to_owned()
}

fn files(folder: &Path) -> usize {
    fs::read_dir(folder).expect("the folder").count()
}

/// The kinds of events in these lines.
fn seen(lines: &[String]) -> BTreeSet<&'static str> {
    let mut seen = BTreeSet::new();
    let mut refreshed = false;
    let mut renames = 0;
    for line in lines {
        let has = |word: &str| line.contains(&format!(r#""op":"{word}""#));
        if has("refresh_done") {
            refreshed = true;
            seen.insert("refresh_done");
        }
        for word in ["add", "change", "rename", "delete"] {
            if refreshed && has(word) {
                seen.insert(word);
            }
        }
        if has("rename") {
            renames += 1;
        }
        if has("commit") {
            // The department and its three people were renamed in one commit.
            if renames >= 4 {
                seen.insert("department");
            }
            renames = 0;
        }
    }
    seen
}

/// One run, seen from all sides while the company lives its minute. No check depends on how far the
/// company is.
#[test]
fn a_minute_and_the_tools_of_openldap() {
    let mut demo = Demo::start();
    demo.run.wait_for_line(|_| true, PATIENCE);
    let began = Instant::now();
    demo.run
        .wait_for_line(|line| line.contains("refresh_done"), PATIENCE);
    let mut times = changes_in_a_garden(&demo);
    times.push(other_tools_see_the_orchard(&demo));
    println!("the longest: {:?}", times.iter().max());
    every_kind_of_event(&demo, began);
    output_equals_a_search(&demo);
    demo.interrupt();
    let reader = read(&demo);
    reader.assert_clean();
    let renamed = |change: &Change| matches!(change, Change::Rename { dn, .. } if dn.starts_with("ou=Administration,"));
    let events = reader.events_since(0);
    assert!(events.iter().any(|event| renamed(&event.change)));
    let stderr = demo.run.stderr();
    assert!(!stderr.contains("syncrepl:"), "{stderr}");
}

/// Makes a change of every kind but a delete, in a unit of the test's own: a garden that becomes an
/// orchard. Gives how long the demo took to print each.
fn changes_in_a_garden(demo: &Demo) -> Vec<Duration> {
    let base = &demo.base;
    let garden = format!("ou=Garden,{base}");
    let ann = format!("cn=Ann,{garden}");
    let mut times = vec![
        demo.told(
            ("ldapadd", &[]),
            &format!(
                "dn: {garden}\nobjectClass: organizationalUnit\nou: Garden\n\n\
                 dn: {ann}\nobjectClass: person\ncn: Ann\nsn: Lee\n"
            ),
            &["add", &ann],
        ),
        demo.told(
            ("ldapmodrdn", &["-r", &ann, "cn=Anna"]),
            "",
            &["rename", &format!("cn=Anna,{garden}")],
        ),
        demo.told(
            ("ldapmodrdn", &["-r", &garden, "ou=Orchard"]),
            "",
            &["rename", &format!("cn=Anna,ou=Orchard,{base}")],
        ),
    ];
    let anna = format!("cn=Anna,ou=Orchard,{base}");
    for number in 0..10 {
        times.push(demo.told(
            ("ldapmodify", &[]),
            &format!("dn: {anna}\nchangetype: modify\nreplace: title\ntitle: Gardener {number}\n"),
            &["change", &anna, &format!("Gardener {number}")],
        ));
    }
    times
}

/// `ldapsearch` finds the orchard, refreshes from it and follows it; then the orchard is deleted. The
/// company goes on living, so the test looks at its own entries only.
fn other_tools_see_the_orchard(demo: &Demo) -> Duration {
    let orchard = format!("ou=Orchard,{}", demo.base);
    let anna = format!("cn=Anna,{orchard}");
    let found = demo.search(&["(cn=anna)", "title"]);
    assert_eq!(found, format!("dn: {anna}\ntitle: Gardener 9\n\n"));
    let refreshed = demo.search(&["-E", "sync=ro", "-b", &orchard]);
    for words in [&*format!("dn: {anna}"), "title: Gardener 9"] {
        assert!(refreshed.contains(words), "{words} in {refreshed}");
    }
    let persisting =
        Run::command(shell(&demo.look.replace("-LLL", "")).args(["-E", "sync=rp", "-b", &orchard]));
    persisting.wait_for_line(|line| line.contains("switching to persist stage"), PATIENCE);
    let took = demo.told(("ldapdelete", &[&anna]), "", &["delete", &anna]);
    persisting.wait_for_line(|line| line.ends_with(" deleted"), PATIENCE);
    demo.change("ldapdelete", &[&orchard], "");
    took
}

/// Within half a minute the company itself has shown every kind of event.
fn every_kind_of_event(demo: &Demo, began: Instant) {
    let all = BTreeSet::from([
        "refresh_done",
        "add",
        "change",
        "rename",
        "department",
        "delete",
    ]);
    let left = Duration::from_secs(30).saturating_sub(began.elapsed());
    let ours = |line: &String| line.contains("Garden") || line.contains("Orchard");
    wait_until(left, || {
        let lines = demo.run.lines().into_iter();
        seen(&lines.filter(|line| !ours(line)).collect::<Vec<_>>()) == all
    });
    println!("every kind of event: {:?}", began.elapsed());
}

/// A reader of the output so far.
fn read(demo: &Demo) -> Reader {
    let mut reader = Reader::new();
    let lines = demo.run.lines();
    lines.iter().for_each(|line| reader.feed_line(line));
    reader
}

/// Between two steps of the company, a reader of the output holds what a search finds.
fn output_equals_a_search(demo: &Demo) {
    wait_until(PATIENCE, || {
        let (url, base) = (&demo.url, &demo.base);
        let search = judge::search(url, "", "", base, "sub", "(objectClass=*)", &[]);
        read(demo).directory().entries == search.entries
    });
}

#[test]
fn interrupt_at_any_time() {
    let mut demo = Demo::start();
    demo.interrupt();
    let mut demo = Demo::start();
    demo.run
        .wait_for_line(|line| line.contains("refresh_done"), PATIENCE);
    demo.interrupt();
}

#[test]
fn refusals_at_the_start() {
    let folder = TempDir::new().expect("a temporary folder");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("its address").port().to_string();
    Outcome::of(&mut self::demo(&folder, &["--port", &port]))
        .assert_failed(2, &["port", &port, "is taken", "--port"]);
    assert_eq!(files(folder.path()), 0);

    let named = folder.path().join("there.db");
    fs::write(&named, "").expect("writing a file");
    let path = named.display().to_string();
    Outcome::of(&mut self::demo(&folder, &["--data", &path]))
        .assert_failed(2, &[&path, "exists already"]);

    // The copy cannot be made: the demo ends at once.
    let nowhere = folder.path().join("no/copy.db").display().to_string();
    let outcome = Outcome::of(&mut self::demo(&folder, &["--data", &nowhere]));
    assert_eq!(outcome.code, Some(5), "{}", outcome.stderr);
    let nobody = folder.path().join("no").display().to_string();
    let mut nowhere = self::demo(&folder, &[]);
    Outcome::of(nowhere.env("TMPDIR", &nobody))
        .assert_failed(2, &["cannot make a temporary file", "--data"]);
}

/// The demo goes on when its stderr is closed.
#[test]
fn closed_stderr() {
    let folder = TempDir::new().expect("a temporary folder");
    let mut child = self::demo(&folder, &[])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    drop(child.stderr.take());
    let stdout = child.stdout.take().expect("stdout is a pipe");
    let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
    assert!(
        lines.any(|line| line.contains("Greta")),
        "life did not begin"
    );
    tools::signal(child.id(), "INT");
    lines.for_each(drop);
    assert_eq!(child.wait().expect("its end").code(), Some(0));
}
