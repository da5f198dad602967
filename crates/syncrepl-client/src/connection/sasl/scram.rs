//! SCRAM (RFC 5802, RFC 7677) without channel binding: both ends prove that they know the password,
//! and neither sends it.
//!
//! rsasl does the computation. This file refuses messages that rsasl does not check itself.

use std::sync::Arc;

use rsasl::callback::{Context, Request, SessionCallback, SessionData};
use rsasl::prelude::{Mechname, SASLClient, SASLConfig, Session, SessionError, State};
use rsasl::property::{AuthId, AuthzId, Password as PasswordProperty};
use zeroize::Zeroizing;

use super::mechanism::{Mechanism, out_of_turn, unproven};
use crate::connection::credentials::{Password, ScramHash};
use crate::connection::layer::SecurityLayer;
use crate::error::{Error, ErrorKind, Result};
use crate::record::text::printable;

/// The fewest iterations accepted; RFC 7677 §4 requires them. With fewer, a false provider could
/// guess the password cheaply.
const FEWEST_ITERATIONS: u32 = 4096;
/// The most iterations accepted: more than anybody uses, and a few seconds of computation.
const MOST_ITERATIONS: u32 = 10_000_000;

pub(super) struct Scram {
    name: &'static str,
    session: Session,
    expects: Expects,
}

/// The message that the provider must send next.
#[derive(Clone, Copy, PartialEq)]
enum Expects {
    Nothing,
    ServerFirst,
    ServerFinal,
    /// The provider has proved that it knows the password.
    Success,
}

/// The answers to rsasl's questions. The password is wiped when the session ends.
struct Secrets {
    authcid: String,
    password: Zeroizing<Vec<u8>>,
    authzid: Option<String>,
}

impl SessionCallback for Secrets {
    fn callback(
        &self,
        _: &SessionData,
        _: &Context<'_>,
        request: &mut Request<'_>,
    ) -> Result<(), SessionError> {
        request
            .satisfy::<AuthId>(&self.authcid)?
            .satisfy::<PasswordProperty>(&self.password)?;
        if let Some(authzid) = &self.authzid {
            request.satisfy::<AuthzId>(authzid)?;
        }
        Ok(())
    }
}

impl Scram {
    pub(super) fn new(
        hash: ScramHash,
        authcid: &str,
        password: &Password,
        authzid: Option<&str>,
    ) -> Result<Self> {
        let name = hash.mechanism();
        let unfit = |error: &dyn std::fmt::Display| {
            Error::new(
                ErrorKind::InvalidInput,
                format!("SASL {name} cannot be used: {error}"),
            )
        };
        if authcid.is_empty() || authcid.contains('\0') {
            return Err(unfit(&"it needs the name of a user"));
        }
        if password.is_empty() {
            return Err(unfit(&"the password is empty"));
        }
        if authzid.is_some_and(|authzid| authzid.contains('\0')) {
            return Err(unfit(&"the authorization identity contains a NUL"));
        }
        let secrets = Secrets {
            authcid: authcid.to_owned(),
            password: prepared(password),
            authzid: authzid
                .filter(|authzid| !authzid.is_empty())
                .map(str::to_owned),
        };
        let config: Arc<SASLConfig> = SASLConfig::builder()
            .with_defaults()
            .with_callback(secrets)
            .map_err(|error| unfit(&error))?;
        let mechanism = Mechname::parse(name.as_bytes()).map_err(|error| unfit(&error))?;
        let session = SASLClient::new(config)
            .start_suggested(&[mechanism])
            .map_err(|error| unfit(&error))?;
        Ok(Scram {
            name,
            session,
            expects: Expects::Nothing,
        })
    }

    fn step(&mut self, input: Option<&[u8]>) -> Result<Zeroizing<Vec<u8>>> {
        let mut response = Zeroizing::new(Vec::new());
        let state = self.session.step(input, &mut *response);
        self.expects = match (state, self.expects) {
            (Ok(State::Running), Expects::Nothing) => Expects::ServerFirst,
            (Ok(State::Running), Expects::ServerFirst) => Expects::ServerFinal,
            (Ok(State::Finished(_)), Expects::ServerFinal) => Expects::Success,
            (Err(_), Expects::ServerFinal) => {
                return Err(unproven(
                    self.name,
                    "the server could not prove that it knows the password",
                ));
            }
            (Err(error), _) => return Err(self.unreadable(&printable(&error.to_string()))),
            (Ok(_), _) => return Err(out_of_turn(self.name)),
        };
        Ok(response)
    }

    /// Checks the server's first message. rsasl splits messages by position and accepts any number
    /// of iterations.
    fn check_server_first(&self, message: &[u8]) -> Result<()> {
        let mut fields = message.split(|&byte| byte == b',');
        let mut field = |name: &[u8]| fields.next().and_then(|field| field.strip_prefix(name));
        let (nonce, salt, iterations) = (field(b"r="), field(b"s="), field(b"i="));
        let whole = nonce.is_some() && salt.is_some_and(|salt| !salt.is_empty());
        let count = iterations
            .and_then(|text| std::str::from_utf8(text).ok())
            .and_then(|text| text.parse::<u32>().ok())
            .filter(|_| whole);
        match count {
            Some(FEWEST_ITERATIONS..=MOST_ITERATIONS) => Ok(()),
            Some(count) => Err(unproven(
                self.name,
                &format!(
                    "the provider asks for {count} iterations, where {FEWEST_ITERATIONS} to \
                     {MOST_ITERATIONS} are sane"
                ),
            )),
            None => Err(self.unreadable("its first message is malformed")),
        }
    }

    fn unreadable(&self, why: &str) -> Error {
        Error::new(
            ErrorKind::Protocol,
            format!(
                "what the provider sends in SASL {} cannot be used: {why}",
                self.name
            ),
        )
    }
}

impl Mechanism for Scram {
    fn name(&self) -> &'static str {
        self.name
    }

    fn respond(&mut self, challenge: Option<&[u8]>) -> Result<Zeroizing<Vec<u8>>> {
        match (self.expects, challenge) {
            (Expects::Nothing, None) => self.step(None),
            (Expects::ServerFirst, Some(message)) => {
                self.check_server_first(message)?;
                self.step(Some(message))
            }
            // Some providers send the last message as a challenge, not with the success.
            (Expects::ServerFinal, Some(message)) => self.verify(message),
            _ => Err(out_of_turn(self.name)),
        }
    }

    fn finish(mut self: Box<Self>, last: Option<&[u8]>) -> Result<Option<Box<dyn SecurityLayer>>> {
        if self.expects == Expects::ServerFinal {
            self.verify(last.unwrap_or_default())?;
        }
        match self.expects {
            Expects::Success => Ok(None),
            // The provider returned success before it proved anything.
            _ => Err(unproven(
                self.name,
                "the server did not prove that it knows the password",
            )),
        }
    }
}

impl Scram {
    fn verify(&mut self, server_final: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        if !server_final.starts_with(b"v=") {
            let why = match server_final.strip_prefix(b"e=") {
                Some(error) => format!(
                    "the server ended it with the error {}",
                    String::from_utf8_lossy(error)
                ),
                None => "the server did not prove that it knows the password".to_owned(),
            };
            return Err(unproven(self.name, &why));
        }
        self.step(Some(server_final))
    }
}

/// The password prepared by SASLprep (RFC 4013) where that is possible, else unchanged.
fn prepared(password: &Password) -> Zeroizing<Vec<u8>> {
    let bytes = password.as_bytes();
    let prepared = std::str::from_utf8(bytes)
        .ok()
        .and_then(|text| stringprep::saslprep(text).ok());
    Zeroizing::new(match prepared {
        Some(std::borrow::Cow::Owned(text)) => text.into_bytes(),
        _ => bytes.to_vec(),
    })
}
