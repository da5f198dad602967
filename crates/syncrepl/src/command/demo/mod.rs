//! `syncrepl demo`: a provider in memory with a little company in it, `follow` on it, and a minute
//! of the company's life.

mod company;
mod life;

use std::fmt::Display;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use syncrepl_client::StopHandle;
use syncrepl_provider::Provider;
use tempfile::TempDir;

use super::follow;
use crate::args::{ConnectionArgs, DemoArgs, SyncArgs};
use crate::exit::Failure;
use crate::signals;

pub(crate) fn run(args: DemoArgs) -> Result<(), Failure> {
    // First of all: a signal that came before would leave the copy behind.
    let stop = StopHandle::new();
    signals::install(stop.clone())?;
    let copy = Copy::new(args.data)?;
    let provider = company::open(args.port).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => Failure::Usage(format!(
            "port {} is taken: leave --port out, and a free one is found",
            args.port
        )),
        _ => Failure::Usage(format!("cannot listen on port {}: {error}", args.port)),
    })?;
    introduce(&provider);
    let provider = Arc::new(provider);
    let actor = {
        let (provider, stop) = (Arc::clone(&provider), stop.clone());
        thread::Builder::new()
            .name("company".to_owned())
            .spawn(move || {
                // The first refresh shows the company as it is; then its life begins.
                while !stop.is_requested() {
                    if provider.wait_persisting(1, Duration::from_millis(100)) {
                        return life::play(&provider, &stop);
                    }
                }
            })?
    };
    let follow = SyncArgs {
        data: copy.path.clone(),
        format: args.format,
        connection: ConnectionArgs {
            search: vec![provider.search_url()],
            verbose: args.verbose,
            ..ConnectionArgs::default()
        },
        ..SyncArgs::default()
    };
    let result = follow::run_until(follow, stop.clone());
    stop.please_stop();
    // It looks at the stop handle before each step; what it died of would have been seen there.
    let _ = actor.join();
    result
}

/// Where the copy is: gone with the company when the demo ends, unless a file is named.
struct Copy {
    path: PathBuf,
    _folder: Option<TempDir>,
}

impl Copy {
    fn new(named: Option<PathBuf>) -> Result<Copy, Failure> {
        if let Some(path) = named {
            // To what was copied from an earlier company, this one is another directory.
            if path.exists() {
                return Err(Failure::Usage(format!(
                    "{} is there already: the demo begins with a new file, so name another",
                    path.display()
                )));
            }
            let _folder = None;
            return Ok(Copy { path, _folder });
        }
        let folder = tempfile::tempdir().map_err(|error| {
            Failure::Usage(format!(
                "no room for the copy (--data names a file): {error}"
            ))
        })?;
        Ok(Copy {
            path: folder.path().join("demo.db"),
            _folder: Some(folder),
        })
    }
}

/// Words beside the changes, on stderr. Nobody may be there to read them.
fn say(words: impl Display) {
    let _ = writeln!(io::stderr(), "{words}");
}

/// Says, on stderr, how to look and change things from another terminal.
fn introduce(provider: &Provider) {
    let (url, base) = (provider.url(), provider.base());
    let (root, password) = provider.root();
    say(format_args!(
        "A little company lives at {url} until you press Ctrl-C.
  look at it   ldapsearch -x -LLL -H {url} -b {base}
  change it    ldapmodify -x -H {url} -D {root} -w {password}
Now it is copied; then its next minute follows, change by change."
    ));
}
