//! Follow a directory until Ctrl-C, over restarts of the server and of the network.
//!
//! ```text
//! cargo run --example follow -- state.db 'ldap://localhost/dc=example,dc=com??sub'
//! ```

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use syncrepl_client::{Backoff, LoggingCallback, StopHandle, Syncrepl};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(file), Some(url)) = (arguments.next(), arguments.next()) else {
        return Err("usage: follow DATA-FILE LDAP-URL".into());
    };

    // Made before anything else, so that a Ctrl-C while connecting is heard too. The signals go
    // to a thread: a signal handler itself may not take locks.
    let stop = StopHandle::new();
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let asked = stop.clone();
    std::thread::spawn(move || {
        // The first lets a refresh end, the second abandons it.
        for _ in signals.forever() {
            asked.please_stop();
        }
    });

    // `open` does not connect: `follow` tries until a server answers, and again after every failure
    // that may pass by itself. A program with more to do between two changes calls `poll` instead.
    let mut client = Syncrepl::builder(file, LoggingCallback::stdout())
        .ldap_url(url)
        .stop_handle(stop)
        .open()?;
    client.follow(Backoff::default())?;
    client.unbind()?;
    Ok(())
}
