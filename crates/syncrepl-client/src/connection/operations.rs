//! Single operations, one at a time and waited for: before the sync search begins, and on
//! connections beside it.

use std::time::Instant;

use syncrepl_proto::attributes::AttributeList;
use syncrepl_proto::ber::DecodeError;
use syncrepl_proto::control::Control;
use syncrepl_proto::message::{
    Authentication, BindRequest, CANCEL, Message, Operation, Scope, SearchRequest,
    SearchResultEntry, WHO_AM_I,
};
use zeroize::Zeroizing;

use super::{Connection, Credentials, FAREWELL, notice_of_disconnection, refused};
use crate::error::retry::Asked;
use crate::error::{Error, ErrorKind, Result};
use crate::record::text::{excerpt, printable};

/// The filter `(objectClass=*)` (RFC 4511 §4.5.1.7), which every entry matches.
pub(crate) const ANY_ENTRY: &[u8] = b"\x87\x0bobjectClass";

/// What a server tells of itself (RFC 4512 §5.1). Whatever it hides is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RootDse {
    pub(crate) vendor_name: Option<String>,
    pub(crate) vendor_version: Option<String>,
    pub(crate) object_classes: Vec<String>,
    pub(crate) supported_controls: Vec<String>,
    pub(crate) supported_extensions: Vec<String>,
    pub(crate) naming_contexts: Vec<String>,
    pub(crate) subschema_subentry: Option<String>,
    /// The oldest and the newest change that a 389-ds remembers.
    pub(crate) changes: Option<(u64, u64)>,
    pub(crate) sasl_mechanisms: Vec<String>,
}

impl Connection {
    /// Binds as `credentials` say. `Refused` with the result code when the provider says no.
    pub(crate) fn bind(&mut self, credentials: &Credentials) -> Result<()> {
        let bound = match credentials {
            Credentials::Anonymous => self.simple_bind("", &[]),
            Credentials::Simple { dn, password } => self.simple_bind(dn, password.as_bytes()),
            sasl => self.sasl_bind(sasl),
        };
        bound.map_err(|error| error.answering(Asked::Bind))
    }

    /// A simple bind (RFC 4513 §5.1); anonymous with an empty name and password. A name without a
    /// password is `InvalidInput`: providers would take it for anonymous and call it success.
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
        self.exchange(&request, &[], what, |op| match op {
            Operation::BindResponse(result, _) => Ok(Some(verdict(&result, what))),
            other => Err(unexpected(&other, what)),
        })?
    }

    /// Who the provider takes us for (RFC 4532), empty if for nobody; `None` when it cannot tell.
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
                // protocolError (RFC 4511 §4.12 for an unknown request), unwillingToPerform,
                // and notSupported as some providers have it.
                2 | 53 | 92 => Ok(None),
                _ => Err(refused(&result, what)),
            })),
            other => Err(unexpected(&other, what)),
        })?
    }

    /// One search to its end. `on` sees each entry and reference as it comes; after an error of
    /// its own it is not called any more, and the error is returned once the search has ended.
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
                    // Where to look further: that is another provider's, and not followed.
                    Operation::SearchResultEntry(_) | Operation::SearchResultReference(_) => {}
                    Operation::SearchResultDone(result) => {
                        return Ok(Some(verdict(result, &what)));
                    }
                    // Only what was asked for by a control may come so, and nobody waits for it.
                    Operation::IntermediateResponse { .. } => {}
                    other => return Err(unexpected(other, &what)),
                }
                Ok(None)
            },
        )?;
        outcome.and(verdict)
    }

    /// What the server tells of itself. One that hides its root DSE gives empty fields.
    pub(crate) fn root_dse(&mut self) -> Result<RootDse> {
        let request = SearchRequest {
            base: "",
            scope: Scope::Base,
            size_limit: 0,
            time_limit: 0,
            types_only: false,
            filter: ANY_ENTRY,
            attributes: vec![
                "vendorName",
                "vendorVersion",
                "objectClass",
                "supportedControl",
                "supportedExtension",
                "namingContexts",
                "subschemaSubentry",
                "firstChangeNumber",
                "lastChangeNumber",
                "supportedSASLMechanisms",
            ],
        };
        let mut found = RootDse::default();
        let searched = self.search(&request, &[], |entry| {
            found = RootDse::read(&entry.attributes);
            Ok(())
        });
        match searched {
            Err(error) if error.kind() != ErrorKind::Refused => Err(error),
            Err(error) if matches!(error.result_code(), Some(51 | 52)) => Err(error),
            Err(error) => {
                tracing::debug!("the root DSE is hidden: {error}");
                Ok(RootDse::default())
            }
            Ok(()) => Ok(found),
        }
    }

    /// Says goodbye and closes. The other end may be gone already, so there is no error.
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

    /// Sends a request and gives its answers to `on` until that returns something. Anything but
    /// an answer to this request is an error, and after an error no other request can be sent.
    pub(super) fn exchange<T>(
        &mut self,
        request: &Operation<'_>,
        controls: &[Control<'_>],
        what: &str,
        on: impl FnMut(Operation<'_>) -> Result<Option<T>>,
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
        mut on: impl FnMut(Operation<'_>) -> Result<Option<T>>,
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
                if let Some(done) = on(message.op)? {
                    return Ok(done);
                }
                answered = true;
            }
            if answered {
                deadline = self.network.after(self.response_timeout);
            }
            if !self.more(deadline)? {
                return Err(self.silent(&format!("does not answer {what}"), self.response_timeout));
            }
        }
    }

    /// Waits for more bytes: false when the deadline has passed, an error when it is to stop.
    fn more(&mut self, deadline: Option<Instant>) -> Result<bool> {
        loop {
            self.waiter.abandon_at(self.abandon_at)?;
            if self.fill_now()? {
                return Ok(true);
            }
            if !self.wait_for_socket(deadline)? {
                return Ok(false);
            }
        }
    }

    /// Why the provider closed the connection, if it said so before it did.
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

impl RootDse {
    /// Whether it offers Cancel (RFC 3909). One that hides what it offers may.
    pub(crate) fn can_cancel(&self) -> bool {
        let extensions = &self.supported_extensions;
        extensions.is_empty() || extensions.iter().any(|oid| oid == CANCEL)
    }

    fn read(attributes: &AttributeList<'_>) -> Self {
        let all = |name: &str| -> Vec<String> {
            attributes
                .values(name)
                .map(|value| String::from_utf8_lossy(value).into_owned())
                .collect()
        };
        let number = |name: &str| all(name).pop()?.parse().ok();
        RootDse {
            changes: number("firstChangeNumber").zip(number("lastChangeNumber")),
            vendor_name: all("vendorName").pop(),
            vendor_version: all("vendorVersion").pop(),
            object_classes: all("objectClass"),
            supported_controls: all("supportedControl"),
            supported_extensions: all("supportedExtension"),
            naming_contexts: all("namingContexts"),
            subschema_subentry: all("subschemaSubentry").pop(),
            sasl_mechanisms: all("supportedSASLMechanisms"),
        }
    }
}

fn verdict(result: &syncrepl_proto::message::LdapResult<'_>, what: &str) -> Result<()> {
    match result.code {
        0 => Ok(()),
        _ => Err(refused(result, what)),
    }
}

/// The error for an answer of the wrong kind. Some providers refuse what they do not know with an
/// ExtendedResponse, whatever was asked: then it tells what they meant.
pub(super) fn unexpected(op: &Operation<'_>, what: &str) -> Error {
    match op {
        Operation::ExtendedResponse { result, .. } if result.code != 0 => refused(result, what),
        other => Error::new(
            ErrorKind::Protocol,
            format!("the provider answered {what} with {}", other.name()),
        ),
    }
}

/// The error for a message that is not what RFC 4511 says; it names the element.
pub(crate) fn undecodable(error: DecodeError) -> Error {
    Error::new(
        ErrorKind::Protocol,
        "the provider sent a message that cannot be read",
    )
    .with_source(error)
}
