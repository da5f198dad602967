//! The subcommands. Each is one file here, with its arguments beside what it does, and one line in
//! [`SUBCOMMANDS`].

mod adopt;
mod check;
mod completions;
mod dead;
mod demo;
mod doctor;
mod dump;
mod follow;
mod journal;
mod man;
mod refresh;
mod run;
mod sinks;
mod status;
mod subcommand;

use subcommand::Entry;

/// The subcommands, in the order of the help.
pub(crate) const SUBCOMMANDS: &[Entry] = &[
    Entry::of::<refresh::Refresh>(),
    Entry::of::<follow::Follow>(),
    Entry::of::<run::Run>(),
    Entry::of::<check::Check>(),
    Entry::of::<sinks::Sinks>(),
    Entry::of::<sinks::SinkCommand>(),
    Entry::of::<dead::DeadCommand>(),
    Entry::of::<doctor::Doctor>(),
    Entry::of::<demo::Demo>(),
    Entry::of::<adopt::Adopt>(),
    Entry::of::<dump::Dump>(),
    Entry::of::<journal::Journal>(),
    Entry::of::<status::Status>(),
    Entry::of::<completions::Completions>(),
    Entry::of::<man::Man>(),
];
