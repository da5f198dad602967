//! `syncrepl man`: the manual page of the command, or of one subcommand, as roff.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_mangen::Man;

use crate::args::{Args, ManArgs};
use crate::exit::Failure;

pub(crate) fn run(args: &ManArgs) -> Result<(), Failure> {
    let mut command = Args::command();
    // Gives the subcommands their full names: syncrepl-refresh.
    command.build();
    if let Some(name) = &args.subcommand {
        let found = command.find_subcommand(name).cloned();
        command = found
            .ok_or_else(|| Failure::Usage(format!("no subcommand is called '{name}'")))?
            .version(env!("CARGO_PKG_VERSION"));
    }
    let mut page = Vec::new();
    Man::new(command)
        .source(concat!("syncrepl ", env!("CARGO_PKG_VERSION")))
        .manual("Directory tools")
        .render(&mut page)?;
    let mut out = io::stdout().lock();
    out.write_all(&page)?;
    Ok(out.flush()?)
}
