//! `syncrepl refresh`: bring the copy up to date, print what changed, exit.

use std::time::Duration;

use syncrepl_client::{StopHandle, SyncreplMode};

use crate::args::SyncArgs;
use crate::exit::Failure;
use crate::output::Output;
use crate::progress::ProgressLine;
use crate::{signals, target};

pub(crate) fn run(mut args: SyncArgs) -> Result<(), Failure> {
    let stop = StopHandle::new();
    signals::install(stop.clone())?;
    let output = Output::new(args.format);
    let progress = ProgressLine::new(output.is_on_terminal());
    let builder = target::builder(&mut args, SyncreplMode::RefreshOnly, output, stop)?;
    let mut client = builder.open()?;
    let commit = client.commit_number();
    client.callback().start(commit)?;
    client.reconnect()?;
    while client.poll(Duration::from_millis(200))? {
        progress.show(client.progress());
    }
    progress.show(None);
    client.callback().finish()?;
    client.unbind()?;
    Ok(())
}
