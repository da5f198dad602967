//! Names that pass from one entry to the next.

use crate::history;

/// B leaves its name, A takes it, D takes A's name, and B takes D's. The provider tells all of it
/// in one group.
#[test]
fn names_passed_round_in_one_group() {
    history(
        "unknown persist
         add A cn=a
         add B cn=b
         add D cn=d
         connect
         send base A B D
         done present
         --
         move B cn=t
         move A cn=b
         move D cn=a
         move B cn=d
         tell 4
         leave
         copy A cn=b
         copy B cn=d
         copy D cn=a",
    );
}

/// The provider tells the same in two groups, after a refresh that showed several moments.
#[test]
fn names_passed_round_in_two_groups() {
    history(
        "unknown persist
         add A cn=a
         add B cn=b
         add C cn=c
         add D cn=d
         connect
         send base A C
         move C cn=e
         send B D
         done present
         --
         delete C
         move B cn=t
         move A cn=b
         tell 4
         --
         move D cn=a
         move B cn=d
         tell 2
         leave
         copy A cn=b
         copy B cn=d
         copy C gone
         copy D cn=a",
    );
}

/// R leaves its parent P, and takes P's name. A search shows H, a child of R, under a DN that W, a
/// child of P, was to have. P moves and leaves in the same group, and W with it.
#[test]
fn entry_waits_below_a_parent_that_moves_and_leaves() {
    history(
        "unknown persist
         add P cn=b
         add R cn=t
         add H cn=a,cn=t
         add W cn=w
         connect
         send base P R H W
         done
         leave
         move R cn=t,cn=b
         connect
         present base P R H W
         move W cn=a,cn=b
         send R
         move P cn=p
         done present
         move R cn=b
         tell 2            # W is a,b; P is p
         move P cn=p,out
         tell 2            # R is b; P is gone
         quiet 3
         leave
         copy P gone
         copy W gone
         copy R cn=b
         copy H cn=a,cn=b",
    );
}

/// B leaves its name after the refresh began, and A takes it. The provider sends A alone.
#[test]
pub fn name_that_its_holder_has_left_unsaid() {
    history(
        "unknown refresh
         add A cn=a
         add B cn=b
         connect
         send base A B
         done
         leave
         modify A
         connect
         present base B
         move B cn=z
         move A cn=b
         send A
         done present
         copy A cn=b
         copy B cn=z",
    );
}

/// The same with a child of B, and the consumer has no time to ask which of the two bears the name. B
/// gives way, and is asked for with its child once the provider is silent.
#[test]
pub fn holder_that_gave_way_is_asked_for() {
    history(
        "unknown persist small
         add A cn=a
         add B cn=b
         add C cn=c,cn=b
         connect
         send base A B C
         done
         leave
         modify A
         connect
         present base B C
         move B cn=z
         move A cn=b
         send A
         done present
         quiet 3
         leave
         copy A cn=b
         copy B cn=z
         copy C cn=c,cn=z",
    );
}

/// Two entries whose names differ in case only, each with a child of the same name.
#[test]
fn names_that_differ_in_case_are_of_two_entries() {
    history(
        "slapd persist alike
         add P cn=data
         add Q cn=Data
         add C cn=c,cn=data
         add D cn=c,cn=Data
         connect
         send base P Q C D
         done
         quiet 20
         leave
         copy P cn=data
         copy Q cn=Data
         copy C cn=c,cn=data
         copy D cn=c,cn=Data",
    );
}
