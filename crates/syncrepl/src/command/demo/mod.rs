//! `syncrepl demo`: starts a provider in memory with a little company in it, lets the company live for
//! a minute, and runs `follow` on it.

mod company;
mod life;
mod words;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use clap::{ArgAction, Parser};
use syncrepl_client::StopHandle;
use syncrepl_provider::Provider;
use tempfile::TempDir;

use super::follow;
use super::subcommand::{Program, Subcommand};
use crate::args::{ConnectionArgs, SyncArgs};
use crate::exit::Failure;
use crate::metrics::Pulse;
use crate::signals::Renewal;
use crate::{output, signals};

/// See it work: a little directory in memory that keeps changing, and follow on it
#[derive(Debug, Parser)]
#[command(
    name = "demo",
    after_help = "\
Examples:
  syncrepl demo
  syncrepl demo --format json --port 3389

The directory is gone when the demo ends. Ctrl-C ends it."
)]
pub(crate) struct Demo {
    /// The port of the little directory; a free one unless named
    #[arg(
        long,
        value_name = "PORT",
        default_value_t = 0,
        hide_default_value = true
    )]
    port: u16,

    /// A new file to hold the copy; one that is deleted at the end unless named
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,

    /// How changes are printed [default: text on a terminal, json in a pipe]
    #[arg(long, value_name = "FORMAT")]
    format: Option<output::Choice>,

    /// Say more on stderr; -vv and -vvv say even more
    #[arg(short = 'v', action = ArgAction::Count)]
    verbose: u8,
}

impl Subcommand for Demo {
    fn verbose(&self) -> u8 {
        self.verbose
    }

    fn run(self, _: Program) -> Result<(), Failure> {
        // Before the copy is made: an earlier signal would end the process and leave the copy behind.
        let stop = StopHandle::new();
        signals::install(stop.clone())?;
        let copy = Copy::new(self.data.as_deref())?;
        let provider = Arc::new(open(self.port)?);
        words::introduce(&provider);
        let actor = start_life(&provider, &stop)?;
        let follow = SyncArgs {
            data: copy.path.clone(),
            format: self.format,
            connection: ConnectionArgs {
                search: vec![provider.search_url()],
                verbose: self.verbose,
                ..ConnectionArgs::default()
            },
            ..SyncArgs::default()
        };
        let (pulse, renewal) = (Pulse::default(), Renewal::default());
        let result = follow::run_until(follow, stop.clone(), pulse, renewal, None);
        stop.please_stop();
        // It looks at the stop handle before each step, so it ends soon. If it panicked, stderr says so.
        let _ = actor.join();
        result
    }
}

fn open(port: u16) -> Result<Provider, Failure> {
    company::open(port).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => Failure::Usage(format!(
            "port {port} is taken: leave --port out, and a free one is found"
        )),
        _ => Failure::Usage(format!("cannot listen on port {port}: {error}")),
    })
}

/// Lets the company live in a thread of its own.
fn start_life(provider: &Arc<Provider>, stop: &StopHandle) -> Result<JoinHandle<()>, Failure> {
    let (provider, stop) = (Arc::clone(provider), stop.clone());
    let life = move || {
        // The first refresh shows the company as it is. Its life begins after that.
        while !stop.is_requested() {
            if provider.wait_persisting(1, Duration::from_millis(100)) {
                return life::play(&provider, &stop);
            }
        }
    };
    thread::Builder::new()
        .name("company".to_owned())
        .spawn(life)
        .map_err(|error| Failure::System("the demo cannot start a thread", error))
}

/// The file that holds the copy. It is deleted at the end of the demo, unless the user names one.
struct Copy {
    path: PathBuf,
    _folder: Option<TempDir>,
}

impl Copy {
    fn new(named: Option<&Path>) -> Result<Copy, Failure> {
        if let Some(path) = named {
            // A copy of an earlier company would not fit: this company is another directory.
            if path.exists() {
                return Err(Failure::Usage(format!(
                    "{} exists already: the demo needs a new file, so name another",
                    path.display()
                )));
            }
            return Ok(Copy {
                path: path.to_owned(),
                _folder: None,
            });
        }
        let folder = tempfile::tempdir().map_err(|error| {
            Failure::Usage(format!(
                "cannot make a temporary file for the copy (--data names a file): {error}"
            ))
        })?;
        Ok(Copy {
            path: folder.path().join("demo.db"),
            _folder: Some(folder),
        })
    }
}
