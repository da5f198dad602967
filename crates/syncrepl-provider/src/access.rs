//! The identity a client bound as, and its rights.

use syncrepl_proto::dn;
use syncrepl_proto::message::{Authentication, BindRequest, Scope, SearchRequest};

use crate::refusal::{Refusal, code};
use crate::shared::Shared;

/// The identity of one connection: anonymous until a bind succeeds.
#[derive(Debug, Default)]
pub(crate) struct Identity {
    dn: String,
    is_root: bool,
}

impl Identity {
    /// Checks an anonymous or a simple bind (RFC 4511 §4.2, RFC 4513 §5.1).
    pub(crate) fn bind(shared: &Shared, request: &BindRequest<'_>) -> Result<Identity, Refusal> {
        let Authentication::Simple(password) = request.authentication else {
            let why = "only simple bind is supported";
            return Err(Refusal::new(code::AUTH_METHOD_NOT_SUPPORTED, why));
        };
        if let Err(error) = dn::validate(request.name) {
            return Err(Refusal::new(code::INVALID_DN_SYNTAX, error.to_string()));
        }
        let key = dn::key(request.name);
        match (key.is_empty(), password.is_empty()) {
            (true, true) => return Ok(Identity::default()),
            (true, false) => return Err(Refusal::new(code::INVALID_CREDENTIALS, "")),
            // Such a bind succeeds anonymously on some servers, so a forgotten password looks like
            // a right one (RFC 4513 §5.1.2).
            (false, true) => {
                let why = "unauthenticated bind (DN with no password) disallowed";
                return Err(Refusal::new(code::UNWILLING_TO_PERFORM, why));
            }
            (false, false) => {}
        }
        let (root_dn, root_password) = shared.config.root();
        let is_root = dn::key(&root_dn) == key;
        let right = if is_root {
            root_password.as_bytes() == password
        } else {
            let mut users = shared.config.users.iter();
            let entry = shared.lock().directory.get(&key);
            users.any(|(dn, known)| dn::key(dn) == key && known.as_bytes() == password)
                || entry.is_some_and(|view| {
                    let mut known = view.entry.values("userPassword");
                    known.any(|known| known == password)
                })
        };
        if !right {
            return Err(Refusal::new(code::INVALID_CREDENTIALS, ""));
        }
        let dn = request.name.to_owned();
        Ok(Identity { dn, is_root })
    }

    /// The authzId that Who am I? answers (RFC 4532); empty for an anonymous client.
    pub(crate) fn authzid(&self) -> String {
        match self.dn.as_str() {
            "" => String::new(),
            dn => format!("dn:{dn}"),
        }
    }

    pub(crate) fn may_search(
        &self,
        shared: &Shared,
        request: &SearchRequest<'_>,
    ) -> Result<(), Refusal> {
        let root_dse = request.base.is_empty() && request.scope == Scope::Base;
        if root_dse {
            Ok(())
        } else {
            self.may_read(shared)
        }
    }

    pub(crate) fn may_read(&self, shared: &Shared) -> Result<(), Refusal> {
        if self.dn.is_empty() && !shared.config.anonymous_reads {
            let why = "anonymous clients may not read";
            return Err(Refusal::new(code::INSUFFICIENT_ACCESS_RIGHTS, why));
        }
        Ok(())
    }

    pub(crate) fn may_write(&self, shared: &Shared) -> Result<(), Refusal> {
        if self.is_root || shared.config.anyone_writes {
            Ok(())
        } else if self.dn.is_empty() {
            let why = "modifications require authentication";
            Err(Refusal::new(code::STRONGER_AUTH_REQUIRED, why))
        } else {
            let why = "only the root DN may write";
            Err(Refusal::new(code::INSUFFICIENT_ACCESS_RIGHTS, why))
        }
    }
}
