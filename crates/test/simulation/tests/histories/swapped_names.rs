//! Two departments swap names during a refresh, at each moment that makes a difference. The same three
//! cases are told in docs/how-changes-work.md.

use crate::history;

/// P and Q, each with a child; `before` is sent before the swap, `after` after it.
fn swap(before: &str, after: &str) {
    history(&format!(
        "slapd persist
         add P cn=a
         add A cn=x,cn=a
         add Q cn=b
         add B cn=y,cn=b
         connect
         send base {before}
         move P cn=t
         move Q cn=a
         move P cn=b
         send {after}
         done
         --
         tell 3
         quiet 3
         leave
         copy P cn=b
         copy A cn=x,cn=b
         copy Q cn=a
         copy B cn=y,cn=a"
    ));
}

#[test]
fn swapped_before_both_are_read() {
    swap("", "P Q A B");
}

#[test]
fn swapped_between_the_two() {
    swap("P", "Q A B");
}

#[test]
fn swapped_after_both_and_before_their_children() {
    swap("P Q", "A B");
}

#[test]
pub fn swapped_after_the_children_and_before_both() {
    swap("A B", "P Q");
}

#[test]
pub fn swapped_after_all_are_read() {
    swap("P Q A", "B");
}

/// The copy knows all of them, and the swap happened while it was away.
#[test]
fn swapped_while_away() {
    history(
        "slapd persist
         add P cn=a
         add A cn=x,cn=a
         add Q cn=b
         add B cn=y,cn=b
         connect
         send base P A Q B
         done
         leave
         connect
         done
         leave
         move P cn=t
         move Q cn=a
         move P cn=b
         connect
         send P Q
         done
         leave
         copy P cn=b
         copy A cn=x,cn=b
         copy Q cn=a
         copy B cn=y,cn=a",
    );
}
