//! `syncrepl refresh`: brings the copy up to date, prints what changed, and exits.

use std::path::Path;
use std::time::Duration;

use clap::Parser;
use syncrepl_client::{Error, ErrorKind, StopHandle, Store, Syncrepl, SyncreplMode};
use tempfile::TempDir;

use super::subcommand::{Program, Subcommand};
use crate::args::SyncArgs;
use crate::exit::{Failure, complain};
use crate::output::{self, Output};
use crate::progress::ProgressLine;
use crate::{signals, target};

/// Bring the copy up to date, print what changed, exit
#[derive(Debug, Parser)]
#[command(
    name = "refresh",
    after_help = "\
Examples:
  syncrepl refresh --data people.db -x -H ldap://ldap.example.com -b dc=example,dc=com '(objectClass=person)' cn mail
  syncrepl refresh --data people.db 'ldap://ldap.example.com/dc=example,dc=com?cn,mail?sub?(objectClass=person)'
  syncrepl refresh --data people.db        (again: the file knows its search)
  syncrepl refresh --data people.db --dry-run        (only says what would change)"
)]
pub(crate) struct Refresh {
    #[command(flatten)]
    sync: SyncArgs,

    /// Print what a refresh would tell, and change nothing. With --max-delete: all that it would stop, and then
    /// exit code 6
    #[arg(long)]
    dry_run: bool,
}

impl Subcommand for Refresh {
    fn verbose(&self) -> u8 {
        self.sync.connection.verbose
    }

    fn run(self, _: Program) -> Result<(), Failure> {
        let (mut args, dry) = (self.sync, self.dry_run);
        let scratch = if dry { scratch(&mut args)? } else { None };
        let stop = StopHandle::new();
        signals::install(stop.clone())?;
        let progress = ProgressLine::new();
        let output = output::open(&args, &progress)?;
        let builder = target::builder(&mut args, SyncreplMode::RefreshOnly, output, stop.clone())?;
        let mut client = builder.dry_run(dry).open()?;
        if dry {
            client.callback().0.dry_run();
        }
        let mut failed = 0;
        loop {
            let (at, next) = (client.position()?, client.next_tag());
            client.callback().0.start(&at, next)?;
            // This tries every server.
            client.reconnect()?;
            let result = refresh(&mut client, &progress);
            progress.show(None);
            match result {
                Ok(()) => break,
                Err(error)
                    if error.is_retryable()
                        && failed + 1 < client.servers().len()
                        && !stop.is_requested() =>
                {
                    failed += 1;
                    complain(&format!("{error}; trying the next server"));
                }
                Err(error) => {
                    if dry && error.kind() == ErrorKind::Guard {
                        client.callback().0.finish()?;
                    }
                    return Err(error.into());
                }
            }
        }
        if let Err(error) = client.callback().0.finish() {
            let failure = Failure::from(error);
            client.will_fail(&failure.to_string());
            return Err(failure);
        }
        client.unbind()?;
        drop(scratch);
        Ok(())
    }
}

/// A folder that takes the data file of a dry run where there is none yet. Dropping it removes both.
///
/// # Errors
/// When the folder cannot be made, or the data file is none that a dry run can leave as it is.
fn scratch(args: &mut SyncArgs) -> Result<Option<TempDir>, Failure> {
    let is_empty = |data: &Path| data.metadata().is_ok_and(|data| data.len() == 0);
    if args.data.exists() && !is_empty(&args.data) {
        // A refresh would bring a file of an earlier version up to date, which is a change.
        Store::open(&args.data)?;
        return Ok(None);
    }
    let folder = tempfile::tempdir()
        .map_err(|error| Failure::System("no temporary folder for the dry run", error))?;
    args.data = folder.path().join("copy.db");
    Ok(Some(folder))
}

fn refresh(client: &mut Syncrepl<Output>, progress: &ProgressLine) -> Result<(), Error> {
    loop {
        progress.show(client.progress());
        if !client.poll(Duration::from_millis(50))? {
            return Ok(());
        }
    }
}
