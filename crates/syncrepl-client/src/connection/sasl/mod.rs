//! SASL binds (RFC 4422): the interface of a mechanism, and the exchange of its messages. Each
//! mechanism has a file beside this one.

#[cfg(feature = "gssapi")]
mod gssapi;
#[cfg(feature = "gssapi")]
mod gssapi_errors;
mod mechanism;
mod scram;

use std::sync::mpsc::{TryRecvError, channel};
use std::time::Instant;

use syncrepl_proto::message::{Authentication, BindRequest, LdapResult, Operation};
use syncrepl_proto::profile::{Trouble, hints_of_all};
use zeroize::Zeroizing;

use super::credentials::Credentials;
use super::layer::SecurityLayer;
use super::operations::unexpected;
use super::refused::{refused, refused_because};
use super::wire::Connection;
use crate::error::{Error, ErrorKind, Result};
use crate::record::text::excerpt;
use mechanism::{Mechanism, out_of_turn};

/// The most steps of one exchange. No mechanism here needs more, and no provider may keep us busy
/// for ever.
const MOST_STEPS: usize = 16;

/// EXTERNAL (RFC 4422 appendix A): the identity that the connection itself proves.
struct External {
    authzid: String,
}

impl Mechanism for External {
    fn name(&self) -> &'static str {
        "EXTERNAL"
    }

    fn respond(&mut self, challenge: Option<&[u8]>) -> Result<Zeroizing<Vec<u8>>> {
        match challenge {
            // Always send an initial response: an empty one is not the same as none, and without
            // one slapd asks for it.
            None => Ok(Zeroizing::new(self.authzid.clone().into_bytes())),
            Some(_) => Err(out_of_turn(self.name())),
        }
    }

    fn finish(self: Box<Self>, _: Option<&[u8]>) -> Result<Option<Box<dyn SecurityLayer>>> {
        Ok(None)
    }
}

/// The mechanism and its response after a step.
type Stepped = (Box<dyn Mechanism>, Result<Zeroizing<Vec<u8>>>);

/// The provider's response to a step.
struct Answer {
    code: u32,
    credentials: Option<Vec<u8>>,
    /// The error, should the code be a refusal.
    refusal: Error,
}

impl Connection {
    /// Makes a SASL bind (RFC 4513 §5.2). `credentials` must be of a SASL mechanism.
    ///
    /// # Errors
    /// `Refused` when the provider refuses. `Credentials` when this end has nothing to prove its
    /// identity with, or the provider could not prove its own.
    pub(super) fn sasl_bind(&mut self, credentials: &Credentials) -> Result<()> {
        let mut mechanism = self.mechanism(credentials)?;
        let name = mechanism.name();
        let what = format!("the SASL {name} bind");
        let mut challenge: Option<Vec<u8>> = None;
        let mut begun = false;
        for _ in 0..MOST_STEPS {
            let step = move || -> Stepped {
                let response = mechanism.respond(challenge.as_deref());
                (mechanism, response)
            };
            let response;
            (mechanism, response) = self.beside(step)?;
            // From the second step on the provider waits for a response, which will not come.
            let response = response.inspect_err(|_| self.broken |= begun)?;
            let answer = self.sasl_step(name, &response, &what)?;
            begun = true;
            match answer.code {
                0 => {
                    let finish = move || mechanism.finish(answer.credentials.as_deref());
                    let layer = self.beside(finish)?.inspect_err(|_| self.broken = true)?;
                    return self.protect(layer);
                }
                // saslBindInProgress
                14 => challenge = Some(answer.credentials.unwrap_or_default()),
                _ => return Err(self.sasl_refused(name, answer.refusal)),
            }
        }
        self.broken = true;
        Err(out_of_turn(name))
    }

    fn mechanism(&self, credentials: &Credentials) -> Result<Box<dyn Mechanism>> {
        Ok(match credentials {
            Credentials::SaslScram {
                mechanism,
                authcid,
                password,
                authzid,
            } => Box::new(scram::Scram::new(
                *mechanism,
                authcid,
                password,
                authzid.as_deref(),
            )?),
            #[cfg(feature = "gssapi")]
            Credentials::SaslGssapi { principal, authzid } => Box::new(gssapi::Gssapi::new(
                &self.server,
                self.is_encrypted(),
                principal.as_deref(),
                authzid.as_deref(),
            )?),
            #[cfg(not(feature = "gssapi"))]
            Credentials::SaslGssapi { .. } => return Err(super::credentials::without_gssapi()),
            Credentials::SaslExternal { authzid } => Box::new(External {
                authzid: authzid.clone().unwrap_or_default(),
            }),
            Credentials::Anonymous | Credentials::Simple { .. } => {
                return Err(Error::new(ErrorKind::InvalidInput, "that is no SASL bind"));
            }
        })
    }

    fn sasl_step(&mut self, mechanism: &str, response: &[u8], what: &str) -> Result<Answer> {
        let request = Operation::BindRequest(BindRequest {
            name: "",
            authentication: Authentication::Sasl(mechanism, Some(response)),
        });
        self.exchange(&request, &[], what, |op| match op {
            Operation::BindResponse(result, credentials) => Ok(Some(Answer {
                code: result.code,
                credentials: credentials.map(<[u8]>::to_vec),
                refusal: sasl_refusal(mechanism, &result, what),
            })),
            other => Err(unexpected(&other, what)),
        })
    }

    /// From now on `layer` protects every byte.
    fn protect(&mut self, layer: Option<Box<dyn SecurityLayer>>) -> Result<()> {
        let Some(layer) = layer else {
            return Ok(());
        };
        if self.frames.buffered() > 0 {
            self.broken = true;
            return Err(Error::new(
                ErrorKind::Protocol,
                format!(
                    "{} sent something unprotected after it agreed to protect everything",
                    self.server
                ),
            )
            .with_hint("someone may be tampering with the connection; nothing of it was used"));
        }
        self.transport.protect(layer);
        Ok(())
    }

    /// The error for a refused bind, with the mechanisms that the provider offers.
    fn sasl_refused(&mut self, mechanism: &str, refusal: Error) -> Error {
        match refusal.result_code() {
            // authMethodNotSupported
            Some(7) => refusal.with_hint(self.offered_instead_of(mechanism)),
            _ => refusal,
        }
    }

    /// The hint when the provider does not support a mechanism.
    fn offered_instead_of(&mut self, mechanism: &str) -> String {
        let offered = match self.root_dse() {
            Ok(root) => root.sasl_mechanisms,
            Err(_) => Vec::new(),
        };
        if offered.is_empty() {
            return "its supportedSASLMechanisms is empty or hidden: is SASL set up there?".into();
        }
        let offered_too = offered
            .iter()
            .any(|name| name.eq_ignore_ascii_case(mechanism));
        format!(
            "its supportedSASLMechanisms {} {}",
            match offered_too {
                true => "has it all the same, so see the provider's log:",
                false => "has it not:",
            },
            excerpt(&offered.join(" "))
        )
    }

    /// Runs `work`, which may block for long, in a thread of its own, and waits for it as for a
    /// response.
    fn beside<T: Send + 'static>(
        &mut self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let (sender, done) = channel();
        let waker = self.waiter.waker();
        std::thread::Builder::new()
            .name("syncrepl-sasl".to_owned())
            .spawn(move || {
                // The receiver may be gone: a stop or the deadline came first.
                let _ = sender.send(work());
                let _ = waker.wake();
            })
            .map_err(|error| {
                Error::new(ErrorKind::Unreachable, "no thread can be started").with_source(error)
            })?;
        // The system's clock counts here: the work takes real time, whatever the network is.
        let deadline = Instant::now().checked_add(self.response_timeout);
        loop {
            match done.try_recv() {
                Ok(result) => return Ok(result),
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => {
                    self.broken = true;
                    // The thread panicked, in a library of this machine.
                    return Err(Error::new(
                        ErrorKind::Credentials,
                        "the SASL mechanism failed on this machine",
                    ));
                }
            }
            let waited = self
                .waiter
                .abandon_at(self.abandon_at)
                .and_then(|()| self.waiter.wait(deadline));
            if !waited.inspect_err(|_| self.broken = true)? {
                self.broken = true;
                return Err(Error::new(
                    ErrorKind::Unreachable,
                    format!(
                        "what the SASL bind needs did not come within {:?}",
                        self.response_timeout
                    ),
                )
                .with_hint("with Kerberos: does a key distribution center answer?"));
            }
        }
    }
}

/// The error for a refused bind, in words that suit SASL.
fn sasl_refusal(mechanism: &str, result: &LdapResult<'_>, what: &str) -> Error {
    let because = |words, hint| refused_because(result, what, words, hint);
    match result.code {
        // invalidCredentials
        49 if mechanism.starts_with("SCRAM") => because(
            "wrong user name or password",
            "the provider does not tell which; it has to hold the password in a form that fits SCRAM"
                .to_owned(),
        ),
        49 => because(
            "the identity was not accepted",
            "the provider's words, or its log, say why".to_owned(),
        ),
        // insufficientAccessRights
        50 => because(
            "this identity may not bind so, or not act as that of -X",
            hints_of_all(Trouble::MayNotActAs),
        ),
        // other
        80 if mechanism.starts_with("SCRAM") => because(
            "the provider cannot check this user",
            hints_of_all(Trouble::UserNotChecked),
        ),
        _ => refused(result, what),
    }
}
