//! The address of a receiver. Messages show its origin only: the path of a webhook often is a secret.

use std::net::IpAddr;

use ureq::http::Uri;

use crate::kind::{Target, Unfit};

/// An address without a user and a password.
#[derive(Debug, Clone)]
pub(super) struct Url {
    uri: Uri,
    origin: String,
}

impl Url {
    /// The address that a target names.
    pub(super) fn of(target: &Target) -> Result<Url, Unfit> {
        // The text is not shown: there may be a password in it.
        let unfit = |what: &str| {
            Unfit::new(format!("the address of a webhook {what}"))
                .with_hint("write it as https://hooks.example.com/path")
        };
        let uri: Uri = target.to.parse().map_err(|_| unfit("cannot be read"))?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(unfit("names no host"));
        };
        if authority.as_str().contains('@') {
            return Err(
                Unfit::new("the address of a webhook holds a user or a password")
                    .with_hint("put it into a file: token_file, or headers_file"),
            );
        }
        if target.to.contains('#') {
            return Err(unfit("has a part after #, which is never sent"));
        }
        if authority.host().is_empty() {
            return Err(unfit("names no host"));
        }
        let origin = format!("{scheme}://{}", authority.as_str().to_ascii_lowercase());
        Ok(Url { uri, origin })
    }

    pub(super) fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Scheme, host and port.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    pub(super) fn is_clear(&self) -> bool {
        self.uri.scheme_str() == Some("http")
    }

    /// Whether the host is this machine.
    pub(super) fn is_loopback(&self) -> bool {
        let host = self.uri.host().unwrap_or_default();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let address = bare.parse().map(|address: IpAddr| address.is_loopback());
        address.unwrap_or(bare.eq_ignore_ascii_case("localhost"))
    }

    /// The same text for the same place.
    pub(super) fn place(&self) -> String {
        let port = match (self.uri.port_u16(), self.is_clear()) {
            (Some(port), _) => port,
            (None, true) => 80,
            (None, false) => 443,
        };
        let host = self.uri.host().unwrap_or_default().to_ascii_lowercase();
        let scheme = self.uri.scheme_str().unwrap_or_default();
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        format!("{scheme}://{host}:{port}{path}")
    }
}
