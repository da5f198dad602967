//! Parents that take another name while the provider tells of their children.

use crate::history;

/// The provider sends C below P's old name. When the stage ends P has another name, and no record
/// has the old one; soon Q takes it. The consumer must not take C for a child of Q.
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

/// P takes a name that differs from the old one in case only, after the provider sent C and before
/// it sends G.
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

/// A search shows C, of which the provider has told. Then its parent P takes another name. C has to
/// go along, and must not stay below the old name.
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

/// The consumer searches in a silent second. It has to tell and commit the answer, although no
/// message follows.
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

/// The provider sends C below P's old name, and P under its new one. H, which the filter hides,
/// takes the old name before the consumer asks for its bearer. The consumer must not take C for a
/// child of H.
#[test]
fn child_sent_below_a_name_that_a_hidden_entry_takes() {
    history(
        "unknown persist filtered
         add P cn=c
         add C cn=d,cn=c
         add H cn=h hidden
         connect
         send base C
         move P cn=t
         send P
         move H cn=c
         done
         --
         tell 2
         quiet 3
         leave
         copy C cn=d,cn=t",
    );
}

/// The same in a refresh alone: no record has the name above C, so the consumer asks for C.
#[test]
pub fn orphan_is_asked_for() {
    history(
        "unknown refresh
         add P cn=c
         add C cn=d,cn=c
         connect
         send base C
         move P cn=t
         send P
         done
         copy P cn=t
         copy C cn=d,cn=t",
    );
}

/// The provider sends C. Then P leaves its name, Q takes it, and the provider sends both. The
/// consumer must not take C for a child of Q.
#[test]
fn child_sent_before_its_parent_passed_its_name_on() {
    history(
        "unknown refresh
         add P cn=c
         add C cn=d,cn=c
         add Q cn=a
         connect
         send base P C Q
         done
         leave
         modify C
         modify P
         modify Q
         connect
         present base
         send C
         move P cn=t
         move Q cn=c
         send P Q
         done present
         copy P cn=t
         copy Q cn=c
         copy C cn=d,cn=t",
    );
}

/// The provider sends C below P. Somebody added P after the search began, so the provider does not
/// send it.
#[test]
pub fn parent_of_an_orphan_is_looked_up() {
    history(
        "unknown refresh
         add C cn=c
         connect
         send base C
         done
         leave
         modify C
         connect
         present base
         add P cn=p
         move C cn=c,cn=p
         send C
         done present
         copy P cn=p
         copy C cn=c,cn=p",
    );
}
