//! The servers to try, in order. The DNS may name some of them, and may name others later.

use super::dns::Srv;
use super::options::ConnectOptions;
use super::server::Server;
use super::srv::{Domain, Source, in_order};
use crate::error::{Error, ErrorKind, Result};
use crate::stop::StopHandle;

/// A list of servers and of domains.
#[derive(Debug)]
pub(crate) struct ServerList {
    parts: Vec<Part>,
    random: fastrand::Rng,
}

#[derive(Debug)]
struct Part {
    source: Source,
    /// What the DNS last told of a domain, sorted.
    records: Vec<Srv>,
    servers: Vec<Server>,
}

impl ServerList {
    /// The list of these, before the DNS was asked.
    pub(crate) fn new(sources: Vec<Source>) -> Self {
        let part = |source| Part {
            servers: match &source {
                Source::Server(server) => vec![server.clone()],
                Source::Domain(_) => Vec::new(),
            },
            records: Vec::new(),
            source,
        };
        ServerList {
            parts: sources.into_iter().map(part).collect(),
            random: fastrand::Rng::new(),
        }
    }

    /// Asks the DNS for the servers of each domain. Their order stays as it is while the records do. Where the
    /// DNS does not answer, the servers stay that it named before. Gives the domains without any server, each
    /// with the reason.
    ///
    /// # Errors
    /// `Stopped`, when a stop was requested meanwhile.
    pub(crate) fn find(
        &mut self,
        options: &ConnectOptions,
        stop: &StopHandle,
    ) -> Result<Vec<(Domain, Error)>> {
        let mut failures = Vec::new();
        for part in &mut self.parts {
            let Source::Domain(domain) = &part.source else {
                continue;
            };
            match domain.records(options, stop) {
                Ok(mut records) => {
                    records.sort();
                    if records != part.records {
                        part.servers = in_order(records.clone(), &mut self.random);
                        part.records = records;
                    }
                }
                Err(error) if error.kind() == ErrorKind::Stopped => return Err(error),
                Err(error) if part.servers.is_empty() => failures.push((domain.clone(), error)),
                Err(error) => {
                    tracing::debug!("{error}; the servers stay those that it named before")
                }
            }
        }
        Ok(failures)
    }

    /// The servers, in the order in which to try them.
    pub(crate) fn servers(&self) -> Vec<Server> {
        let servers = self.parts.iter().flat_map(|part| part.servers.iter());
        servers.cloned().collect()
    }
}
