//! The sending half of a connection: whole messages, from several threads, up to a cut.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use syncrepl_proto::control::Control;
use syncrepl_proto::message::{LdapResult, Message, Operation, Uris};

use crate::faults::Meter;
use crate::refusal::Refusal;

/// The number of bytes gathered before they are sent without a flush.
const GATHER: usize = 64 << 10;

/// The connection takes no more messages.
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

    /// Queues a message. It is sent at the next flush, or earlier when enough bytes have gathered.
    pub(crate) fn send(
        &self,
        id: u32,
        op: &Operation<'_>,
        controls: &[Control<'_>],
    ) -> Result<(), Closed> {
        self.send_bytes(&Message::encode(id, op, controls))
    }

    /// Queues an encoded message, like [`send`](Self::send).
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

    /// Sends the gathered bytes.
    pub(crate) fn flush(&self) -> Result<(), Closed> {
        self.lock().flush()
    }

    /// Sends these bytes and closes the sending half.
    pub(crate) fn cut(&self, last: &[u8]) {
        self.lock().cut(last);
    }

    /// Sends a response at once.
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
        // Closing both halves while the client still sends would reset the connection, and the
        // reset could discard bytes the client has not read yet.
        let _ = self.stream.shutdown(Shutdown::Write);
    }
}

/// Lends a refusal as an LDAPResult.
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

/// Encodes the contents of a SEQUENCE OF URI.
pub(crate) fn encode_uris(uris: &[String]) -> Vec<u8> {
    let mut writer = syncrepl_proto::ber::Writer::new();
    uris.iter().for_each(|uri| writer.octets(uri.as_bytes()));
    writer.finish()
}
