//! Entries that leave the search with their parents, and come back with them.

use crate::history;

/// C takes the name of X below P, and X is deleted. P leaves with C while the consumer searches for
/// them. P is back before the provider told of that, and the provider tells of P alone.
#[test]
fn parent_returns_before_its_leave_was_told() {
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

/// P leaves the search, and comes back with C, which the copy had, and with N, which is new. 389-ds
/// tells both moves in one group, and only of P.
#[test]
pub fn parent_leaves_and_returns_in_one_group_of_389_ds() {
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

/// P is away when the provider reads it, so the provider deletes P. It has sent C below P; the
/// consumer searches for C and does not find it. P comes back with C, and the provider tells of P
/// alone.
#[test]
pub fn child_deleted_early_returns_with_its_parent() {
    history(
        "slapd persist
         add P cn=b
         add C cn=k
         connect
         send base P C
         done
         leave
         modify P
         move C cn=c,cn=b
         connect
         send C
         move P cn=b,out
         send P            # it is deleted
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

/// P moves out with C. The provider deletes P, and does not tell of C.
#[test]
pub fn child_leaves_with_its_parent() {
    history(
        "slapd persist
         add P cn=p
         add C cn=c,cn=p
         connect
         send base P C
         done
         --
         move P cn=p,out
         tell
         leave
         copy P gone
         copy C gone",
    );
}

/// P comes in with C, and the filter hides P in the same group. The copy has to hold C all the
/// same.
#[test]
pub fn child_comes_with_a_parent_that_is_hidden_at_once() {
    history(
        "unknown persist filtered hidden
         add P cn=p,out
         add C cn=c,cn=p,out
         connect
         send base
         done
         --
         move P cn=p
         hide P
         tell 2
         leave
         copy P gone
         copy C cn=c,cn=p",
    );
}
