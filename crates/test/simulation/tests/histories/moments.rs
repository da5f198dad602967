//! The provider tells of parents, and the copy cannot know from that alone which of them a child is
//! below.

use crate::history;

/// The refresh sends C below P, then P under another name, and S under P's old one.
#[test]
pub fn parent_is_renamed_after_its_child_was_sent() {
    history(
        "slapd persist
         add P cn=p
         add S cn=s
         add C cn=c,cn=p
         connect
         send base P S C
         done
         leave
         connect           # nothing is fresh any more
         done
         leave
         modify C
         connect
         send C
         move P cn=q
         move S cn=p
         send P S
         done
         cut
         leave
         copy P cn=q
         copy S cn=p
         copy C cn=c,cn=q",
    );
}

/// The filter hides P. The refresh sends C below P; then P is renamed, of which it says nothing, and
/// S takes the name.
#[test]
pub fn another_entry_takes_the_name_of_a_hidden_parent() {
    history(
        "slapd persist filtered hidden
         add P cn=p hidden
         add S cn=s
         connect
         send base S
         done
         leave
         connect           # nothing is fresh any more
         done
         leave
         add C cn=c,cn=p
         connect
         send C
         move P cn=q
         move S cn=p
         send S
         done
         cut
         leave
         copy S cn=p
         copy C cn=c,cn=q",
    );
}

/// A search showed X below A. In one group A takes another name, P takes the one that A left, C comes
/// below P under the name of X, and P takes another name with C. B takes the name that P left.
#[test]
pub fn child_waits_for_its_name_while_its_parent_is_renamed() {
    history(
        "slapd persist
         add A cn=v
         add X cn=c,cn=v
         add P cn=p
         add B cn=b
         add C cn=c
         connect
         send base A X P B C
         done
         leave
         move A cn=y
         connect
         send A
         done              # a search shows X
         --
         quiet 70
         move A cn=t
         move P cn=y
         move C cn=c,cn=y
         move P cn=w
         move B cn=y
         tell 5
         leave
         copy X cn=c,cn=t
         copy C cn=c,cn=w",
    );
}

/// A search showed X below A. In one group A takes another name, B takes the one that A left, and P
/// moves below B to the name of X. P waits, since X is asked for at the end of the group. C comes
/// below the hidden H, which has the name that P left.
#[test]
pub fn child_comes_below_a_name_that_its_holder_waits_to_leave() {
    history(
        "slapd persist filtered hidden
         add A cn=v
         add X cn=x,cn=v
         add B cn=b
         add P cn=p
         add H cn=h hidden
         add C cn=c
         connect
         send base A X B P C
         done
         leave
         move A cn=y
         connect
         send A
         done              # a search shows X
         --
         quiet 70
         move A cn=t
         move B cn=y
         move P cn=x,cn=y
         move H cn=p
         move C cn=c,cn=p
         tell 5
         leave
         copy X cn=x,cn=t
         copy P cn=x,cn=y
         copy C cn=c,cn=p",
    );
}

/// The refresh sends C below P, and P under another name. A search for C finds neither: both have
/// left. Before the next refresh both are back, and P has yet another name.
#[test]
fn child_deleted_early_returns_with_renamed_parent() {
    history(
        "slapd persist
         add P cn=p
         add C cn=c,cn=p
         connect
         send base C
         move P cn=q
         send P
         done
         at search: move P cn=q,out
         cut
         leave
         move P cn=z
         connect
         send P
         done
         cut
         leave
         copy P cn=z
         copy C cn=c,cn=z",
    );
}

/// A search for C finds neither C nor P, which it lies below: both have left. Before the next refresh
/// they are back, and the refresh sends P alone.
#[test]
pub fn child_deleted_early_returns_with_parent_of_which_nothing_was_asked() {
    history(
        "slapd persist
         add Z cn=z
         add P cn=p,cn=z
         add C cn=c,cn=p,cn=z
         connect
         send base Z P C
         done
         leave
         modify C
         connect
         send C            # C is fresh, and P no longer is
         done
         leave
         move Z cn=y
         connect
         send Z
         done
         at search: move P cn=p,out
         cut
         leave
         move P cn=p,cn=y
         connect
         send P
         done
         cut
         leave
         copy P cn=p,cn=y
         copy C cn=c,cn=p,cn=y",
    );
}

/// P leaves with C, and D comes below C. The refresh says that P is gone. Then C moves back with D,
/// and the refresh sends C, but not D, which it had passed.
#[test]
fn child_of_one_that_left_is_back_with_a_child() {
    history(
        "slapd persist
         add P cn=p
         add D cn=d,out
         add C cn=c,cn=p
         connect
         send base P C
         done
         leave
         move P cn=p,out
         move D cn=d,cn=c,cn=p,out
         connect
         send P D          # both are outside
         move C cn=c
         send C
         done
         --
         tell
         quiet 3
         leave
         copy P gone
         copy C cn=c
         copy D cn=d,cn=c",
    );
}

/// C comes into the base with D amid the first refresh, which has passed D by then.
#[test]
pub fn child_comes_with_its_parent_amid_the_first_refresh() {
    history(
        "slapd persist
         add C cn=c,out
         add D cn=d,cn=c,out
         connect
         send base D       # D is outside
         move C cn=c
         send C
         done
         --
         tell
         quiet 3
         leave
         copy C cn=c
         copy D cn=d,cn=c",
    );
}

/// P moves below Q, which has taken P's name and which the filter hides. A search does not show C, which
/// was below P.
#[test]
fn parent_moves_below_the_entry_that_took_its_name() {
    history(
        "slapd persist filtered hidden
         add P cn=a
         add Q cn=q hidden
         add C cn=c,cn=a
         connect
         send base P C
         done
         leave
         modify C
         connect
         send C            # C is fresh, and P no longer is
         done
         leave
         move P cn=p
         move Q cn=a
         move P cn=b,cn=a
         connect
         send P
         done
         at search
         at search: move P cn=b,out
         --
         tell
         leave
         copy P gone
         copy C gone",
    );
}
