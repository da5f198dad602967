//! Opens a connection: resolves the name, tries each address, begins TLS. The bind comes later.

use std::io;
use std::time::Instant;

use syncrepl_proto::frame::Frames;
use syncrepl_proto::message::{Operation, START_TLS, result_name};

use super::moved::{Failure, Moved};
use super::operations::unexpected;
use super::options::{Addresses, ConnectOptions};
use super::refused::refused;
use super::resolve::endpoints;
use super::server::{Server, StartTls};
use super::socket::{Endpoint, Socket};
use super::tls::Tls;
use super::transport::Transport;
use super::trust::{self, Setup};
use super::waiter::Waiter;
use super::wire::Connection;
use crate::error::{Error, ErrorKind, Result};
use crate::record::text::excerpt;
use crate::stop::StopHandle;

impl Connection {
    /// Connects to `server`: resolves its name, tries one address after the other, and begins TLS
    /// as the server and `options` say. Nothing goes out in clear that should not.
    ///
    /// # Errors
    /// - `Unreachable`: no address answers.
    /// - `Tls`: the encryption or the certificate is at fault, or the server refuses a StartTLS
    ///   that it must not refuse.
    /// - `InvalidInput`: a certificate file or a key cannot be used.
    /// - `Stopped`: `stop` was requested meanwhile.
    pub(crate) fn open(
        server: &Server,
        options: &ConnectOptions,
        stop: &StopHandle,
    ) -> Result<Self> {
        if server.socket_path().is_some()
            && options.starttls == StartTls::Required
            && !options.starttls_remembered
        {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("StartTLS is not available on the local socket {server}"),
            )
            .with_hint("leave StartTLS out: a local socket does not leave this machine"));
        }
        let may_encrypt =
            server.is_ldaps() || server.host().is_some() && options.starttls != StartTls::Never;
        if options.require_tls && server.host().is_some() && !may_encrypt {
            return Err(Error::new(
                ErrorKind::Tls,
                format!("TLS is required, and {server} would be spoken to without it"),
            )
            .with_hint("use StartTLS (-ZZ), or ldaps://; nothing was sent"));
        }
        let setup = match may_encrypt {
            true => Some(trust::setup(options)?),
            false => None,
        };
        let endpoints = match options.addresses {
            Addresses::Only(address) => vec![Endpoint::Tcp(address)],
            _ => endpoints(server, options, stop)?,
        };
        Connection::first_of(endpoints, server, options, setup.as_ref(), stop)
    }

    /// Connects to the first endpoint that accepts a connection.
    pub(super) fn first_of(
        mut endpoints: Vec<Endpoint>,
        server: &Server,
        options: &ConnectOptions,
        setup: Option<&Setup>,
        stop: &StopHandle,
    ) -> Result<Self> {
        if let Addresses::Last(address) = options.addresses {
            // The sort is stable: the other addresses keep their order.
            endpoints
                .sort_by_key(|endpoint| matches!(endpoint, Endpoint::Tcp(at) if *at == address));
        }
        let mut failures = Vec::new();
        for endpoint in endpoints {
            match Connection::establish(server, &endpoint, options, setup, stop) {
                Ok(connection) => return Ok(connection),
                Err(error) if error.kind() == ErrorKind::Unreachable => {
                    tracing::debug!("{error}");
                    failures.push(error);
                }
                Err(error) => return Err(error),
            }
        }
        match failures.pop() {
            Some(only) if failures.is_empty() => Err(only),
            Some(last) => {
                failures.push(last);
                let each: Vec<_> = failures.iter().map(Error::to_string).collect();
                Err(Error::new(
                    ErrorKind::Unreachable,
                    format!("no address of {server} can be reached: {}", each.join("; ")),
                ))
            }
            None => Err(Error::new(
                ErrorKind::Unreachable,
                format!("the name of {server} has no address"),
            )),
        }
    }

    fn establish(
        server: &Server,
        endpoint: &Endpoint,
        options: &ConnectOptions,
        setup: Option<&Setup>,
        stop: &StopHandle,
    ) -> Result<Self> {
        let deadline = options.network.after(options.connect_timeout);
        let mut waiter = Waiter::new(stop)?;
        let socket = connect(server, endpoint, options, &mut waiter, deadline)?;
        let mut connection = Connection {
            server: server.clone(),
            transport: Transport::new(socket),
            waiter,
            network: options.network.clone(),
            frames: Frames::new(options.max_message_size),
            last_id: 0,
            response_timeout: options.response_timeout,
            abandon_at: options.abandon_at,
            loopback: match endpoint {
                Endpoint::Tcp(address) => address.ip().to_canonical().is_loopback(),
                Endpoint::Unix(_) | Endpoint::Given(_) => true,
            },
            address: match endpoint {
                Endpoint::Tcp(address) => Some(*address),
                Endpoint::Unix(_) | Endpoint::Given(_) => None,
            },
            heard: false,
            heard_in_tls: false,
            broken: false,
            password_warning: None,
        };
        if let Some(setup) = setup
            && (server.is_ldaps() || connection.start_tls(options)?)
        {
            // The StartTLS exchange has had a time limit of its own.
            let deadline = match server.is_ldaps() {
                true => deadline,
                false => options.network.after(options.connect_timeout),
            };
            connection.encrypt(setup, options, deadline)?;
        }
        Ok(connection)
    }

    /// Asks for StartTLS (RFC 4511 §4.14). Returns whether the handshake may begin.
    fn start_tls(&mut self, options: &ConnectOptions) -> Result<bool> {
        let request = Operation::ExtendedRequest {
            name: START_TLS,
            value: None,
        };
        let answer = self.exchange(&request, &[], "StartTLS", |op| match op {
            Operation::ExtendedResponse { result, .. } => Ok(Some((
                result.code,
                excerpt(result.diagnostic),
                refused(&result, "StartTLS"),
            ))),
            other => Err(unexpected(&other, "StartTLS")),
        });
        // Any other message may have been injected. TLS has not begun, so the error is one of TLS.
        let answer = answer.map_err(|error| match error.kind() {
            ErrorKind::Protocol => error.with_kind(ErrorKind::Tls),
            _ => error,
        })?;
        match answer {
            // Bytes in clear after the response could have been injected by anybody.
            (0, ..) if self.frames.buffered() > 0 => Err(Error::new(
                ErrorKind::Tls,
                format!(
                    "{} sent something in clear after it agreed to StartTLS",
                    self.server
                ),
            )
            .with_hint("someone may be tampering with the connection; nothing of it was used")),
            (0, ..) => Ok(true),
            (code, diagnostic, _)
                if options.starttls() == StartTls::IfPossible && options.anonymous =>
            {
                tracing::warn!(
                    "{} refused StartTLS ({}: {diagnostic}): the connection goes on in clear",
                    self.server,
                    result_name(code).unwrap_or("result code of its own"),
                );
                Ok(false)
            }
            (.., refusal) => Err(refusal
                .with_kind(ErrorKind::Tls)
                .with_hint(match options.starttls() {
                    StartTls::IfPossible => {
                        "only an anonymous bind goes on in clear (-Z), and nothing was sent but this \
                         request; set TLS up on the provider and use -ZZ, or ldaps://"
                    }
                    _ => "set TLS up on the provider; nothing was sent in clear but this request",
                })),
        }
    }

    fn encrypt(
        &mut self,
        setup: &Setup,
        options: &ConnectOptions,
        deadline: Option<Instant>,
    ) -> Result<()> {
        if options.accept_any_certificate {
            tracing::warn!(
                "the certificate of {} is NOT CHECKED: anybody on the way can read and change everything",
                self.server
            );
        }
        self.transport.encrypt(Tls::new(setup, &self.server)?);
        loop {
            match self.transport.handshake() {
                Ok(Moved::Bytes(_)) => {
                    (self.waiter.readable, self.waiter.writable) = (true, true);
                    if let Some(tls) = self.transport.tls() {
                        tracing::debug!("{} speaks {}", self.server, tls.agreed());
                    }
                    return Ok(());
                }
                Ok(Moved::Blocked) => {}
                Ok(Moved::Closed) => return Err(self.handshake_cut(None)),
                Err(Failure::Io(error)) => return Err(self.handshake_cut(Some(error))),
                Err(failure) => return Err(self.lost(failure)),
            }
            self.waiter.abandon_at(self.abandon_at)?;
            if !self.wait_for_socket(deadline)? {
                let hint = "if the port speaks plain LDAP, use ldap:// with StartTLS";
                return Err(self
                    .silent("does not answer in TLS", options.connect_timeout)
                    .with_hint(hint));
            }
        }
    }

    fn handshake_cut(&self, cause: Option<io::Error>) -> Error {
        if let Some(error) = self.certificate_unwanted() {
            return error;
        }
        let message = format!(
            "{} closed the connection instead of starting TLS",
            self.server
        );
        let error = Error::new(ErrorKind::Unreachable, message);
        let error = match cause {
            Some(cause) => error.with_source(cause),
            None => error,
        };
        // Many servers close the connection without sending an alert.
        error.with_hint(match self.server.is_ldaps() {
            true => {
                "if the port speaks plain LDAP, use ldap:// with StartTLS; if it speaks TLS, 1.2 or 1.3 \
                 with a current cipher is needed"
            }
            false => {
                "TLS 1.2 or 1.3 with a current cipher is needed; the provider's log may say more"
            }
        })
    }
}

fn connect(
    server: &Server,
    endpoint: &Endpoint,
    options: &ConnectOptions,
    waiter: &mut Waiter,
    deadline: Option<Instant>,
) -> Result<Socket> {
    let address = match endpoint {
        Endpoint::Tcp(address) if server.host() != Some(&address.ip().to_string()) => {
            format!(" at {address}")
        }
        // The name of the server says it already.
        Endpoint::Tcp(_) | Endpoint::Unix(_) | Endpoint::Given(_) => String::new(),
    };
    let failed = |error: io::Error| {
        let hint = match error.kind() {
            io::ErrorKind::ConnectionRefused => "nothing listens there: is the provider running?",
            io::ErrorKind::NotFound => "there is no such socket: is the provider running?",
            io::ErrorKind::PermissionDenied => "this user may not use the socket",
            _ => "is the network up?",
        };
        Error::new(
            ErrorKind::Unreachable,
            format!("cannot connect to {server}{address}"),
        )
        .with_source(error)
        .with_hint(hint)
    };
    tracing::debug!("connecting to {server}{address}");
    let mut socket = Socket::connect(server, endpoint).map_err(failed)?;
    waiter.register(&mut socket)?;
    while !socket.is_connected().map_err(failed)? {
        waiter.abandon_at(options.abandon_at)?;
        if !waiter.wait(deadline)? {
            return Err(Error::new(
                ErrorKind::Unreachable,
                format!(
                    "cannot connect to {server}{address}: no answer within {:?}",
                    options.connect_timeout
                ),
            )
            .with_hint("is the address right, and does a firewall let it through?"));
        }
    }
    (waiter.readable, waiter.writable) = (true, true);
    Ok(socket)
}
