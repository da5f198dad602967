//! A target `nats://n1,n2,n3/STREAM?subject=PREFIX` and its keys, read and checked.

use std::path::PathBuf;

use serde::Deserialize;

use crate::kind::{Target, Unfit};
use crate::secret::Secret;
use crate::tls::TlsFiles;

/// What a `[sink.NAME]` says.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// The name of the sink.
    pub(super) sink: String,
    /// The servers, as `host:port`.
    pub(super) servers: Vec<String>,
    /// The stream.
    pub(super) stream: String,
    /// What the subjects of our messages begin with.
    pub(super) prefix: String,
    /// No connection without TLS.
    pub(super) tls: bool,
    /// Its files.
    pub(super) files: TlsFiles,
    /// How we show that it is us.
    pub(super) login: Login,
    /// Make the stream if there is none, with so many replicas.
    pub(super) create: Option<u8>,
}

/// How we show that it is us. Secrets stay in their files.
#[derive(Debug, Clone)]
pub(super) enum Login {
    /// Not at all, or by the certificate.
    Nothing,
    /// A user with a password.
    Password(String, Secret),
    /// A token.
    Token(Secret),
    /// The seed of a key.
    Key(Secret),
    /// A file of credentials: a token that is signed, and a seed.
    Credentials(Secret),
}

/// The keys of a `[sink.NAME]` of this kind.
pub(super) const KEYS: &[&str] = &[
    "ca_file",
    "cert_file",
    "key_file",
    "user",
    "password_file",
    "token_file",
    "nkey_file",
    "creds_file",
    "create",
    "replicas",
    "allow_clear",
];

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Options {
    ca_file: Option<PathBuf>,
    cert_file: Option<PathBuf>,
    key_file: Option<PathBuf>,
    user: Option<String>,
    password_file: Option<PathBuf>,
    token_file: Option<PathBuf>,
    nkey_file: Option<PathBuf>,
    creds_file: Option<PathBuf>,
    create: bool,
    replicas: Option<u8>,
    allow_clear: bool,
}

/// Keys that would hold a secret in the configuration, and what to write instead.
const SECRETS: &[(&str, &str)] = &[
    ("password", "password_file"),
    ("token", "token_file"),
    ("nkey", "nkey_file"),
    ("seed", "nkey_file"),
    ("creds", "creds_file"),
];

const FORM: &str = "write nats://HOST[:PORT][,HOST…]/STREAM?subject=PREFIX";

impl Settings {
    /// Reads a target.
    pub(super) fn of(target: &Target) -> Result<Settings, Unfit> {
        for (key, instead) in SECRETS {
            if target.keys.contains_key(*key) {
                return Err(
                    Unfit::new(format!("{key}: a secret does not belong into this file"))
                        .with_hint(format!("write it into a file, and {instead} = \"PATH\"")),
                );
            }
        }
        let options: Options = target.options()?;
        let place = Place::of(&target.to)?;
        if target.sink.chars().any(char::is_control) || target.sink.trim() != target.sink {
            return Err(Unfit::new(
                "the name of the sink has control characters, or spaces at its ends",
            ));
        }
        let files = TlsFiles {
            ca_file: options.ca_file.clone(),
            cert_file: options.cert_file.clone(),
            key_file: options.key_file.clone(),
        };
        let wanted = place.scheme_is_tls || files.ca_file.is_some() || files.cert_file.is_some();
        if wanted && options.allow_clear {
            return Err(
                Unfit::new("allow_clear contradicts the files of TLS and tls:")
                    .with_hint("leave one of them out"),
            );
        }
        let loopback = place.servers.iter().all(|server| is_loopback(server));
        if options.replicas.is_some() && !options.create {
            return Err(
                Unfit::new("replicas is said of a stream that is not made here")
                    .with_hint("write create = true, or leave replicas out"),
            );
        }
        if options.replicas.is_some_and(|of| !(1..=5).contains(&of)) {
            return Err(Unfit::new("replicas is from 1 to 5"));
        }
        Ok(Settings {
            sink: target.sink.clone(),
            servers: place.servers,
            stream: place.stream,
            prefix: place.prefix,
            tls: wanted || !(loopback || options.allow_clear),
            files,
            login: login(&options)?,
            create: options.create.then(|| options.replicas.unwrap_or(1)),
        })
    }

    /// The stream as one text: no two sinks may write to it, whatever their subjects are.
    pub(super) fn place(target: &Target) -> Result<String, Unfit> {
        let mut place = Place::of(&target.to)?;
        place.servers.sort();
        Ok(format!("nats:{}/{}", place.servers.join(","), place.stream))
    }
}

fn login(options: &Options) -> Result<Login, Unfit> {
    let mut found = Vec::new();
    match (&options.user, &options.password_file) {
        (Some(user), Some(file)) => found.push(Login::Password(user.clone(), Secret::file(file))),
        (None, None) => {}
        _ => {
            return Err(Unfit::new("one of user and password_file is missing")
                .with_hint("give both, or neither"));
        }
    }
    let secret = |path: &Option<PathBuf>| path.as_ref().map(Secret::file);
    found.extend(secret(&options.token_file).map(Login::Token));
    found.extend(secret(&options.nkey_file).map(Login::Key));
    found.extend(secret(&options.creds_file).map(Login::Credentials));
    match found.len() {
        0 => Ok(Login::Nothing),
        1 => Ok(found.remove(0)),
        _ => Err(Unfit::new("there are several ways to log in")
            .with_hint("give one of user with password_file, token_file, nkey_file, creds_file")),
    }
}

/// The parts of a URL.
struct Place {
    scheme_is_tls: bool,
    servers: Vec<String>,
    stream: String,
    prefix: String,
}

impl Place {
    fn of(to: &str) -> Result<Place, Unfit> {
        let unfit = |what: &str| Unfit::new(format!("to: {what}")).with_hint(FORM);
        let (scheme, rest) = to
            .split_once("://")
            .ok_or_else(|| unfit("this is no URL"))?;
        let scheme_is_tls = match scheme {
            "nats" => false,
            "tls" => true,
            _ => return Err(unfit("a target of this kind begins with nats:// or tls://")),
        };
        // A name of a user is refused with its password: alone it would be a token to NATS.
        if rest.contains('@') {
            return Err(Unfit::new("to: a URL with a user would show its secret")
                .with_hint("take out what stands before the @, and write user and password_file, or token_file"));
        }
        let (hosts, path) = rest
            .split_once('/')
            .ok_or_else(|| unfit("the stream is missing"))?;
        let (stream, query) = path
            .split_once('?')
            .ok_or_else(|| unfit("the subject is missing"))?;
        let prefix = match query.split_once('=') {
            Some(("subject", prefix)) => prefix,
            _ => return Err(unfit("after the ? comes subject=PREFIX, and nothing else")),
        };
        let prefix = prefix.strip_suffix(".>").unwrap_or(prefix);
        if !is_stream(stream) {
            return Err(unfit("this cannot be the name of a stream"));
        }
        if !is_prefix(prefix) {
            return Err(unfit("this cannot be the beginning of a subject"));
        }
        let servers = hosts.split(',').map(server);
        Ok(Place {
            scheme_is_tls,
            servers: servers
                .collect::<Option<_>>()
                .ok_or_else(|| unfit("this is no list of servers"))?,
            stream: stream.to_owned(),
            prefix: prefix.to_owned(),
        })
    }
}

/// `host:port` of a server whose port may be missing.
fn server(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (format!("[{host}]"), port)
        }
        None => {
            let (host, port) = text.split_at(text.find(':').unwrap_or(text.len()));
            let fits = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
            if host.is_empty() || !host.chars().all(fits) {
                return None;
            }
            (host.to_owned(), port)
        }
    };
    let port: u16 = match port.strip_prefix(':') {
        Some(port) => port.parse().ok()?,
        None if port.is_empty() => 4222,
        None => return None,
    };
    Some(format!("{host}:{port}"))
}

fn is_loopback(server: &str) -> bool {
    let host = server.rsplit_once(':').map_or(server, |(host, _)| host);
    let address = host.trim_matches(['[', ']']);
    host == "localhost"
        || address
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn is_stream(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_graphic() && !"./\\*>&".contains(c);
    !name.is_empty() && name.len() <= 255 && name.chars().all(fits)
}

fn is_prefix(prefix: &str) -> bool {
    let fits = |c: char| c.is_ascii_graphic() && !"*>&".contains(c);
    let token = |token: &str| !token.is_empty() && token.chars().all(fits);
    prefix.len() <= 200 && !prefix.starts_with(['$', '_']) && prefix.split('.').all(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(to: &str, keys: &[(&str, &str)]) -> Target {
        let keys = keys
            .iter()
            .map(|(key, value)| ((*key).to_owned(), serde_json::from_str(value).unwrap()));
        Target {
            sink: "bus".to_owned(),
            to: to.to_owned(),
            keys: keys.collect(),
        }
    }

    #[test]
    fn url_names_servers_stream_and_subject() {
        let to = "nats://n1,N2:4333,[::1]/LDAP?subject=ldap.people";
        let settings = Settings::of(&target(to, &[])).unwrap();
        assert_eq!(settings.servers, ["n1:4222", "n2:4333", "[::1]:4222"]);
        assert_eq!(
            (settings.stream.as_str(), settings.prefix.as_str()),
            ("LDAP", "ldap.people")
        );
        assert!(settings.tls);
    }

    #[test]
    fn only_loopback_and_allow_clear_go_without_tls() {
        let tls = |to: &str, keys: &[(&str, &str)]| {
            let to = format!("{to}/S?subject=p");
            Settings::of(&target(&to, keys)).unwrap().tls
        };
        assert!(!tls("nats://localhost,127.0.0.2:1,[::1]:2", &[]));
        assert!(tls("nats://localhost,n2", &[]));
        assert!(tls("nats://localhost.example.com", &[]));
        assert!(tls("tls://localhost", &[]));
        assert!(tls("nats://localhost", &[("ca_file", "\"/ca\"")]));
        assert!(!tls("nats://n1", &[("allow_clear", "true")]));
    }

    #[test]
    fn secrets_in_the_configuration_are_refused_and_not_shown() {
        let in_url = Settings::of(&target("nats://ann:hunter2@n1/S?subject=p", &[]));
        let as_key = Settings::of(&target(
            "nats://n1/S?subject=p",
            &[("token", "\"hunter2\"")],
        ));
        for refused in [in_url, as_key] {
            let text = refused.unwrap_err().to_string();
            assert!(
                !text.contains("hunter2") && text.contains("_file"),
                "{text}"
            );
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for to in [
            "nats://n1",
            "nats://n1/S",
            "nats://n1/S?prefix=p",
            "nats://n1/S?subject=",
            "nats://n1/S?subject=a..b",
            "nats://n1/S?subject=a.*",
            "nats://n1/S?subject=$JS",
            "nats://n1/A.B?subject=p",
            "nats:///S?subject=p",
            "nats://n1:port/S?subject=p",
            "nats://n 1/S?subject=p",
            "http://n1/S?subject=p",
        ] {
            assert!(Settings::of(&target(to, &[])).is_err(), "{to}");
        }
        let to = "nats://n1/S?subject=p";
        for keys in [
            &[("user", "\"ann\"")][..],
            &[("token_file", "\"/t\""), ("creds_file", "\"/c\"")],
            &[("replicas", "3")],
            &[("create", "true"), ("replicas", "9")],
            &[("ca_file", "\"/ca\""), ("allow_clear", "true")],
            &[("colour", "1")],
        ] {
            assert!(Settings::of(&target(to, keys)).is_err(), "{keys:?}");
        }
    }

    #[test]
    fn one_stream_is_one_place() {
        let place = |to: &str| Settings::place(&target(to, &[])).unwrap();
        assert_eq!(
            place("nats://n2,n1/S?subject=a"),
            place("tls://N1:4222,n2/S?subject=b")
        );
    }
}
