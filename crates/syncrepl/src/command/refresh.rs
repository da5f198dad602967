//! `syncrepl refresh`: brings the copy up to date, prints what changed, and exits.

use std::time::Duration;

use clap::Parser;
use syncrepl_client::{Error, StopHandle, Syncrepl, SyncreplMode};

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
  syncrepl refresh --data people.db        (again: the file knows its search)"
)]
pub(crate) struct Refresh {
    #[command(flatten)]
    sync: SyncArgs,
}

impl Subcommand for Refresh {
    fn verbose(&self) -> u8 {
        self.sync.connection.verbose
    }

    fn run(self, _: Program) -> Result<(), Failure> {
        let mut args = self.sync;
        let stop = StopHandle::new();
        signals::install(stop.clone())?;
        let progress = ProgressLine::new();
        let output = output::open(&args, &progress)?;
        let builder = target::builder(&mut args, SyncreplMode::RefreshOnly, output, stop.clone())?;
        let mut client = builder.open()?;
        let mut others = client.servers().len() - 1;
        loop {
            let (at, next) = (client.position()?, client.next_tag());
            client.callback().0.start(&at, next)?;
            // This tries every server.
            client.reconnect()?;
            let result = refresh(&mut client, &progress);
            progress.show(None);
            match result {
                Ok(()) => break,
                Err(error) if error.is_retryable() && others > 0 && !stop.is_requested() => {
                    others -= 1;
                    complain(&format!("{error}; trying the next server"));
                }
                Err(error) => return Err(error.into()),
            }
        }
        client.callback().0.finish()?;
        client.unbind()?;
        Ok(())
    }
}

fn refresh(client: &mut Syncrepl<Output>, progress: &ProgressLine) -> Result<(), Error> {
    loop {
        progress.show(client.progress());
        if !client.poll(Duration::from_millis(50))? {
            return Ok(());
        }
    }
}
