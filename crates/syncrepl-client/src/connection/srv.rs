//! The servers of a DNS domain, by its SRV records (RFC 2782).

use std::fmt;

use syncrepl_proto::dn;
use syncrepl_proto::url::{LdapUrl, Scheme};

use super::dns::{NameServers, Srv};
use super::options::ConnectOptions;
use super::resolve::in_a_thread;
use super::server::Server;
use crate::error::{Error, ErrorKind, Result};
use crate::stop::StopHandle;

/// The longest name that the DNS has, and the longest part of it between two dots.
const LONGEST: (usize, usize) = (253, 63);

/// What a list of servers consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// A server.
    Server(Server),
    /// The servers that the DNS names for a domain.
    Domain(Domain),
}

impl Source {
    /// What a URL that names no search stands for: without a host, its DN is a domain.
    pub(crate) fn of_url(url: &LdapUrl) -> Self {
        let domain = match (url.scheme, &url.host, &url.dn) {
            (Scheme::Ldap, None, Some(dn)) => Domain::of_dn(dn),
            _ => None,
        };
        domain.map_or_else(|| Source::Server(Server::of_url(url)), Source::Domain)
    }
}

/// A DNS domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Domain(String);

impl Domain {
    /// The domain of a DN such as `dc=example,dc=com` (RFC 2247).
    pub(crate) fn of_dn(dn: &str) -> Option<Self> {
        Domain::new(&dn::domain(dn)?)
    }

    /// A domain by its name; `None` if that is none.
    pub(crate) fn new(name: &str) -> Option<Self> {
        let name = name.strip_suffix('.').unwrap_or(name);
        let (longest, longest_label) = LONGEST;
        let is_label = |label: &str| {
            let known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            (1..=longest_label).contains(&label.len()) && label.bytes().all(known)
        };
        (name.len() <= longest && name.split('.').all(is_label)).then(|| Domain(name.to_owned()))
    }

    /// The URL by which a store remembers it.
    pub(crate) fn to_url(&self) -> LdapUrl {
        let labels: Vec<_> = self
            .0
            .split('.')
            .map(|label| format!("dc={label}"))
            .collect();
        LdapUrl {
            dn: Some(labels.join(",")),
            ..LdapUrl::default()
        }
    }

    /// The records of its LDAP servers.
    ///
    /// # Errors
    /// `Unreachable`: the DNS does not answer, or names no server.
    pub(crate) fn records(&self, options: &ConnectOptions, stop: &StopHandle) -> Result<Vec<Srv>> {
        let name = format!("_ldap._tcp.{}", self.0);
        let (asked, given) = (name.clone(), options.name_server);
        let patience = options.connect_timeout;
        let found = in_a_thread(options, stop, move || {
            let servers = match given {
                Some(address) => NameServers::only(address),
                None => NameServers::of_system()?,
            };
            servers.srv(&asked, patience)
        })?;
        let unreachable = |message| Error::new(ErrorKind::Unreachable, message);
        let records = found.map_err(|error| {
            unreachable(format!("the name servers do not tell of {name}"))
                .with_source(error)
                .with_hint("does this machine reach its name server (/etc/resolv.conf)?")
        })?;
        // A target of "." alone says that the domain does not offer the service.
        let none_offered = records.iter().any(|srv| srv.target.is_empty());
        let usable: Vec<_> = records.into_iter().filter(is_usable).collect();
        match (usable.is_empty(), none_offered) {
            (false, _) => Ok(usable),
            (true, true) => Err(unreachable(format!("the DNS says that {self} has no LDAP server"))),
            (true, false) => Err(unreachable(format!("the DNS names no server under {name}"))
                .with_hint("is the domain right? Its administrator makes the SRV records; else name a server")),
        }
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_usable(srv: &Srv) -> bool {
    srv.port != 0 && Domain::new(&srv.target).is_some()
}

/// The servers in the order in which to try them: by priority, and at random among those of one priority, the
/// more often first the greater the weight.
pub(crate) fn in_order(mut records: Vec<Srv>, random: &mut fastrand::Rng) -> Vec<Server> {
    // Those without weight come first, so that they have a small chance beside the others (RFC 2782).
    records.sort_by_key(|srv| (srv.priority, srv.weight != 0));
    let mut servers = Vec::new();
    while let Some(priority) = records.first().map(|srv| srv.priority) {
        let alike = records.iter().take_while(|srv| srv.priority == priority);
        let total: u64 = alike.map(|srv| u64::from(srv.weight)).sum();
        let drawn = random.u64(0..=total);
        let mut sum = 0;
        let chosen = records.iter().position(|srv| {
            sum += u64::from(srv.weight);
            sum >= drawn
        });
        let srv = records.remove(chosen.unwrap_or_default());
        let server = Server::ldap(srv.target, srv.port);
        if !servers.contains(&server) {
            servers.push(server);
        }
    }
    servers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn srv(priority: u16, weight: u16, target: &str) -> Srv {
        Srv {
            priority,
            weight,
            target: target.to_owned(),
            port: 389,
        }
    }

    fn hosts(records: &[Srv], random: &mut fastrand::Rng) -> Vec<String> {
        let servers = in_order(records.to_vec(), random);
        let hosts = servers.iter().filter_map(Server::host);
        hosts.map(str::to_owned).collect()
    }

    #[test]
    fn domain_of_a_dn() {
        for (dn, domain) in [
            ("dc=example,dc=com", Some("example.com")),
            ("DC=Example, domainComponent=com", Some("Example.com")),
            ("dc=local", Some("local")),
            ("ou=people,dc=example,dc=com", None),
            ("dc=exa mple,dc=com", None),
            ("dc=a+dc=b,dc=com", None),
            ("dc=a\\2eb,dc=com", None),
            ("", None),
        ] {
            let found = Domain::of_dn(dn).map(|domain| domain.0);
            assert_eq!(found.as_deref(), domain, "{dn}");
        }
        let domain = Domain::new("example.com.").unwrap();
        assert_eq!(domain.to_url().to_string(), "ldap:///dc=example,dc=com");
        assert_eq!(Source::of_url(&domain.to_url()), Source::Domain(domain));
    }

    #[test]
    fn priority_goes_first_and_every_host_comes_once() {
        let records = [
            srv(20, 100, "c"),
            srv(10, 0, "b"),
            srv(10, 5, "a"),
            srv(20, 0, "c"),
            srv(30, 65535, "d"),
        ];
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..1000 {
            let mut hosts = hosts(&records, &mut random);
            hosts[..2].sort();
            assert_eq!(hosts, ["a", "b", "c", "d"]);
        }
    }

    /// Three quarters of 10,000 begin with the host of three times the weight. One without weight begins
    /// now and then.
    #[test]
    fn weight_decides_how_often_a_host_is_first() {
        let mut random = fastrand::Rng::with_seed(2);
        let mut first = |records: &[Srv], host: &str| {
            let runs = 0..10_000;
            runs.filter(|_| hosts(records, &mut random)[0] == host)
                .count()
        };
        let records = [srv(0, 10, "a"), srv(0, 30, "b")];
        let count = first(&records, "b");
        assert!((7_200..7_600).contains(&count), "{count}");
        let count = first(&[srv(0, 99, "a"), srv(0, 0, "b")], "b");
        assert!((50..200).contains(&count), "{count}");
    }
}
