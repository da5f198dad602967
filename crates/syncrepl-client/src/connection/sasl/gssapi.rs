//! GSSAPI (RFC 4752): Kerberos, with a security layer of its own where there is no TLS.

use libgssapi::context::{ClientCtx, CtxFlags, SecurityContext};
use libgssapi::credential::{Cred, CredUsage};
use libgssapi::name::Name;
use libgssapi::oid::{GSS_MECH_KRB5, GSS_NT_HOSTBASED_SERVICE, GSS_NT_KRB5_PRINCIPAL, OidSet};
use syncrepl_proto::profile::{Trouble, hints_of_all};
use zeroize::Zeroizing;

use super::gssapi_errors::{NAME, explain, printable_error};
use super::mechanism::{Mechanism, out_of_turn, unproven};
use crate::connection::layer::{LONGEST, SecurityLayer};
use crate::connection::server::Server;
use crate::error::{Error, ErrorKind, Result};

/// The security layers of RFC 4752 §3.1, as bits.
const NO_LAYER: u8 = 1;
const INTEGRITY: u8 = 2;
const CONFIDENTIALITY: u8 = 4;

/// An upper bound of what wrapping adds, in bytes. Headers, confounder, padding and checksum stay
/// below 100 bytes with every encryption type.
const OVERHEAD: usize = 256;
/// The most bytes to wrap at once, even if the provider takes more.
const CHUNK: usize = 64 << 10;

pub(super) struct Gssapi {
    /// The service name `ldap@host`, also for messages.
    service: String,
    /// Whether TLS protects the connection already.
    encrypted: bool,
    /// `None` before the first step.
    context: Option<ClientCtx>,
    principal: Option<String>,
    authzid: String,
    stage: Stage,
}

enum Stage {
    /// The two ends authenticate each other.
    Context,
    /// The provider offers its security layers.
    Offer,
    /// This end has chosen a layer.
    Agreed { layer: u8, most: usize },
}

impl Gssapi {
    pub(super) fn new(
        server: &Server,
        encrypted: bool,
        principal: Option<&str>,
        authzid: Option<&str>,
    ) -> Result<Self> {
        let Some(host) = server.host() else {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "GSSAPI needs the name of a host, which a local socket does not have",
            )
            .with_hint("use EXTERNAL on a local socket, or connect by ldap://"));
        };
        Ok(Gssapi {
            service: format!("ldap@{host}"),
            encrypted,
            context: None,
            principal: principal.map(str::to_owned),
            authzid: authzid.unwrap_or_default().to_owned(),
            stage: Stage::Context,
        })
    }

    fn begin(&self) -> Result<ClientCtx> {
        let failed = |error| explain(&error, &self.service);
        let target = Name::new(self.service.as_bytes(), Some(GSS_NT_HOSTBASED_SERVICE));
        let credentials = match &self.principal {
            Some(principal) => {
                let name = Name::new(principal.as_bytes(), Some(GSS_NT_KRB5_PRINCIPAL));
                let kerberos = OidSet::singleton(GSS_MECH_KRB5).map_err(failed)?;
                let name = name.map_err(failed)?;
                let usage = CredUsage::Initiate;
                Some(Cred::acquire(Some(&name), None, usage, Some(&kerberos)).map_err(failed)?)
            }
            None => None,
        };
        let mut flags = CtxFlags::GSS_C_MUTUAL_FLAG;
        if !self.encrypted {
            flags |= CtxFlags::GSS_C_INTEG_FLAG
                | CtxFlags::GSS_C_CONF_FLAG
                | CtxFlags::GSS_C_REPLAY_FLAG
                | CtxFlags::GSS_C_SEQUENCE_FLAG;
        }
        let target = target.map_err(failed)?;
        Ok(ClientCtx::new(
            credentials,
            target,
            flags,
            Some(GSS_MECH_KRB5),
        ))
    }

    fn show_ticket(&mut self, challenge: Option<&[u8]>) -> Result<Zeroizing<Vec<u8>>> {
        let mut context = match self.context.take() {
            Some(context) => context,
            None => self.begin()?,
        };
        let token = context
            .step(challenge, None)
            .map_err(|error| explain(&error, &self.service))?;
        // Only an open context has flags.
        let open = token.is_none() || context.open().unwrap_or(false);
        if open {
            let flags = context
                .flags()
                .map_err(|error| explain(&error, &self.service))?;
            if !flags.contains(CtxFlags::GSS_C_MUTUAL_FLAG) {
                return Err(unproven(NAME, "the server did not prove who it is"));
            }
            self.stage = Stage::Offer;
        }
        self.context = Some(context);
        let token = token.map(|token| token.to_vec());
        Ok(Zeroizing::new(token.unwrap_or_default()))
    }

    /// Answers the provider's offer (RFC 4752 §3.1). The offer is a bit mask of layers and the size
    /// of the largest buffer the provider takes. The answer is the same for this end, followed by
    /// the authorization identity.
    fn choose_layer(&mut self, challenge: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let context = self.context.as_mut().ok_or_else(|| out_of_turn(NAME))?;
        let (offered, most) = read_offer(context, challenge)?;
        let failed = |error| explain(&error, &self.service);
        let possible = layers_of(context.flags().map_err(failed)?);
        let layer = chosen(offered & possible, self.encrypted)
            .ok_or_else(|| no_layer(offered, self.encrypted))?;
        if layer != NO_LAYER && most <= OVERHEAD {
            return Err(useless_offer());
        }
        let (name, ours) = match layer {
            CONFIDENTIALITY => ("confidentiality", LONGEST as u32),
            INTEGRITY => ("integrity", LONGEST as u32),
            _ => ("none", 0),
        };
        tracing::debug!("GSSAPI security layer: {name}");
        let [_, a, b, c] = ours.to_be_bytes();
        let mut answer = vec![layer, a, b, c];
        answer.extend(self.authzid.as_bytes());
        let answer = context.wrap(false, &answer).map_err(failed)?;
        self.stage = Stage::Agreed {
            layer,
            most: most.saturating_sub(OVERHEAD).min(CHUNK),
        };
        Ok(Zeroizing::new(answer.to_vec()))
    }
}

fn useless_offer() -> Error {
    let message = "the provider's offer of a SASL security layer cannot be used";
    Error::new(ErrorKind::Protocol, message)
}

/// The layers that the provider offers, and the size of the largest buffer it takes.
fn read_offer(context: &mut ClientCtx, challenge: &[u8]) -> Result<(u8, usize)> {
    let offer = context.unwrap(challenge).map_err(|error| {
        let error = printable_error(&error);
        unproven(NAME, &format!("the server's offer is not genuine: {error}"))
    })?;
    let &[offered, a, b, c] = &*offer else {
        return Err(useless_offer());
    };
    Ok((offered, u32::from_be_bytes([0, a, b, c]) as usize))
}

/// The layers that a context with these flags can give.
fn layers_of(flags: CtxFlags) -> u8 {
    let mut possible = NO_LAYER;
    if flags.contains(CtxFlags::GSS_C_INTEG_FLAG) {
        possible |= INTEGRITY;
    }
    if flags.contains(CtxFlags::GSS_C_CONF_FLAG) {
        possible |= CONFIDENTIALITY;
    }
    possible
}

fn no_layer(offered: u8, encrypted: bool) -> Error {
    let over_tls = match encrypted {
        true => "beside TLS ",
        false => "",
    };
    Error::new(
        ErrorKind::Refused,
        format!(
            "the provider offers no security layer that can be used {over_tls}(it offers {offered:#04b})"
        ),
    )
    .with_hint(hints_of_all(Trouble::NoSecurityLayer))
}

impl Mechanism for Gssapi {
    fn name(&self) -> &'static str {
        NAME
    }

    fn respond(&mut self, challenge: Option<&[u8]>) -> Result<Zeroizing<Vec<u8>>> {
        match (&self.stage, challenge) {
            (Stage::Context, None) if self.context.is_none() => self.show_ticket(None),
            (Stage::Context, Some(challenge)) => self.show_ticket(Some(challenge)),
            (Stage::Offer, Some(challenge)) => self.choose_layer(challenge),
            _ => Err(out_of_turn(NAME)),
        }
    }

    fn finish(self: Box<Self>, _: Option<&[u8]>) -> Result<Option<Box<dyn SecurityLayer>>> {
        let Stage::Agreed { layer, most } = self.stage else {
            return Err(unproven(NAME, "the server did not prove who it is"));
        };
        let Some(context) = self.context.filter(|_| layer != NO_LAYER) else {
            return Ok(None);
        };
        Ok(Some(Box::new(Protection {
            context,
            encrypt: layer == CONFIDENTIALITY,
            most,
        })))
    }
}

/// Chooses a layer: the strongest one, but none over TLS, because several providers refuse a second
/// protection.
fn chosen(offered: u8, encrypted: bool) -> Option<u8> {
    let wanted: &[u8] = match encrypted {
        true => &[NO_LAYER],
        false => &[CONFIDENTIALITY, INTEGRITY, NO_LAYER],
    };
    wanted.iter().copied().find(|layer| offered & layer != 0)
}

/// A security layer by a Kerberos context. `unwrap` fails for a buffer that is repeated, late or
/// out of order.
struct Protection {
    context: ClientCtx,
    encrypt: bool,
    most: usize,
}

impl SecurityLayer for Protection {
    fn most(&self) -> usize {
        self.most
    }

    fn wrap(&mut self, plain: &[u8]) -> Result<Vec<u8>, String> {
        let wrapped = self.context.wrap(self.encrypt, plain);
        let wrapped = wrapped.map_err(|error| printable_error(&error))?;
        Ok(wrapped.to_vec())
    }

    fn unwrap(&mut self, wrapped: &[u8]) -> Result<Vec<u8>, String> {
        let plain = self.context.unwrap(wrapped);
        let plain = plain.map_err(|error| printable_error(&error))?;
        Ok(plain.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strongest_layer_but_none_over_tls() {
        for (offered, in_clear, over_tls) in [
            (7, Some(CONFIDENTIALITY), Some(NO_LAYER)),
            (3, Some(INTEGRITY), Some(NO_LAYER)),
            (1, Some(NO_LAYER), Some(NO_LAYER)),
            (4, Some(CONFIDENTIALITY), None),
            (8, None, None),
            (0, None, None),
        ] {
            assert_eq!(chosen(offered, false), in_clear, "{offered}");
            assert_eq!(chosen(offered, true), over_tls, "{offered}");
        }
    }
}
