//! `syncrepl doctor`: says line by line whether a refresh would work.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Parser;
use syncrepl_client::{Callback, Finding, StopHandle, Syncrepl, SyncreplMode, Verdict, printable};
use syncrepl_proto::secret::masked;

use super::subcommand::{Program, Subcommand};
use crate::args::ConnectionArgs;
use crate::exit::{Failure, stdout_has_colour};
use crate::{signals, target};

/// Say whether a refresh would work, and what to do about what stands in its way
#[derive(Debug, Parser)]
#[command(
    name = "doctor",
    after_help = "\
Examples:
  syncrepl doctor -H ldap://ldap.example.com -ZZ -D cn=reader,dc=example,dc=com -W -b dc=example,dc=com
  syncrepl doctor 'ldap://localhost/dc=example,dc=com?cn,mail?sub?(objectClass=person)'
  syncrepl doctor --data people.db        (the file knows its search)

Each line begins with ✔ (good), ! (a refresh works, but look at it) or ✘ (a refresh fails).
The exit code is that of a refresh: 0 when it would work. Nothing is changed or stored; all entries
of the search are sent once, with one attribute."
)]
pub(crate) struct Doctor {
    /// A file that holds a copy: its search is looked at, and nothing in it is changed
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,

    #[command(flatten)]
    connection: ConnectionArgs,
}

/// A callback that does nothing: `doctor` stores no change.
struct Silent;

impl Callback for Silent {}

impl Subcommand for Doctor {
    const ONLY_PRINTS: bool = true;

    fn verbose(&self) -> u8 {
        self.connection.verbose
    }

    fn run(self, _: Program) -> Result<(), Failure> {
        let stop = StopHandle::new();
        signals::install(stop.clone())?;
        let Doctor {
            data,
            mut connection,
        } = self;
        if let Some(data) = data.as_ref().filter(|data| !data.exists()) {
            return Err(Failure::Usage(format!(
                "there is no file {} (leave out --data, and give -H and -b)",
                data.display()
            )));
        }
        // An empty path names no file, so no copy is looked for.
        let data = data.unwrap_or_else(PathBuf::new);
        let builder = Syncrepl::builder(&data, Silent)
            .mode(SyncreplMode::RefreshOnly)
            .stop_handle(stop);
        let builder = target::connection(builder, &mut connection, &data)?;
        let mut report = Report::default();
        let result = builder.diagnose(|finding| report.tell(finding));
        if let Some(error) = report.failed {
            return Err(Failure::Output(error));
        }
        result.map_err(|error| match report.bad {
            true => Failure::Diagnosed(error),
            false => Failure::Client(error),
        })
    }
}

/// Text for a terminal: it may quote what was typed in a wrong place.
fn safe(text: &str) -> String {
    printable(&masked(text))
}

/// The report so far.
#[derive(Default)]
struct Report {
    /// The server that the last line was about.
    server: String,
    /// Whether a line says that a refresh fails.
    bad: bool,
    /// Why a line could not be printed.
    failed: Option<io::Error>,
}

impl Report {
    fn tell(&mut self, finding: &Finding) {
        self.bad |= finding.verdict == Verdict::Bad;
        if self.failed.is_none() {
            self.failed = self.print(finding).err();
        }
    }

    fn print(&mut self, finding: &Finding) -> io::Result<()> {
        let (sign, colour) = match finding.verdict {
            Verdict::Good => ("✔", "32"),
            Verdict::Warning => ("!", "33"),
            // Bad, and whatever there may be besides: nobody passes over it.
            _ => ("✘", "31"),
        };
        let mut out = io::stdout().lock();
        if self.server != finding.server {
            let gap = if self.server.is_empty() { "" } else { "\n" };
            writeln!(out, "{gap}{}", safe(&finding.server))?;
            self.server.clone_from(&finding.server);
        }
        let text = safe(&finding.text);
        match stdout_has_colour() {
            true => writeln!(out, "\x1b[{colour}m{sign}\x1b[0m {text}")?,
            false => writeln!(out, "{sign} {text}")?,
        }
        for line in &finding.advice {
            writeln!(out, "{}", format!("    {}", safe(line)).trim_end())?;
        }
        // Show each line at once: the next may take a while.
        out.flush()
    }
}
