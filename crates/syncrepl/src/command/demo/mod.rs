//! `syncrepl demo`: a provider in memory with a little company in it, `follow` on it, and a minute
//! of the company's life.

mod company;
mod life;

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use syncrepl_client::StopHandle;
use syncrepl_provider::Provider;

use super::follow;
use crate::args::{DemoArgs, SyncArgs};
use crate::exit::Failure;

pub(crate) fn run(args: DemoArgs) -> Result<(), Failure> {
    let provider = company::open(args.port).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => Failure::Usage(format!(
            "port {} is taken: leave --port out, and a free one is found",
            args.port
        )),
        _ => Failure::Output(error),
    })?;
    // The copy is gone with the company when the demo ends, unless a file is named.
    let folder = tempfile::tempdir()?;
    let data = args.data.unwrap_or_else(|| folder.path().join("demo.db"));
    introduce(&provider);
    let (provider, stop) = (Arc::new(provider), StopHandle::new());
    let actor = {
        let (provider, stop) = (Arc::clone(&provider), stop.clone());
        thread::Builder::new()
            .name("company".to_owned())
            .spawn(move || {
                // The first refresh shows the company as it is; then its life begins.
                if provider.wait_persisting(1, Duration::from_secs(60)) {
                    life::play(&provider, &stop);
                }
            })?
    };
    let follow = SyncArgs {
        data,
        search: vec![provider.search_url()],
        format: args.format,
        verbose: args.verbose,
        ..SyncArgs::default()
    };
    let result = follow::run_until(follow, stop.clone());
    stop.please_stop();
    // It looks at the stop handle before each step; what it died of would have been seen there.
    let _ = actor.join();
    result
}

/// Says, on stderr, how to look and change things from another terminal.
fn introduce(provider: &Provider) {
    let (url, base) = (provider.url(), provider.base());
    let (root, password) = provider.root();
    eprintln!(
        "A little company lives at {url} until you press Ctrl-C.
  look at it   ldapsearch -x -LLL -H {url} -b {base}
  change it    ldapmodify -x -H {url} -D {root} -w {password}
Now it is copied; then its next minute follows, change by change.
"
    );
}
