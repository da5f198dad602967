//! The demo's words on stderr.

use std::fmt::Display;
use std::io::{self, Write};

use syncrepl_provider::Provider;

/// Prints words beside the changes. stderr may be closed; the demo goes on then.
pub(super) fn say(words: impl Display) {
    let _ = writeln!(io::stderr(), "{words}");
}

/// Says how to look at the company and change it from another terminal.
pub(super) fn introduce(provider: &Provider) {
    let (url, base) = (provider.url(), provider.base());
    let (root, password) = provider.root();
    say(format_args!(
        "A little company lives at {url} until you press Ctrl-C.
  look at it   ldapsearch -x -LLL -H {url} -b {base}
  change it    ldapmodify -x -H {url} -D {root} -w {password}
Now it is copied; then its next minute follows, change by change."
    ));
}
