//! What is sent on one connection: whole messages in the order they are given, by whichever thread,
//! up to a cut.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use syncrepl_proto::control::Control;
use syncrepl_proto::message::{LdapResult, Message, Operation, Uris};

use crate::faults::Meter;
use crate::refusal::Refusal;

/// How much is gathered before it is sent without being flushed, in bytes.
const GATHER: usize = 64 << 10;

/// The connection takes nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Closed;

/// The sending half of a connection, shared by its searches.
#[derive(Debug, Clone)]
pub(crate) struct Output(Arc<Mutex<Sink>>);

#[derive(Debug)]
struct Sink {
    stream: TcpStream,
    gathered: Vec<u8>,
    meter: Meter,
    closed: bool,
}

impl Output {
    pub(crate) fn new(stream: TcpStream, meter: Meter) -> Output {
        Output(Arc::new(Mutex::new(Sink {
            stream,
            gathered: Vec::new(),
            meter,
            closed: false,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Sink> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a message, at the latest when the output is flushed.
    pub(crate) fn send(
        &self,
        id: u32,
        op: &Operation<'_>,
        controls: &[Control<'_>],
    ) -> Result<(), Closed> {
        self.send_bytes(&Message::encode(id, op, controls))
    }

    /// The same with a message as bytes.
    pub(crate) fn send_bytes(&self, message: &[u8]) -> Result<(), Closed> {
        let mut sink = self.lock();
        if sink.closed {
            return Err(Closed);
        }
        if let Some(length) = sink.meter.admit(message.len()) {
            sink.cut(message.get(..length).unwrap_or_default());
            return Err(Closed);
        }
        sink.gathered.extend_from_slice(message);
        if sink.gathered.len() >= GATHER {
            return sink.flush();
        }
        Ok(())
    }

    /// Sends what was gathered.
    pub(crate) fn flush(&self) -> Result<(), Closed> {
        self.lock().flush()
    }

    /// Sends these bytes and nothing after them.
    pub(crate) fn cut(&self, last: &[u8]) {
        self.lock().cut(last);
    }

    /// Sends a response and flushes.
    pub(crate) fn answer(&self, id: u32, op: &Operation<'_>) -> Result<(), Closed> {
        self.send(id, op, &[])?;
        self.flush()
    }
}

impl Sink {
    fn flush(&mut self) -> Result<(), Closed> {
        if self.closed {
            return Err(Closed);
        }
        let sent = self.stream.write_all(&self.gathered);
        self.gathered.clear();
        if sent.is_err() {
            self.closed = true;
            return Err(Closed);
        }
        Ok(())
    }

    fn cut(&mut self, last: &[u8]) {
        self.gathered.extend_from_slice(last);
        let _ = self.flush();
        self.closed = true;
        // What the client still sends is read on: closing now could take back what was sent.
        let _ = self.stream.shutdown(Shutdown::Write);
    }
}

/// Lends a refusal as an LDAP result.
pub(crate) fn with_result<R>(refusal: &Refusal, f: impl FnOnce(LdapResult<'_>) -> R) -> R {
    let uris = encode_uris(&refusal.referral);
    let referral = Uris::decode(&uris, "referral").ok();
    f(LdapResult {
        code: refusal.code,
        matched_dn: &refusal.matched_dn,
        diagnostic: &refusal.diagnostic,
        referral: referral.filter(|_| !refusal.referral.is_empty()),
    })
}

/// The contents of a SEQUENCE OF URI.
pub(crate) fn encode_uris(uris: &[String]) -> Vec<u8> {
    let mut writer = syncrepl_proto::ber::Writer::new();
    uris.iter().for_each(|uri| writer.octets(uri.as_bytes()));
    writer.finish()
}
