//! Histories that the consumer cannot follow yet: each of these fails today.

use crate::history;

/// Access rules hide P. P is renamed, and the provider does not tell of its child C.
#[test]
#[ignore = "the consumer cannot do it yet"]
fn parent_hidden_by_access_is_renamed() {
    history(
        "slapd persist denied
         add P cn=p denied
         add C cn=c,cn=p
         connect
         send base C
         done
         quiet 70          # nothing of the refresh counts as fresh any more
         move P cn=q
         tell
         quiet 20
         leave
         copy C cn=c,cn=q",
    );
}
