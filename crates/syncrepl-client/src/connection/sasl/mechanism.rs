//! The interface of a SASL mechanism, and the errors for a provider that does not keep to it.

use zeroize::Zeroizing;

use crate::connection::layer::SecurityLayer;
use crate::error::{Error, ErrorKind, Result};
use crate::record::text::printable;

/// The client's side of one authentication. A step may block, so each runs in a thread of its own.
pub(super) trait Mechanism: Send {
    /// The registered name.
    fn name(&self) -> &'static str;

    /// The response to a challenge. The first call has none.
    fn respond(&mut self, challenge: Option<&[u8]>) -> Result<Zeroizing<Vec<u8>>>;

    /// Ends the exchange after the provider's success, with the credentials in that response, if
    /// any. Returns the negotiated security layer.
    ///
    /// # Errors
    /// The provider has not proved its identity.
    fn finish(self: Box<Self>, last: Option<&[u8]>) -> Result<Option<Box<dyn SecurityLayer>>>;
}

/// The error for a provider that does not keep to the mechanism.
pub(super) fn out_of_turn(mechanism: &str) -> Error {
    Error::new(
        ErrorKind::Protocol,
        format!("the provider does not keep to the order of SASL {mechanism}"),
    )
}

/// The error for a provider that did not prove its identity.
pub(super) fn unproven(mechanism: &str, why: &str) -> Error {
    Error::new(
        ErrorKind::Credentials,
        format!("SASL {mechanism}: {}", printable(why)),
    )
    .with_hint("it may not be the provider that it claims to be; nothing was asked of it")
}
