//! `syncrepl refresh`: bring the copy up to date, print what changed, exit.

use std::time::Duration;

use syncrepl_client::{Error, StopHandle, Syncrepl, SyncreplMode};

use crate::args::SyncArgs;
use crate::exit::{Failure, complain};
use crate::output::{self, Output};
use crate::progress::ProgressLine;
use crate::{signals, target};

pub(crate) fn run(mut args: SyncArgs) -> Result<(), Failure> {
    let stop = StopHandle::new();
    signals::install(stop.clone())?;
    let progress = ProgressLine::new();
    let output = output::open(args.format, &progress);
    let builder = target::builder(&mut args, SyncreplMode::RefreshOnly, output, stop.clone())?;
    let mut client = builder.open()?;
    let mut others = client.servers().len() - 1;
    loop {
        let commit = client.commit_number();
        client.callback().0.start(commit)?;
        // That tries every server.
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

fn refresh(client: &mut Syncrepl<Output>, progress: &ProgressLine) -> Result<(), Error> {
    loop {
        progress.show(client.progress());
        if !client.poll(Duration::from_millis(50))? {
            return Ok(());
        }
    }
}
