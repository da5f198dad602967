//! Single operations, one at a time, each with its response: before the sync search begins, and on
//! connections beside it.

use std::time::Instant;

use syncrepl_proto::ber::DecodeError;
use syncrepl_proto::control::Control;
use syncrepl_proto::message::{
    Authentication, BindRequest, Message, Operation, SearchRequest, SearchResultEntry, WHO_AM_I,
};
use syncrepl_proto::policy;
use zeroize::Zeroizing;

use super::credentials::Credentials;
use super::policy::outcome;
use super::refused::{notice_of_disconnection, refused};
use super::wire::{Connection, FAREWELL};
use crate::error::retry::Asked;
use crate::error::{Error, ErrorKind, Result};
use crate::record::text::{excerpt, printable};
use crate::stop::SILENCE_AFTER_STOP;

/// The filter `(objectClass=*)` (RFC 4511 §4.5.1.7), which every entry matches.
pub(crate) const ANY_ENTRY: &[u8] = b"\x87\x0bobjectClass";

impl Connection {
    /// Binds with `credentials`.
    ///
    /// # Errors
    /// `Refused` with the result code when the provider refuses; others as for the kind of bind.
    pub(crate) fn bind(&mut self, credentials: &Credentials) -> Result<()> {
        let read_anew = credentials.read_anew()?;
        let bound = match read_anew.as_ref().unwrap_or(credentials) {
            Credentials::Anonymous => self.simple_bind("", &[]),
            Credentials::Simple { dn, password } => self.simple_bind(dn, password.as_bytes()),
            sasl => self.sasl_bind(sasl),
        };
        bound.map_err(|error| error.answering(Asked::Bind))
    }

    /// Makes a simple bind (RFC 4513 §5.1); an anonymous one with an empty name and password.
    ///
    /// A name without a password is `InvalidInput`: providers would bind it anonymously and return
    /// success.
    pub(crate) fn simple_bind(&mut self, dn: &str, password: &[u8]) -> Result<()> {
        if !dn.is_empty() && password.is_empty() {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("the password for {} is empty", printable(dn)),
            )
            .with_hint("give its password, or no name at all to bind anonymously"));
        }
        let what = "the bind";
        let request = Operation::BindRequest(BindRequest {
            name: dn,
            authentication: Authentication::Simple(password),
        });
        // Nobody has no password.
        let controls: &[Control<'_>] = match dn {
            "" => &[],
            _ => &[policy::REQUEST],
        };
        let (outcome, warning) =
            self.exchange_whole(&request, controls, what, |message| match message.op {
                Operation::BindResponse(result, _) => {
                    Ok(Some(outcome(&result, &message.controls, dn)))
                }
                other => Err(unexpected(&other, what)),
            })?;
        self.password_warning = warning;
        outcome
    }

    /// Asks Who am I? (RFC 4532). Returns the authzId, empty when anonymous; `None` when the
    /// provider cannot tell.
    pub(crate) fn who_am_i(&mut self) -> Result<Option<String>> {
        let what = "the question who we are";
        let request = Operation::ExtendedRequest {
            name: WHO_AM_I,
            value: None,
        };
        self.exchange(&request, &[], what, |op| match op {
            Operation::ExtendedResponse { result, value, .. } => Ok(Some(match result.code {
                0 => match std::str::from_utf8(value.unwrap_or_default()) {
                    Ok(authzid) => Ok(Some(authzid.to_owned())),
                    Err(error) => Err(Error::new(
                        ErrorKind::Protocol,
                        "the provider sent an authzId that is not UTF-8",
                    )
                    .with_source(error)),
                },
                // protocolError (RFC 4511 §4.12 for an unknown request), unwillingToPerform, and
                // notSupported, which some providers send.
                2 | 53 | 92 => Ok(None),
                _ => Err(refused(&result, what)),
            })),
            other => Err(unexpected(&other, what)),
        })?
    }

    /// Runs one search to its end, and calls `on` for each entry as it comes. After an error of
    /// `on` it makes no more calls, and returns the error once the search has ended.
    pub(crate) fn search(
        &mut self,
        request: &SearchRequest<'_>,
        controls: &[Control<'_>],
        mut on: impl FnMut(&SearchResultEntry<'_>) -> Result<()>,
    ) -> Result<()> {
        let what = match request.base {
            "" => "the search of the root DSE".to_owned(),
            base => format!("the search of {}", excerpt(base)),
        };
        let mut outcome = Ok(());
        let verdict = self.exchange(
            &Operation::SearchRequest(request.clone()),
            controls,
            &what,
            |op| {
                match &op {
                    Operation::SearchResultEntry(entry) if outcome.is_ok() => outcome = on(entry),
                    // A reference names another provider. It is not followed.
                    Operation::SearchResultEntry(_) | Operation::SearchResultReference(_) => {}
                    Operation::SearchResultDone(result) => {
                        return Ok(Some(verdict(result, &what)));
                    }
                    // Only a control could have asked for one, and no control here does.
                    Operation::IntermediateResponse { .. } => {}
                    other => return Err(unexpected(other, &what)),
                }
                Ok(None)
            },
        )?;
        outcome.and(verdict)
    }

    /// Sends an UnbindRequest and closes. The other end may be gone already, so there is no error.
    pub(crate) fn unbind(mut self) {
        if !self.broken {
            let id = self.next_message_id();
            let bytes = Message::encode(id, &Operation::UnbindRequest, &[]);
            if let Err(error) = self.send_within(&bytes, FAREWELL.min(self.response_timeout)) {
                tracing::debug!("the farewell was not heard: {error}");
            }
        }
        self.transport.close();
    }

    /// Sends a request and passes its responses to `on` until that returns something. Any other
    /// message is an error. After an error no other request can be sent.
    pub(super) fn exchange<T>(
        &mut self,
        request: &Operation<'_>,
        controls: &[Control<'_>],
        what: &str,
        mut on: impl FnMut(Operation<'_>) -> Result<Option<T>>,
    ) -> Result<T> {
        self.exchange_whole(request, controls, what, |message| on(message.op))
    }

    /// As [`exchange`](Self::exchange), with the controls of the responses.
    fn exchange_whole<T>(
        &mut self,
        request: &Operation<'_>,
        controls: &[Control<'_>],
        what: &str,
        on: impl FnMut(Message<'_>) -> Result<Option<T>>,
    ) -> Result<T> {
        let id = self.next_message_id();
        let bytes = Zeroizing::new(Message::encode(id, request, controls));
        if let Err(error) = self.send(&bytes) {
            return Err(self.parting_words().unwrap_or(error));
        }
        let answer = self.answers(id, what, on);
        self.broken |= answer.is_err();
        answer
    }

    fn answers<T>(
        &mut self,
        id: u32,
        what: &str,
        mut on: impl FnMut(Message<'_>) -> Result<Option<T>>,
    ) -> Result<T> {
        let mut deadline = self.network.after(self.response_timeout);
        loop {
            let mut answered = false;
            while let Some(bytes) = self.next_message()? {
                let message = Message::decode(bytes).map_err(undecodable)?;
                if message.id == 0 {
                    match notice_of_disconnection(&message) {
                        Some(error) => return Err(error),
                        None => continue,
                    }
                }
                if message.id != id {
                    return Err(Error::new(
                        ErrorKind::Protocol,
                        format!(
                            "the provider sent {} for message {} while {what} was message {id}",
                            message.op.name(),
                            message.id,
                        ),
                    ));
                }
                if let Some(done) = on(message)? {
                    return Ok(done);
                }
                answered = true;
            }
            if answered {
                deadline = self.network.after(self.response_timeout);
            }
            if !self.more(deadline)? {
                let time = match self.waiter.is_stopping() {
                    true => self.response_timeout.min(SILENCE_AFTER_STOP),
                    false => self.response_timeout,
                };
                return Err(self.silent(&format!("does not answer {what}"), time));
            }
        }
    }

    /// Waits for more bytes. Returns false when the deadline has passed, an error when stops were
    /// requested that abandon this. A stop that does not still brings the deadline near.
    fn more(&mut self, mut deadline: Option<Instant>) -> Result<bool> {
        let mut stopping = false;
        loop {
            self.waiter.abandon_at(self.abandon_at)?;
            if !stopping && self.waiter.is_stopping() {
                stopping = true;
                let near = self.network.after(SILENCE_AFTER_STOP);
                deadline = deadline.into_iter().chain(near).min();
            }
            if self.fill_now()? {
                return Ok(true);
            }
            if !self.wait_for_socket(deadline)? {
                return Ok(false);
            }
        }
    }

    /// The provider's reason for closing the connection, if it sent one before.
    fn parting_words(&mut self) -> Option<Error> {
        loop {
            while let Ok(Some(bytes)) = self.next_message() {
                if let Ok(message) = Message::decode(bytes)
                    && message.id == 0
                    && let Some(error) = notice_of_disconnection(&message)
                {
                    return Some(error);
                }
            }
            if !self.fill_now().unwrap_or(false) {
                return None;
            }
        }
    }
}

fn verdict(result: &syncrepl_proto::message::LdapResult<'_>, what: &str) -> Result<()> {
    match result.code {
        0 => Ok(()),
        _ => Err(refused(result, what)),
    }
}

/// The error for a response of the wrong kind. Some providers refuse any unknown request with an
/// ExtendedResponse; its result then says why.
pub(super) fn unexpected(op: &Operation<'_>, what: &str) -> Error {
    match op {
        Operation::ExtendedResponse { result, .. } if result.code != 0 => refused(result, what),
        other => Error::new(
            ErrorKind::Protocol,
            format!("the provider answered {what} with {}", other.name()),
        ),
    }
}

/// The error for a message that breaks RFC 4511; it names the element.
pub(crate) fn undecodable(error: DecodeError) -> Error {
    Error::new(
        ErrorKind::Protocol,
        "the provider sent a message that cannot be read",
    )
    .with_source(error)
}
