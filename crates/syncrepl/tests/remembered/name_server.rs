//! A name server on loopback that knows the SRV records of one name.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};

use simple_dns::rdata::{RData, SRV};
use simple_dns::{CLASS, Name, Packet, PacketFlag, QTYPE, RCODE, ResourceRecord, TYPE};

/// The server. It answers until the process ends.
pub struct NameServer {
    pub address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
}

#[derive(Default)]
struct Zone {
    name: String,
    /// Priority, weight, port, target.
    records: Vec<(u16, u16, u16, String)>,
    /// Whether an answer by UDP says only that it is too long.
    truncates: bool,
    /// How many questions came by UDP, and by TCP.
    asked: [usize; 2],
}

impl NameServer {
    /// Knows these records of `_ldap._tcp` in this domain.
    pub fn of(domain: &str, records: &[(u16, u16, u16, &str)]) -> NameServer {
        // A port that is free by UDP may be taken by TCP.
        let both = || {
            let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
            let tcp = TcpListener::bind(udp.local_addr().ok()?).ok()?;
            Some((udp, tcp))
        };
        let (udp, tcp) = (0..100).find_map(|_| both()).expect("a free port");
        let address = udp.local_addr().expect("its address");
        let server = NameServer {
            address,
            zone: Arc::default(),
        };
        server.zone().name = format!("_ldap._tcp.{domain}");
        server.set(records);
        let zone = server.zone.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 512];
            while let Ok((length, from)) = udp.recv_from(&mut buffer) {
                let answer = answer(&mut locked(&zone), 0, &buffer[..length]);
                let _ = udp.send_to(&answer, from);
            }
        });
        let zone = server.zone.clone();
        std::thread::spawn(move || {
            for mut stream in tcp.incoming().flatten() {
                let mut length = [0; 2];
                stream.read_exact(&mut length).expect("a length");
                let mut query = vec![0; u16::from_be_bytes(length).into()];
                stream.read_exact(&mut query).expect("a question");
                let answer = answer(&mut locked(&zone), 1, &query);
                let length = u16::try_from(answer.len()).expect("it is short");
                // In two parts, as the network may cut it.
                let _ = stream.write_all(&length.to_be_bytes());
                let _ = stream.write_all(&answer);
            }
        });
        server
    }

    fn zone(&self) -> std::sync::MutexGuard<'_, Zone> {
        locked(&self.zone)
    }

    pub fn set(&self, records: &[(u16, u16, u16, &str)]) {
        let records = records.iter();
        let owned = records
            .map(|&(priority, weight, port, target)| (priority, weight, port, target.to_owned()));
        self.zone().records = owned.collect();
    }

    pub fn truncate(&self) {
        self.zone().truncates = true;
    }

    /// How many questions came by UDP, and by TCP.
    pub fn asked(&self) -> [usize; 2] {
        self.zone().asked
    }
}

fn locked(zone: &Mutex<Zone>) -> std::sync::MutexGuard<'_, Zone> {
    zone.lock().unwrap_or_else(PoisonError::into_inner)
}

fn answer(zone: &mut Zone, by: usize, query: &[u8]) -> Vec<u8> {
    zone.asked[by] += 1;
    let query = Packet::parse(query).expect("a question");
    let question = &query.questions[0];
    assert_eq!(question.qtype, QTYPE::TYPE(TYPE::SRV));
    let known = question.qname.to_string().eq_ignore_ascii_case(&zone.name);
    let name = question.qname.clone().into_owned();
    let mut reply = query.into_reply();
    if !known {
        *reply.rcode_mut() = RCODE::NameError;
    } else if zone.truncates && by == 0 {
        reply.set_flags(PacketFlag::TRUNCATION);
    } else {
        for (priority, weight, port, target) in &zone.records {
            let data = RData::SRV(SRV {
                priority: *priority,
                weight: *weight,
                port: *port,
                target: Name::new_unchecked(target),
            });
            let record = ResourceRecord::new(name.clone(), CLASS::IN, 60, data);
            reply.answers.push(record);
        }
    }
    reply.build_bytes_vec_compressed().expect("an answer")
}
