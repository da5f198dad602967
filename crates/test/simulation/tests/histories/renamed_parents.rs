//! Parents that are renamed while something is said of their children.

use crate::history;

/// C is sent below P's name of old. When the stage ends P has another name, and no record has that
/// of old; soon Q takes it. C must not be taken for a child of Q.
#[test]
fn child_sent_below_a_name_that_another_takes() {
    history(
        "unknown persist
         add P cn=c
         add C cn=d,cn=c
         add Q cn=a
         connect
         send C Q
         move P cn=t
         send P base
         done
         move Q cn=c
         --
         tell 2            # P is t, Q is c
         quiet 3
         leave
         copy C cn=d,cn=t
         copy Q cn=c",
    );
}

/// P gets a name that differs from the old one in case only, after C was sent and before G was.
#[test]
fn parent_renamed_to_its_name_in_another_case() {
    history(
        "slapd persist
         add P cn=d
         add C cn=c,cn=d
         add G cn=a,cn=c,cn=d
         connect
         send C base
         move P cn=D
         send P as of start
         send G
         done
         --
         tell
         quiet 3
         leave
         copy P cn=D
         copy C cn=c,cn=D
         copy G cn=a,cn=c,cn=D",
    );
}

/// A search shows C, which the provider has told of. Then P, its parent, leaves the name: C goes
/// along, and does not stay below the name.
#[test]
fn child_shown_by_a_search_goes_along() {
    history(
        "unknown persist
         add P cn=c
         connect
         send base P
         add C cn=a,cn=c
         done
         modify P
         --
         tell 2            # C is new; P may be back, and a search shows what is below it
         --
         move P cn=t
         tell
         quiet 3
         leave
         copy P cn=t
         copy C cn=a,cn=t",
    );
}

/// What a search shows in a silent second is told, and committed with it, although no message
/// came.
#[test]
fn answer_in_a_silent_second_is_committed() {
    history(
        "slapd-without-log persist
         add P cn=b
         add C cn=c,cn=b
         connect
         send base P C
         done
         --
         move P cn=d
         tell              # C goes along, and is asked for
         at search: move C cn=e,cn=d
         quiet 3
         leave
         copy C cn=e,cn=d",
    );
}
