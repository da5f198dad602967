//! `syncrepl status`: what the data file holds.

use std::io::{self, Write};

use serde_json::json;
use syncrepl_client::Store;

use crate::args::{StatusArgs, StatusFormat};
use crate::exit::Failure;
use crate::output::{json as values, text::printable_bytes};

pub(crate) fn run(args: &StatusArgs) -> Result<(), Failure> {
    let status = Store::open(&args.data)?.status()?;
    let url = status.url.map(|url| url.without_secrets().to_string());
    let mut out = io::stdout().lock();
    match args.format {
        StatusFormat::Json => {
            let cookie = status.cookie.as_deref().map(values::base64);
            let line = json!({
                "entries": status.entries,
                "url": url,
                "authzid": status.authzid,
                "provider": status.provider,
                "cookie": cookie,
                "last_refresh": status.last_refresh,
                "commit": status.commit,
            });
            writeln!(out, "{line}")?;
        }
        StatusFormat::Text => {
            let or_none = |text: Option<String>| text.unwrap_or_else(|| "none yet".to_owned());
            let authzid = match status.authzid {
                Some(authzid) if authzid.is_empty() => Some("anonymous".to_owned()),
                other => other,
            };
            let cookie = status.cookie.as_deref().map(printable_bytes);
            for (name, value) in [
                ("entries", status.entries.to_string()),
                ("search", or_none(url)),
                ("bound as", or_none(authzid)),
                ("provider", or_none(status.provider)),
                ("cookie", or_none(cookie)),
                ("last refresh", or_none(status.last_refresh)),
                ("commits", status.commit.to_string()),
            ] {
                writeln!(
                    out,
                    "{:<14}{}",
                    format!("{name}:"),
                    printable_bytes(value.as_bytes())
                )?;
            }
        }
    }
    out.flush()?;
    Ok(())
}
