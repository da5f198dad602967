//! Asks the name servers of this machine for records that the system's resolver does not look up. One question,
//! one answer: by UDP, and by TCP if the answer is too long for that (RFC 1035 §4.2, RFC 7766).

use std::fs;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use resolv_conf::Config;
use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, TYPE};

/// Where the system keeps the addresses of its name servers.
const RESOLV_CONF: &str = "/etc/resolv.conf";
const DNS_PORT: u16 = 53;
/// The longest answer by UDP to a question without EDNS has 512 bytes.
const UDP_ANSWER: usize = 4096;
/// The most aliases (CNAME) that are followed.
const ALIASES: usize = 8;

/// An SRV record (RFC 2782).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Srv {
    pub(super) priority: u16,
    pub(super) weight: u16,
    /// The host, without a dot at its end; empty if the domain does not offer the service.
    pub(super) target: String,
    pub(super) port: u16,
}

/// The name servers to ask, and with which patience.
#[derive(Debug, Clone)]
pub(super) struct NameServers {
    addresses: Vec<SocketAddr>,
    /// For each of them.
    timeout: Duration,
    attempts: u32,
}

impl NameServers {
    /// Those of this machine; itself, if it names none.
    pub(super) fn of_system() -> io::Result<Self> {
        let text = match fs::read(RESOLV_CONF) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read?,
        };
        // glibc passes over lines that it does not know, too.
        let (config, _) = Config::parse_with_errors(&text);
        let mut addresses = Vec::new();
        for address in config.get_nameservers_or_local() {
            addresses.push(SocketAddr::new(IpAddr::from(address), DNS_PORT));
        }
        Ok(NameServers {
            addresses,
            timeout: Duration::from_secs(config.timeout.clamp(1, 30).into()),
            attempts: config.attempts.clamp(1, 5),
        })
    }

    /// This one alone.
    pub(super) fn only(address: SocketAddr) -> Self {
        NameServers {
            addresses: vec![address],
            timeout: Duration::from_secs(5),
            attempts: 2,
        }
    }

    /// The SRV records of a name. None if there is no such name.
    ///
    /// # Errors
    /// No name server answers within `patience`, or none can tell.
    pub(super) fn srv(&self, name: &str, patience: Duration) -> io::Result<Vec<Srv>> {
        let end = Instant::now() + patience;
        let mut last = io::ErrorKind::TimedOut.into();
        for _ in 0..self.attempts {
            for address in &self.addresses {
                let left = end.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Err(last);
                }
                let until = Instant::now() + self.timeout.min(left);
                match ask(*address, name, until) {
                    Ok(records) => return Ok(records),
                    Err(error) => {
                        tracing::debug!("the name server {address}: {error}");
                        last = error;
                    }
                }
            }
        }
        Err(last)
    }
}

/// Asks one name server.
fn ask(server: SocketAddr, name: &str, until: Instant) -> io::Result<Vec<Srv>> {
    let mut id = [0; 2];
    getrandom::fill(&mut id).map_err(io::Error::other)?;
    let id = u16::from_be_bytes(id);
    let query = query(id, name)?;
    let local = match server {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    // A new socket has a new port, so that nobody else knows where to send an answer to.
    let socket = UdpSocket::bind(local)?;
    socket.connect(server)?;
    socket.send(&query)?;
    let mut buffer = vec![0; UDP_ANSWER];
    loop {
        socket.set_read_timeout(Some(left(until)?))?;
        let length = socket.recv(&mut buffer)?;
        match read(buffer.get(..length).unwrap_or_default(), id, name) {
            Answer::Records(records) => return records,
            Answer::Truncated => break,
            // It answers something else. Perhaps it is late, perhaps somebody guesses.
            Answer::Other => {}
        }
    }
    match read(&by_tcp(server, &query, until)?, id, name) {
        Answer::Records(records) => records,
        Answer::Truncated | Answer::Other => Err(damaged("its answer by TCP cannot be read")),
    }
}

/// The time that is left, never zero.
fn left(until: Instant) -> io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    match left.is_zero() {
        true => Err(io::ErrorKind::TimedOut.into()),
        false => Ok(left),
    }
}

fn by_tcp(server: SocketAddr, query: &[u8], until: Instant) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&server, left(until)?)?;
    stream.set_write_timeout(Some(left(until)?))?;
    let length = u16::try_from(query.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), query].concat())?;
    let mut take = |length: usize| {
        let mut bytes = vec![0; length];
        let mut space = bytes.as_mut_slice();
        // A single read has a time limit, and so have all of them together.
        while !space.is_empty() {
            stream.set_read_timeout(Some(left(until)?))?;
            let count = stream.read(space)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            space = space.split_at_mut(count).1;
        }
        Ok::<_, io::Error>(bytes)
    };
    let length = take(2)?
        .iter()
        .fold(0, |length, byte| (length << 8) | usize::from(*byte));
    take(length)
}

fn query(id: u16, name: &str) -> io::Result<Vec<u8>> {
    let name = Name::new(name).map_err(io::Error::other)?;
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    packet.questions.push(Question::new(
        name,
        QTYPE::TYPE(TYPE::SRV),
        QCLASS::CLASS(CLASS::IN),
        false,
    ));
    packet.build_bytes_vec().map_err(io::Error::other)
}

/// What some bytes are to a question.
#[derive(Debug)]
enum Answer {
    /// Its answer, or the reason why the server has none.
    Records(io::Result<Vec<Srv>>),
    /// Its answer, which did not fit.
    Truncated,
    /// Not its answer.
    Other,
}

fn read(bytes: &[u8], id: u16, name: &str) -> Answer {
    let Ok(packet) = Packet::parse(bytes) else {
        return Answer::Other;
    };
    let asked = packet.questions.first();
    let ours = packet.id() == id
        && packet.has_flags(PacketFlag::RESPONSE)
        && asked.is_some_and(|question| {
            question.qtype == QTYPE::TYPE(TYPE::SRV) && is(&question.qname, name)
        });
    if !ours {
        return Answer::Other;
    }
    if packet.has_flags(PacketFlag::TRUNCATION) {
        return Answer::Truncated;
    }
    Answer::Records(match packet.rcode() {
        RCODE::NoError => Ok(records(&packet, name)),
        RCODE::NameError => Ok(Vec::new()),
        code => Err(damaged(&format!("it answers {code:?}"))),
    })
}

/// The records of the name, or of the one that it is an alias of.
fn records(packet: &Packet<'_>, name: &str) -> Vec<Srv> {
    let mut name = name.to_owned();
    let answers = || {
        let answers = packet.answers.iter();
        answers.filter(|answer| answer.class == CLASS::IN)
    };
    for _ in 0..ALIASES {
        let alias = answers().find_map(|answer| match &answer.rdata {
            RData::CNAME(alias) if is(&answer.name, &name) => Some(text(&alias.0)),
            _ => None,
        });
        let Some(alias) = alias else {
            break;
        };
        name = alias;
    }
    let found = answers().filter_map(|answer| match &answer.rdata {
        RData::SRV(srv) if is(&answer.name, &name) => Some(Srv {
            priority: srv.priority,
            weight: srv.weight,
            target: text(&srv.target),
            port: srv.port,
        }),
        _ => None,
    });
    found.collect()
}

/// A name as text. A label of a host has no dot and no byte beyond ASCII; what has is shown escaped.
fn text(name: &Name<'_>) -> String {
    let labels: Vec<_> = name
        .as_bytes()
        .map(|label| label.escape_ascii().to_string())
        .collect();
    labels.join(".")
}

fn is(name: &Name<'_>, other: &str) -> bool {
    text(name).eq_ignore_ascii_case(other)
}

fn damaged(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    use simple_dns::ResourceRecord;
    use simple_dns::rdata::{CNAME, SRV};

    use super::*;

    const NAME: &str = "_ldap._tcp.example.com";

    fn reply(id: u16, records: Vec<ResourceRecord<'_>>) -> Vec<u8> {
        let query = query(id, NAME).unwrap();
        let mut packet = Packet::parse(&query).unwrap().into_reply();
        packet.answers = records;
        packet.build_bytes_vec_compressed().unwrap()
    }

    fn srv<'a>(owner: &'a str, target: &'a str) -> ResourceRecord<'a> {
        let data = RData::SRV(SRV {
            priority: 1,
            weight: 2,
            port: 389,
            target: Name::new_unchecked(target),
        });
        ResourceRecord::new(Name::new_unchecked(owner), CLASS::IN, 60, data)
    }

    fn targets(bytes: &[u8]) -> Vec<String> {
        match read(bytes, 7, NAME) {
            Answer::Records(Ok(records)) => records.into_iter().map(|srv| srv.target).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn records_of_the_name_and_of_its_alias() {
        let others = srv("_ldap._tcp.example.org", "evil.example.org");
        let own = reply(
            7,
            vec![
                srv("_LDAP._tcp.Example.com", "a.example.com"),
                others.clone(),
            ],
        );
        assert_eq!(targets(&own), ["a.example.com"]);
        let alias = RData::CNAME(CNAME(Name::new_unchecked("_ldap._tcp.example.net")));
        let alias = ResourceRecord::new(Name::new_unchecked(NAME), CLASS::IN, 60, alias);
        let aliased = srv("_ldap._tcp.example.net", "b.example.net");
        assert_eq!(
            targets(&reply(7, vec![others, aliased, alias])),
            ["b.example.net"]
        );
        // One that leads to itself ends.
        let round = RData::CNAME(CNAME(Name::new_unchecked(NAME)));
        let round = ResourceRecord::new(Name::new_unchecked(NAME), CLASS::IN, 60, round);
        assert_eq!(targets(&reply(7, vec![round])), [""; 0]);
    }

    #[test]
    fn answers_to_others_are_passed_over() {
        let bytes = reply(8, vec![srv(NAME, "a.example.com")]);
        assert!(matches!(read(&bytes, 7, NAME), Answer::Other));
        assert!(matches!(
            read(&bytes, 8, "_ldap._tcp.example.org"),
            Answer::Other
        ));
        assert!(matches!(
            read(&query(7, NAME).unwrap(), 7, NAME),
            Answer::Other
        ));
    }

    #[test]
    fn hostile_bytes_do_no_harm() {
        let records = vec![srv(NAME, "a.example.com"), srv(NAME, "b.example.com")];
        let bytes = reply(7, records);
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..200_000 {
            let mut bytes = bytes.clone();
            for _ in 0..random.usize(1..6) {
                let at = random.usize(..bytes.len());
                bytes[at] = random.u8(..);
            }
            bytes.truncate(random.usize(..=bytes.len()));
            // It ends, and does not panic.
            let _ = read(&bytes, 7, NAME);
        }
    }
}
