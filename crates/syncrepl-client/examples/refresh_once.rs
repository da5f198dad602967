//! Bring a copy up to date, print what changed, and exit.
//!
//! ```text
//! cargo run --example refresh_once -- state.db 'ldap://localhost/dc=example,dc=com??sub'
//! ```

use syncrepl_client::{LoggingCallback, Syncrepl, SyncreplMode};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments
        .next()
        .ok_or("usage: refresh_once DATA-FILE [LDAP-URL]")?;

    let mut builder =
        Syncrepl::builder(file, LoggingCallback::stdout()).mode(SyncreplMode::RefreshOnly);
    // The file remembers its search, so the URL is needed the first time only.
    if let Some(url) = arguments.next() {
        builder = builder.ldap_url(url);
    }
    let mut client = builder.connect()?;
    client.run()?;
    let entries = client.db()?.count()?;
    eprintln!("{entries} entries, commit {}", client.commit_number());
    client.unbind()?;
    Ok(())
}
