//! The connection lent to the `bind_complete` callback: operations that end before they return, and
//! nothing that outlives the call.

use syncrepl_proto::attributes::AttributeList;
use syncrepl_proto::message::{Scope, SearchRequest};

use super::server::Server;
use super::wire::Connection;
use crate::error::{CallbackResult, Error, ErrorKind, Result};
use crate::terms;

/// A bound connection, lent for one call. Each operation is complete when it returns.
#[derive(Debug)]
pub struct BoundLdap<'a> {
    connection: &'a mut Connection,
}

impl<'a> BoundLdap<'a> {
    pub(crate) fn new(connection: &'a mut Connection) -> Self {
        BoundLdap { connection }
    }

    /// Asks Who am I? (RFC 4532). Returns an authzId such as `dn:cn=reader,dc=example`, empty for
    /// an anonymous bind.
    ///
    /// # Errors
    /// `Refused` when the provider does not support the operation; others as for
    /// [`search`](BoundLdap::search).
    pub fn whoami(&mut self) -> Result<String> {
        self.connection.who_am_i()?.ok_or_else(|| {
            Error::new(
                ErrorKind::Refused,
                "the provider does not tell who we are (RFC 4532 is not supported)",
            )
            .with_result_code(2)
        })
    }

    /// Searches, and calls `on` with the DN and the attributes of each entry as it comes. An empty
    /// `attributes` asks for all user attributes. It ignores references and does not dereference
    /// aliases. Only the provider's limits apply.
    ///
    /// # Errors
    /// - `InvalidInput`: `filter` breaks RFC 4515, or an attribute is no attribute description.
    /// - `Refused`: the provider refuses; it carries the result code.
    /// - `Unreachable`: the provider does not respond in time or closes the connection.
    /// - `Protocol`: a response is not LDAP.
    /// - `Stopped`: a stop was requested.
    ///
    /// After an error of `on` there are no more calls. The search ends, then returns that error:
    /// unchanged if it is an [`Error`](crate::Error), else with the kind `Callback`.
    pub fn search(
        &mut self,
        base: &str,
        scope: Scope,
        filter: &str,
        attributes: &[&str],
        mut on: impl FnMut(&str, AttributeList<'_>) -> CallbackResult,
    ) -> Result<()> {
        let filter = terms::filter(filter)?;
        terms::attributes(attributes.iter().copied())?;
        let request = SearchRequest {
            base,
            scope,
            size_limit: 0,
            time_limit: 0,
            types_only: false,
            filter: filter.as_bytes(),
            attributes: attributes.to_vec(),
        };
        self.connection.search(&request, &[], |entry| {
            on(entry.dn, entry.attributes).map_err(callback_error)
        })
    }

    /// Reads the schema that the server publishes (RFC 4512 §4.2): `attributeTypes` and
    /// `objectClasses` of its subschema subentry, each with its definitions (RFC 4512 §4.1). Empty
    /// when the server publishes none or hides it.
    ///
    /// # Errors
    /// As for [`search`](BoundLdap::search).
    pub fn read_schema(&mut self) -> Result<Vec<(String, Vec<Vec<u8>>)>> {
        let mut schema = Vec::new();
        let Some(subentry) = self.connection.root_dse()?.subschema_subentry else {
            return Ok(schema);
        };
        let subschema = "(objectClass=subschema)";
        let attributes = ["attributeTypes", "objectClasses"];
        let searched = self.search(&subentry, Scope::Base, subschema, &attributes, |_, list| {
            for attribute in list.iter() {
                let values = attribute.values().map(<[u8]>::to_vec).collect();
                schema.push((attribute.name.to_owned(), values));
            }
            Ok(())
        });
        match searched {
            // noSuchObject, insufficientAccessRights: the server hides the subentry from us.
            Err(error) if matches!(error.result_code(), Some(32 | 50)) => Ok(Vec::new()),
            searched => searched.map(|()| schema),
        }
    }

    /// The server at the other end.
    pub fn server(&self) -> &Server {
        self.connection.server()
    }
}

fn callback_error(error: Box<dyn std::error::Error + Send + Sync>) -> Error {
    match error.downcast::<Error>() {
        Ok(error) => *error,
        Err(error) => Error::new(
            ErrorKind::Callback,
            "the callback that takes search results failed",
        )
        .with_source(error),
    }
}
