//! `syncrepl adopt`: lets another search take over a copy, in a new file.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Parser;
use syncrepl_client::{Store, Syncrepl};

use super::subcommand::{Program, Subcommand};
use crate::args::{ConnectionArgs, ScopeArg};
use crate::exit::Failure;
use crate::target;

/// Let another search take over a copy, in a new file
///
/// The next refresh of the new file compares everything and tells only what really differs: entries that the new
/// search does not show are deletes, other attributes are changes. The old file stays as it is, and may be
/// followed meanwhile. No server is asked.
#[derive(Debug, Parser)]
#[command(
    name = "adopt",
    after_help = "\
Examples:
  syncrepl adopt staff.db --from people.db '(employeeType=staff)' cn mail
  syncrepl adopt north.db --from people.db -b ou=north,dc=example,dc=com
  syncrepl refresh --data staff.db        (tells the differences)"
)]
pub(crate) struct Adopt {
    /// The file to make; it must not be there yet
    #[arg(value_name = "NEW-FILE")]
    new: PathBuf,

    /// The file that holds the copy to take over
    #[arg(long, value_name = "OLD-FILE")]
    from: PathBuf,

    /// Base DN of the new search [default: that of OLD-FILE]
    #[arg(short = 'b', value_name = "DN")]
    base: Option<String>,

    /// Scope of the new search [default: that of OLD-FILE]
    #[arg(short = 's', value_name = "SCOPE")]
    scope: Option<ScopeArg>,

    /// Leave this attribute out, as for refresh; '' for none [default: as in OLD-FILE]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    attrs_except: Option<Vec<String>>,

    /// One LDAP URL (RFC 4516), or a filter (RFC 4515) followed by attributes [default: as in OLD-FILE]
    #[arg(value_name = "URL | FILTER [ATTRIBUTE]…")]
    search: Vec<String>,
}

impl Subcommand for Adopt {
    fn run(self, _: Program) -> Result<(), Failure> {
        // Before anything is said of the search: without a copy there is none to complete it by.
        Store::open(&self.from)?;
        let args = ConnectionArgs {
            base: self.base,
            scope: self.scope,
            attrs_except: self.attrs_except,
            search: self.search,
            ..ConnectionArgs::default()
        };
        let builder = Syncrepl::builder(&self.from, ());
        let builder = target::search(builder, &args, &self.from)?;
        let entries = builder.adopt_to(&self.new)?;
        let (new, old) = (self.new.display(), self.from.display());
        let mut out = io::stdout().lock();
        writeln!(
            out,
            "{new} begins with the {entries} entries of {old}; its next refresh tells what differs"
        )?;
        Ok(out.flush()?)
    }
}
