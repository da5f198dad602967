//! The output of `refresh` and `follow`. A format is one file here and one line in [`FORMATS`].

mod beside;
mod format;
pub(crate) mod journal;
pub(crate) mod json;
pub(crate) mod ldif;
mod none;
mod out;
pub(crate) mod text;

use std::io::{self, IsTerminal};

use clap::ValueEnum;
use clap::builder::PossibleValue;

pub(crate) use beside::{Beside, number_of};
pub(crate) use format::{Choice, Format};
pub(crate) use out::Sink;

use crate::args::SyncArgs;
use crate::exit::Failure;
use crate::progress::ProgressLine;

/// The formats that `--format` offers.
const FORMATS: &[Choice] = &[
    // In the order of the help.
    json::FORMAT,
    text::FORMAT,
    ldif::FORMAT,
    none::FORMAT,
];

/// The format that prints nothing.
pub(crate) const NONE: Choice = none::FORMAT;

impl ValueEnum for Choice {
    fn value_variants<'a>() -> &'a [Self] {
        FORMATS
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name).help(self.help))
    }
}

/// The callback of `refresh` and `follow`: the format, and what goes on beside it.
pub(crate) type Output = (Box<dyn Format>, Beside);

/// Opens the format on stdout, or on the file of `--output`. Without a choice: text on a terminal, JSON
/// elsewhere.
///
/// # Errors
/// When the file cannot be opened.
pub(crate) fn open(args: &SyncArgs, progress: &ProgressLine) -> Result<Output, Failure> {
    let terminal = args.output.is_none() && io::stdout().is_terminal();
    let default = match terminal {
        true => text::FORMAT,
        false => json::FORMAT,
    };
    let choice = args.format.unwrap_or(default);
    let sink = match &args.output {
        // It would stay empty.
        Some(_) if choice.name == none::FORMAT.name => Sink::stdout(progress),
        Some(path) => Sink::file(path, &args.data)?,
        None => Sink::stdout(progress),
    };
    let mut format = (choice.open)(sink.out());
    if args.changes {
        format.only_changes();
    }
    Ok((format, Beside::new(sink)))
}
