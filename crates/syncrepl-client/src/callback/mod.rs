//! The one trait through which this crate calls you.

pub(crate) mod logging;

use crate::connection::BoundLdap;
use crate::error::CallbackResult;
use crate::record::Record;
use crate::store::{Cursor, Items};

/// Your code, called on every change. Each method does nothing by default.
///
/// Each call that gets a [`Cursor`] runs inside the transaction that stores the change and the
/// cookie: what you write through it commits together with them or not at all. An error that a method
/// returns rolls that transaction back and ends the run; the next run tells the same changes again. To
/// write elsewhere, wait for [`committed`](Callback::committed), or keep an outbox table and
/// relay it then.
///
/// Every event happened, and can be applied, in order, to a copy keyed by DN. `&mut C`, `Box<C>` and pairs
/// `(A, B)` are callbacks too, so that callbacks stack.
#[allow(unused_variables)]
pub trait Callback {
    /// A connection is bound. The first call of every connection, and the only one that lends it:
    /// once it returns, the connection belongs to the sync search. Make tables of your own here: these
    /// writes commit before the search begins.
    fn bind_complete(&mut self, ldap: &mut BoundLdap<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        Ok(())
    }

    /// A refresh stage has ended: the copy now equals the search result. Comes after the stage's
    /// last change, before its commit. `items` shows the whole copy, from disk and only for the time
    /// of this call.
    fn refresh_done(&mut self, items: &Items<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        Ok(())
    }

    /// An entry is new in the search result.
    fn record_add(&mut self, record: &Record<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        Ok(())
    }

    /// An entry has left the search result; `record` is the last that the copy knew of it.
    fn record_delete(&mut self, record: &Record<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        Ok(())
    }

    /// An entry has another DN. `record` carries the new one and the attributes known so far; if
    /// they differ too, [`record_change`](Callback::record_change) for the same entry is next.
    fn record_rename(
        &mut self,
        old_dn: &str,
        record: &Record<'_>,
        cursor: &Cursor<'_>,
    ) -> CallbackResult {
        Ok(())
    }

    /// The attributes of an entry have changed. Not called for another order of attributes or
    /// values, nor for another spelling of an attribute's name. `old` and `new` have the same DN; a
    /// rename was told before.
    fn record_change(
        &mut self,
        old: &Record<'_>,
        new: &Record<'_>,
        cursor: &Cursor<'_>,
    ) -> CallbackResult {
        Ok(())
    }

    /// A new cookie is about to be stored (RFC 4533 §2.1.2): opaque bytes of the provider, right
    /// before the commit that stores them. A provider need not send one for every change.
    fn cookie_change(&mut self, cookie: &[u8]) -> CallbackResult {
        Ok(())
    }

    /// The transaction is about to be committed as the store's commit number `commit`. This is the last
    /// moment to flush output that the commit must not overtake, or to refuse the commit. Numbers go up by one,
    /// from 1 for the first commit of a store.
    fn commit_pending(&mut self, commit: u64) -> CallbackResult {
        Ok(())
    }

    /// Everything told since the last call is committed: the end of the program cannot undo it. A power
    /// cut can undo the newest commits, each with its cookie; the provider then sends those changes
    /// again. It is too late to refuse anything here.
    fn committed(&mut self) {}

    /// Free text for developers, without a fixed form. [`follow`](crate::Syncrepl::follow) tells each failure
    /// here, with the wait after it.
    fn debug(&mut self, message: &str) {}
}

/// No callback: the copy is kept all the same.
impl Callback for () {}

macro_rules! forward {
    ($($target:tt)*) => {
        fn bind_complete(&mut self, ldap: &mut BoundLdap<'_>, cursor: &Cursor<'_>) -> CallbackResult {
            ($($target)* self).bind_complete(ldap, cursor)
        }
        fn refresh_done(&mut self, items: &Items<'_>, cursor: &Cursor<'_>) -> CallbackResult {
            ($($target)* self).refresh_done(items, cursor)
        }
        fn record_add(&mut self, record: &Record<'_>, cursor: &Cursor<'_>) -> CallbackResult {
            ($($target)* self).record_add(record, cursor)
        }
        fn record_delete(&mut self, record: &Record<'_>, cursor: &Cursor<'_>) -> CallbackResult {
            ($($target)* self).record_delete(record, cursor)
        }
        fn record_rename(&mut self, old_dn: &str, record: &Record<'_>, cursor: &Cursor<'_>) -> CallbackResult {
            ($($target)* self).record_rename(old_dn, record, cursor)
        }
        fn record_change(&mut self, old: &Record<'_>, new: &Record<'_>, cursor: &Cursor<'_>) -> CallbackResult {
            ($($target)* self).record_change(old, new, cursor)
        }
        fn cookie_change(&mut self, cookie: &[u8]) -> CallbackResult {
            ($($target)* self).cookie_change(cookie)
        }
        fn commit_pending(&mut self, commit: u64) -> CallbackResult {
            ($($target)* self).commit_pending(commit)
        }
        fn committed(&mut self) {
            ($($target)* self).committed();
        }
        fn debug(&mut self, message: &str) {
            ($($target)* self).debug(message);
        }
    };
}

impl<C: Callback + ?Sized> Callback for &mut C {
    forward!(**);
}

impl<C: Callback + ?Sized> Callback for Box<C> {
    forward!(**);
}

/// Two callbacks, the first called first.
impl<A: Callback, B: Callback> Callback for (A, B) {
    fn bind_complete(&mut self, ldap: &mut BoundLdap<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        self.0.bind_complete(ldap, cursor)?;
        self.1.bind_complete(ldap, cursor)
    }
    fn refresh_done(&mut self, items: &Items<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        self.0.refresh_done(items, cursor)?;
        self.1.refresh_done(items, cursor)
    }
    fn record_add(&mut self, record: &Record<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        self.0.record_add(record, cursor)?;
        self.1.record_add(record, cursor)
    }
    fn record_delete(&mut self, record: &Record<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        self.0.record_delete(record, cursor)?;
        self.1.record_delete(record, cursor)
    }
    fn record_rename(
        &mut self,
        old_dn: &str,
        record: &Record<'_>,
        cursor: &Cursor<'_>,
    ) -> CallbackResult {
        self.0.record_rename(old_dn, record, cursor)?;
        self.1.record_rename(old_dn, record, cursor)
    }
    fn record_change(
        &mut self,
        old: &Record<'_>,
        new: &Record<'_>,
        cursor: &Cursor<'_>,
    ) -> CallbackResult {
        self.0.record_change(old, new, cursor)?;
        self.1.record_change(old, new, cursor)
    }
    fn cookie_change(&mut self, cookie: &[u8]) -> CallbackResult {
        self.0.cookie_change(cookie)?;
        self.1.cookie_change(cookie)
    }
    fn commit_pending(&mut self, commit: u64) -> CallbackResult {
        self.0.commit_pending(commit)?;
        self.1.commit_pending(commit)
    }
    fn committed(&mut self) {
        self.0.committed();
        self.1.committed();
    }
    fn debug(&mut self, message: &str) {
        self.0.debug(message);
        self.1.debug(message);
    }
}
