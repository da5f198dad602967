//! The options of a consumer, checked, and completed by the URL and by the store.

use std::path::PathBuf;
use std::time::Duration;

use syncrepl_proto::filter::Filter;
use syncrepl_proto::message::Scope;
use syncrepl_proto::url::{self, LdapUrl};

use crate::changes::guard::MaxDelete;
use crate::changes::rules::Limits;
use crate::connection::{
    ConnectOptions, Credentials, Domain, Password, Sasl, ServerList, Source, StartTls,
};
use crate::engine::Settings;
use crate::engine::mode::SyncreplMode;
use crate::error::{Error, ErrorKind, Result};
use crate::remembered::{Bind, Remembered, server_alone};
use crate::store::Writer;
use crate::store::journal::{JournalLimits, JournalSettings};
use crate::store::search::Search;
use crate::terms;

use super::again;

/// The options of a builder, unchecked.
pub(super) struct Parts {
    pub(super) path: PathBuf,
    pub(super) urls: Vec<Place>,
    pub(super) search: Option<(String, Scope, String, Vec<String>)>,
    pub(super) except: Option<Vec<String>>,
    pub(super) mode: SyncreplMode,
    pub(super) credentials: Option<Credentials>,
    pub(super) options: ConnectOptions,
    pub(super) refresh_timeout: Duration,
    pub(super) heartbeat: Duration,
    pub(super) any_server: bool,
    pub(super) allow_new_identity: bool,
    pub(super) allow_clear: bool,
    pub(super) reconcile_every: Option<Duration>,
    pub(super) derived: bool,
    pub(super) max_delete: MaxDelete,
    pub(super) limits: Limits,
    pub(super) dry_run: bool,
    pub(super) journal: Option<JournalSettings>,
    pub(super) every_refresh: Option<bool>,
}

impl Parts {
    /// The defaults.
    pub(super) fn new(path: PathBuf) -> Self {
        Parts {
            path,
            urls: Vec::new(),
            search: None,
            except: None,
            mode: SyncreplMode::default(),
            credentials: None,
            options: ConnectOptions::default(),
            refresh_timeout: Duration::from_secs(600),
            heartbeat: Duration::from_secs(20),
            any_server: false,
            allow_new_identity: false,
            allow_clear: false,
            reconcile_every: None,
            derived: false,
            max_delete: MaxDelete::default(),
            limits: Limits::DEFAULT,
            dry_run: false,
            journal: None,
            every_refresh: None,
        }
    }

    /// Checks what can be checked without a store.
    pub(super) fn given(&mut self) -> Result<Given> {
        let (mut servers, mut first) = (Vec::new(), None);
        for place in &self.urls {
            servers.push(match place {
                Place::Url(url) => {
                    let url = parse_url(url)?;
                    let server = server_alone(&url);
                    first.get_or_insert(url);
                    server
                }
                Place::Domain(domain) => Domain::new(domain).ok_or_else(no_domain)?.to_url(),
            });
        }
        let search = match self.search.take() {
            Some((base, scope, filter, attributes)) => {
                terms::base(&base)?;
                terms::attributes(attributes.iter().map(String::as_str))?;
                Some(Search {
                    base,
                    scope,
                    filter: match filter.is_empty() {
                        true => Filter::present("objectClass"),
                        false => terms::filter(&filter)?,
                    },
                    attributes,
                    except: Vec::new(),
                })
            }
            None => None,
        };
        let except = self.except.take();
        let in_urls = first.iter().flat_map(LdapUrl::attributes_except);
        let in_urls: Vec<_> = in_urls.map(str::to_owned).collect();
        terms::attributes_except(except.as_deref().unwrap_or(&in_urls))?;
        if servers.is_empty() && !self.path.exists() {
            return Err(no_url());
        }
        self.check_kind_of_run()?;
        self.journal
            .as_ref()
            .map_or(Ok(()), JournalSettings::check)?;
        let credentials = match (self.credentials.take(), &first) {
            (Some(credentials), _) => Some(credentials),
            (None, Some(url)) => url_credentials(url)?,
            (None, None) => None,
        };
        if let Some(credentials) = &credentials {
            credentials.check()?;
        }
        Ok(Given {
            servers,
            first,
            search,
            except,
            credentials,
        })
    }

    fn check_kind_of_run(&self) -> Result<()> {
        let message = if self.reconcile_every == Some(Duration::ZERO) {
            "the interval between two full comparisons is zero"
        } else if self.dry_run && self.mode != SyncreplMode::RefreshOnly {
            "a dry run is a refresh that ends: it cannot persist"
        } else {
            return Ok(());
        };
        Err(Error::new(ErrorKind::InvalidInput, message))
    }

    /// Turns the journal on, or has it kept in another way, if that was asked for. A dry run changes nothing.
    pub(super) fn keep_journal(&mut self, writer: &mut Writer) -> Result<()> {
        writer.limit_journal(JournalLimits {
            marker: self.limits.journal,
            prune: self.limits.prune,
        })?;
        let kept = writer.journal().map(|journal| journal.settings().clone());
        let Some(mut settings) = self.journal.take().or(kept).filter(|_| !self.dry_run) else {
            return Ok(());
        };
        settings.every_refresh = self.every_refresh.unwrap_or(settings.every_refresh);
        writer.journal_on(&settings).map(drop)
    }

    /// Completes the options by what the store remembers.
    pub(super) fn settings(&mut self, given: Given, stored: &Remembered) -> Result<Settings> {
        let Given {
            mut servers,
            first,
            search,
            except,
            credentials,
        } = given;
        let mut options = std::mem::take(&mut self.options);
        let credentials = match (credentials, &stored.bind) {
            (Some(credentials), _) => credentials,
            (None, Some(bind)) => bind.credentials(None)?,
            (None, None) => Credentials::Anonymous,
        };
        options.anonymous = credentials.is_anonymous();
        if servers.is_empty() {
            servers.clone_from(&stored.servers);
        }
        let search = match (search, first.as_ref().or(stored.url.as_ref())) {
            (Some(search), _) => search,
            (None, Some(url)) => Search::from_url(url),
            (None, None) => return Err(no_url()),
        };
        let search = leaving_out(search, except, stored.url.as_ref());
        if let Some(stored) = &stored.url {
            search.check_same(&Search::from_url(stored))?;
        }
        if options.starttls == StartTls::Never {
            options.starttls = match first.as_ref().and_then(LdapUrl::start_tls) {
                None => StartTls::Never,
                Some(url::StartTls::IfPossible) => StartTls::IfPossible,
                Some(url::StartTls::Required) => StartTls::Required,
            };
        }
        let remember = Remembered {
            bind: Some(Bind::of(&credentials)),
            ..again::complete(&mut options, &servers, stored, self.allow_clear)?
        };
        let list = ServerList::new(servers.iter().map(Source::of_url).collect());
        Ok(Settings {
            url: url_of(servers.first().ok_or_else(no_url)?, &search),
            servers: list.servers(),
            list,
            options,
            credentials,
            mode: self.mode,
            search,
            refresh_timeout: self.refresh_timeout,
            heartbeat: self.heartbeat,
            any_server: self.any_server,
            allow_new_identity: self.allow_new_identity,
            allow_clear: self.allow_clear,
            remember,
            max_delete: self.max_delete,
            reconcile_every: self.reconcile_every,
            derived: self.derived,
            limits: self.limits,
            dry_run: self.dry_run,
        })
    }
}

/// The search as a URL, with this server.
fn url_of(server: &LdapUrl, search: &Search) -> String {
    let url = LdapUrl {
        scheme: server.scheme,
        host: server.host.clone(),
        port: server.port,
        ..search.to_url()
    };
    url.to_string()
}

/// The checked options, before anyone has looked at the store.
pub(super) struct Given {
    /// The servers, without a search. One without a host that has a DN is a domain.
    servers: Vec<LdapUrl>,
    /// The first URL, with its search.
    first: Option<LdapUrl>,
    search: Option<Search>,
    except: Option<Vec<String>>,
    /// `None`: nobody says as whom.
    credentials: Option<Credentials>,
}

/// Where to find servers.
pub(super) enum Place {
    /// At the host of a URL.
    Url(String),
    /// Where the DNS says for a domain.
    Domain(String),
}

fn no_domain() -> Error {
    Error::new(
        ErrorKind::InvalidInput,
        "that is not the name of a DNS domain",
    )
    .with_hint("labels of letters, digits, - and _, separated by dots; others as xn--…")
}

/// The search with the attributes that it leaves out: those given, else those of its URL, else those of the copy.
fn leaving_out(mut search: Search, given: Option<Vec<String>>, stored: Option<&LdapUrl>) -> Search {
    if let Some(given) = given {
        search.except = given;
    } else if let (true, Some(stored)) = (search.except.is_empty(), stored) {
        search.except = Search::from_url(stored).except;
    }
    search
}

impl Given {
    /// The search that takes over the copy of `stored`, as the new store remembers it.
    pub(super) fn adopted(self, stored: Option<&LdapUrl>) -> Result<String> {
        let stored = stored.ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, "there is no copy yet to take over").with_hint(
                "refresh it first, or let the first refresh of the new file copy everything",
            )
        })?;
        let named = self.first.as_ref().unwrap_or(stored);
        let server = match named.host {
            Some(_) => named,
            None => stored,
        };
        let search = self.search.unwrap_or_else(|| Search::from_url(named));
        let search = leaving_out(search, self.except, Some(stored));
        Ok(url_of(server, &search))
    }
}

fn no_url() -> Error {
    Error::new(ErrorKind::InvalidInput, "no LDAP URL was given")
        .with_hint("the first refresh of a store needs to know where and what")
}

fn parse_url(text: &str) -> Result<LdapUrl> {
    // The text itself may hold a password, so it is not repeated.
    let url = LdapUrl::parse(text).map_err(|error| {
        Error::new(ErrorKind::InvalidInput, "the LDAP URL cannot be used").with_source(error)
    })?;
    if let Some(name) = url.unknown_critical() {
        let name = crate::record::text::printable(name);
        let message = format!("the LDAP URL demands the extension \"{name}\", which is not known");
        return Err(Error::new(ErrorKind::InvalidInput, message)
            .with_hint("known are bindname, X-BINDPW, x-mech and StartTLS"));
    }
    Ok(url)
}

/// `x-mech` names a SASL mechanism, and so does a `bindname` that is no DN but `GSSAPI`.
fn url_credentials(url: &LdapUrl) -> Result<Option<Credentials>> {
    let name = url.bind_name().filter(|name| !name.is_empty());
    let password = url.bind_password();
    let gssapi = name.filter(|name| name.eq_ignore_ascii_case("GSSAPI"));
    match (url.mechanism().or(gssapi), name) {
        (Some(mechanism), _) => Credentials::sasl(Sasl {
            mechanism: mechanism.to_owned(),
            authcid: name.filter(|_| gssapi.is_none()).map(str::to_owned),
            password: password.map(Password::from),
            ..Sasl::default()
        })
        .map(Some),
        (None, None) => Ok(None),
        (None, Some(name)) => {
            let password = password.unwrap_or_default();
            Ok(Some(Credentials::simple(name, password)))
        }
    }
}
