//! Single operations, one at a time, each with its response: before the sync search begins, and on
//! connections beside it.

use std::time::Instant;

use syncrepl_proto::attributes::AttributeList;
use syncrepl_proto::ber::DecodeError;
use syncrepl_proto::control::Control;
use syncrepl_proto::message::{
    Authentication, BindRequest, CANCEL, Message, Operation, Scope, SearchRequest,
    SearchResultEntry, WHO_AM_I,
};
use syncrepl_proto::policy;
use syncrepl_proto::profile::Provider;
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

const LAST_USN: &str = "lastUsn";

/// The root DSE (RFC 4512 §5.1). A field that the server hides is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RootDse {
    pub(crate) vendor_name: Option<String>,
    pub(crate) vendor_version: Option<String>,
    pub(crate) object_classes: Vec<String>,
    /// What a domain controller says of itself.
    pub(crate) capabilities: Vec<String>,
    pub(crate) supported_controls: Vec<String>,
    pub(crate) supported_extensions: Vec<String>,
    pub(crate) naming_contexts: Vec<String>,
    pub(crate) subschema_subentry: Option<String>,
    /// The oldest and the newest change number, which 389-ds publishes.
    pub(crate) changes: Option<(u64, u64)>,
    /// The number of writes to each database, by its name; one without a name counts all of them.
    pub(crate) writes: Vec<(String, u64)>,
    pub(crate) sasl_mechanisms: Vec<String>,
}

impl Connection {
    /// Binds with `credentials`.
    ///
    /// # Errors
    /// `Refused` with the result code when the provider refuses; others as for the kind of bind.
    pub(crate) fn bind(&mut self, credentials: &Credentials) -> Result<()> {
        let bound = match credentials {
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

    /// Reads the root DSE. A server that hides it gives empty fields.
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
                "supportedCapabilities",
                "supportedControl",
                "supportedExtension",
                "namingContexts",
                "subschemaSubentry",
                "firstChangeNumber",
                "lastChangeNumber",
                LAST_USN,
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

impl RootDse {
    /// Whether the server offers Cancel (RFC 3909). A server that hides its extensions may offer
    /// it.
    pub(crate) fn can_cancel(&self) -> bool {
        let extensions = &self.supported_extensions;
        extensions.is_empty() || extensions.iter().any(|oid| oid == CANCEL)
    }

    /// The kind of provider, as far as the root DSE tells.
    pub(crate) fn provider(&self) -> Provider {
        let [classes, capabilities] =
            [&self.object_classes, &self.capabilities].map(|all| all.iter().map(String::as_str));
        Provider::from_root_dse(self.vendor_name.as_deref(), classes, capabilities)
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
            writes: writes(attributes),
            vendor_name: all("vendorName").pop(),
            vendor_version: all("vendorVersion").pop(),
            object_classes: all("objectClass"),
            capabilities: all("supportedCapabilities"),
            supported_controls: all("supportedControl"),
            supported_extensions: all("supportedExtension"),
            naming_contexts: all("namingContexts"),
            subschema_subentry: all("subschemaSubentry").pop(),
            sasl_mechanisms: all("supportedSASLMechanisms"),
        }
    }
}

/// The values of `lastUsn` with their options. Before the first write it may be -1, with a sign or
/// without; only differences count.
fn writes(attributes: &AttributeList<'_>) -> Vec<(String, u64)> {
    let counted = attributes.iter().filter_map(|attribute| {
        let (name, option) = attribute
            .name
            .split_once(';')
            .unwrap_or((attribute.name, ""));
        let value = std::str::from_utf8(attribute.values().next()?).ok()?;
        let unsigned = value.parse::<u64>().ok();
        let count = unsigned.or_else(|| Some(value.parse::<i64>().ok()?.cast_unsigned()))?;
        name.eq_ignore_ascii_case(LAST_USN)
            .then(|| (option.to_ascii_lowercase(), count))
    });
    counted.collect()
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
