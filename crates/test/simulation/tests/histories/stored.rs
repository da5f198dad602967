//! The provider sends entries as it stores them: with fewer values than a search shows, and entries that
//! no search shows.

use crate::history;

/// The provider sends a subentry when somebody adds it, but no search shows it. So it is no part of
/// the copy.
#[test]
pub fn subentry_is_sent_when_it_is_added() {
    history(
        "slapd persist subentries
         connect
         send base
         done
         --
         add S cn=s subentry
         tell
         quiet 20
         leave
         copy S gone",
    );
}

/// P has values that a search shows and a live message lacks.
#[test]
pub fn live_message_lacks_computed_values() {
    history(
        "slapd persist computed
         add P cn=p
         connect
         send base P
         done
         --
         modify P
         tell
         quiet 20
         leave
         copy P cn=p",
    );
}
