//! The connection as it is lent to the `bind_complete` callback: what can be asked, and nothing
//! that would outlive the call.

use syncrepl_proto::attributes::AttributeList;
use syncrepl_proto::filter::Filter;
use syncrepl_proto::message::{Scope, SearchRequest};

use super::{Connection, Server};
use crate::error::{CallbackResult, Error, ErrorKind, Result};
use crate::record::text::printable;

/// A bound connection, lent for one call. Each operation is complete when it returns.
#[derive(Debug)]
pub struct BoundLdap<'a> {
    connection: &'a mut Connection,
}

impl<'a> BoundLdap<'a> {
    pub(crate) fn new(connection: &'a mut Connection) -> Self {
        BoundLdap { connection }
    }

    /// Who the provider takes us for (RFC 4532): an authzId such as `dn:cn=reader,dc=example`,
    /// empty if we are anonymous.
    ///
    /// `Refused` when the provider does not support the question, else as for
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

    /// Searches, and calls `on` with the DN and the attributes of each entry as it comes. No
    /// `attributes` asks for all user attributes. References are passed over; aliases are not
    /// followed. There is no limit but the provider's.
    ///
    /// `InvalidInput` when `filter` does not follow RFC 4515, `Refused` with the result code when
    /// the provider says no, `Unreachable` when it does not
    /// answer in time or closes the connection, `Protocol` when it answers something that is not
    /// LDAP, `Stopped` when a stop is requested. An error of `on` ends the calls; when the search
    /// has ended it is returned, as it is if it is this crate's, else with the kind `Callback`.
    pub fn search(
        &mut self,
        base: &str,
        scope: Scope,
        filter: &str,
        attributes: &[&str],
        mut on: impl FnMut(&str, AttributeList<'_>) -> CallbackResult,
    ) -> Result<()> {
        let filter = Filter::parse(filter).map_err(|error| {
            Error::new(
                ErrorKind::InvalidInput,
                format!("the filter {} cannot be used", printable(filter)),
            )
            .with_source(error)
        })?;
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

    /// The schema the server publishes (RFC 4512 §4.2): each attribute of its subschema entry
    /// (`attributeTypes`, `objectClasses`) with its values, definitions as RFC 4512 §4.1 writes
    /// them. Empty when it publishes none, or hides it. Errors as for
    /// [`search`](BoundLdap::search).
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
            // noSuchObject, insufficientAccessRights: it is hidden from us.
            Err(error) if matches!(error.result_code(), Some(32 | 50)) => Ok(Vec::new()),
            searched => searched.map(|()| schema),
        }
    }

    /// The server that was connected to.
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
