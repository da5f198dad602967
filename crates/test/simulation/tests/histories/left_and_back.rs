//! Entries that leave the search with their parents, and come back with them.

use crate::history;

/// C waits for the name of X, which is deleted, so C is asked for. A search does not show it, because
/// its parent P has just left; before that was told P is back, and the provider tells of P alone.
#[test]
fn child_deleted_early_returns_with_its_parent() {
    history(
        "slapd persist
         add P cn=b
         add X cn=c,cn=b
         add Q cn=a
         add C cn=c,cn=a
         connect
         send base P X Q C
         done
         leave
         move X cn=x,out
         move C cn=c,cn=b
         modify P
         move Q cn=a,out
         connect
         send C P
         deleted X Q
         move P cn=b,out
         done
         leave             # before it was told that P left
         move P cn=b
         connect
         send P
         done
         leave
         copy P cn=b
         copy C cn=c,cn=b",
    );
}

/// P goes out of the search and comes back with C, which was there, and with N, which is new: 389-ds
/// tells all of it in one group, and only of P.
#[test]
fn parent_leaves_and_returns_in_one_group_of_389_ds() {
    history(
        "389 persist
         add P cn=d
         add C cn=b,cn=d
         connect
         send base P C
         done
         --
         move P cn=d,out
         add N cn=n,cn=d,out
         move P cn=e
         tell 3
         quiet 3
         leave
         copy P cn=e
         copy C cn=b,cn=e
         copy N cn=n,cn=e",
    );
}
