//! A search is ahead of the stream, and the stream then tells what led there.

use crate::history;

/// A search after a refresh shows P below Q. Much later the stream tells that P came below Q when Q
/// had the name that S bears by now. The copy holds Q and S as they are, so nothing moves P any more:
/// the consumer has to ask for P again.
#[test]
pub fn stream_gives_an_older_name_than_the_search() {
    history(
        "slapd persist
         add Z cn=z
         add P cn=p,cn=z
         add Q cn=a
         add S cn=s
         connect
         send base Z P Q S
         done
         leave
         modify P
         connect
         send P            # P is fresh, and the others no longer are
         done
         leave
         move Z cn=y
         connect
         send Z
         move P cn=p,cn=a
         move Q cn=b
         move S cn=a
         send Q S
         done              # a search shows P
         --
         quiet 70          # nothing is fresh any more
         tell 3
         leave
         copy P cn=p,cn=b
         copy Q cn=b
         copy S cn=a",
    );
}

/// The refresh reads P and Q after their renames. The stream tells of C, which came below P when P
/// had the name that Q bears now.
#[test]
pub fn child_is_told_below_the_former_name_of_its_parent() {
    history(
        "slapd persist bulk
         add P cn=a
         add Q cn=q
         connect
         send base
         add C cn=c,cn=a
         move P cn=b
         move Q cn=a
         send P Q
         done
         --
         tell 3
         quiet 3
         leave
         copy P cn=b
         copy Q cn=a
         copy C cn=c,cn=b",
    );
}

/// A search shows P, which came into the base with N. A second search, for what lies below P, finds
/// P gone again. The next refresh tells of P and C alone: N has not changed since the cookie.
#[test]
fn shown_parent_returns_with_another_child() {
    history(
        "slapd persist
         add P cn=p,out
         add N cn=n,cn=p,out
         add C cn=c
         connect
         send base P       # it is outside
         move P cn=p
         move C cn=c,cn=p
         send C
         done
         at search
         at search
         at search
         at search
         at search: move P cn=p,out
         leave             # before it was told that P came and left
         move P cn=p
         connect
         send P C
         done
         leave
         copy P cn=p
         copy C cn=c,cn=p
         copy N cn=n,cn=p",
    );
}

/// Q leaves with P, and N comes below P there. P comes back alone: the provider tells of P, and
/// says nothing of N.
#[test]
fn child_of_one_that_left_returns_with_others() {
    history(
        "389 persist
         add Q cn=q
         add P cn=p,cn=q
         connect
         send base Q P
         done
         --
         move Q cn=q,out
         add N cn=n,cn=p,cn=q,out
         move P cn=p
         tell 3
         leave
         copy Q gone
         copy P cn=p
         copy N cn=n,cn=p",
    );
}

/// A search for P finds it gone, and the provider will not say more of it than that. The copy holds
/// C below it, of which nobody speaks.
#[test]
pub fn child_of_one_that_a_search_does_not_show() {
    history(
        "slapd persist
         add Z cn=z
         add P cn=p,cn=z
         connect
         send base Z P
         done
         --
         quiet 70
         add C cn=c,cn=p,cn=z
         tell
         leave
         modify P
         connect
         send P            # P is fresh, and C is not
         done
         leave
         move Z cn=y
         connect
         send Z
         done
         at search: move P cn=p,out
         --
         tell
         leave
         copy P gone
         copy C gone",
    );
}

/// A refresh reads six entries of a chain. The next one tells that the entry above them has another
/// name; each of the six may have been read after that. One search asks for all of them.
#[test]
pub fn deep_tree_is_asked_for_at_once() {
    history(
        "slapd persist
         add A cn=a
         add B cn=b,cn=a
         add C cn=c,cn=b,cn=a
         add D cn=d,cn=c,cn=b,cn=a
         add E cn=e,cn=d,cn=c,cn=b,cn=a
         add F cn=f,cn=e,cn=d,cn=c,cn=b,cn=a
         add G cn=g,cn=f,cn=e,cn=d,cn=c,cn=b,cn=a
         connect
         send base A B C D E F G
         done
         leave
         modify B
         modify C
         modify D
         modify E
         modify F
         modify G
         connect
         send B C D E F G  # they are fresh, and A no longer is
         done
         leave
         move A cn=z
         connect
         send A
         done
         cut
         leave
         copy A cn=z
         copy G cn=g,cn=f,cn=e,cn=d,cn=c,cn=b,cn=z",
    );
}

/// A search amid the stream shows C below a name that P takes only later. The provider is silent for
/// long, and cuts the connection. P takes yet another name with C, and the next refresh tells of P
/// alone.
#[test]
fn child_is_found_below_a_name_that_its_parent_never_takes_in_the_copy() {
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
         done              # a search shows C
         --
         move P cn=e,cn=y
         move P cn=b,cn=y
         tell
         quiet 3
         cut               # before it was told that P is named b
         leave
         move P cn=d,cn=y
         connect
         send P
         done
         cut
         leave
         copy P cn=d,cn=y
         copy C cn=c,cn=d,cn=y",
    );
}

/// The same, and the consumer ends before it is told of P and Q. The next refresh tells of both, and
/// not of C.
#[test]
fn child_is_told_below_the_former_name_before_the_consumer_ends() {
    history(
        "slapd persist
         add P cn=a
         add Q cn=q
         connect
         send base
         add C cn=c,cn=a
         move P cn=b
         move Q cn=a
         send P Q
         done
         --
         tell
         leave
         connect
         send P Q
         done
         cut
         leave
         copy P cn=b
         copy Q cn=a
         copy C cn=c,cn=b",
    );
}

/// A search for what came with M shows M below N, which has the name a. A second search in the same
/// group shows Q under that name: M is held below Q. The stream tells of both moves of N, and Q holds
/// the first name meanwhile.
fn found_below_an_awaited_name(then: &str) {
    history(&format!(
        "slapd persist bulk
         add Z cn=z
         add N cn=b
         add Q cn=q,cn=z
         add M cn=m,out
         add C cn=c,cn=m,out
         connect
         send base Z N Q
         done
         leave
         modify Q
         connect
         send Q            # Q is fresh, and Z no longer is
         done
         leave
         move Z cn=y
         connect
         send Z
         done              # a search shows Q
         --
         quiet 70
         move M cn=m,cn=b
         move Z cn=x
         tell 2
         at search: move N cn=a
         at search
         at search: {then}; move Q cn=a
         quiet 3
         tell 2            # the two moves of N
         quiet 0.5
         leave"
    ));
}

#[test]
pub fn parent_takes_another_name_while_it_waits() {
    found_below_an_awaited_name("move N cn=b");
}

#[test]
pub fn parent_leaves_while_it_waits() {
    found_below_an_awaited_name("move N cn=n,out");
}

/// 389-ds names entries that the consumer looks up. The answer about C shows it below a name that P
/// takes, and leaves before the consumer looks P up.
#[test]
pub fn child_is_looked_up_below_a_name_that_its_parent_has_left() {
    history(
        "389 persist
         add P cn=p
         add C cn=c,cn=p
         connect
         send base P C
         done
         --
         quiet 70
         modify C
         move P cn=b
         tell              # of C
         quiet 0.5
         move P cn=d
         tell              # P was named b
         quiet 3
         leave
         copy P cn=d
         copy C cn=c,cn=d",
    );
}

/// The filter could hide parents. A search amid the stream has not shown P any more. The stream tells
/// that C came below P, and that P left. Until the consumer has asked for C, its question has to be open.
#[test]
pub fn child_is_told_below_a_parent_that_a_search_did_not_show() {
    history(
        "slapd persist filtered
         add Z cn=z
         add P cn=p,cn=z
         add C cn=c
         connect
         send base Z P C
         done
         --
         move Z cn=y
         tell              # P goes along, and is asked for
         move C cn=c,cn=p,cn=y
         move P cn=p,out
         quiet 3           # P is gone
         tell 2
         quiet 3
         leave
         copy P gone
         copy C gone",
    );
}

/// A search showed X below A. A takes another name, so the consumer has to ask for X; and P takes the
/// name that A left, with C, which is named like X. E comes below C.
#[test]
pub fn child_waits_for_a_derived_name_while_others_come_below_it() {
    history(
        "slapd persist
         add A cn=v
         add X cn=c,cn=v
         add P cn=z
         add C cn=c,cn=z
         connect
         send base A X P C
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
         add E cn=e,cn=c,cn=y
         tell 3
         leave
         copy X cn=c,cn=t
         copy C cn=c,cn=y
         copy E cn=e,cn=c,cn=y",
    );
}
