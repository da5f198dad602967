//! Scripted histories: each is a story that a provider may tell, and that the consumer once
//! misunderstood. `src/story.rs` lists the words. The client is the real one.

use std::cell::Cell;
use std::collections::BTreeMap;

use syncrepl_client::{RULES, Rule};

mod ahead;
mod left_and_back;
mod moments;
mod names;
mod not_yet;
mod renamed_parents;
mod stored;
mod swapped_names;

/// Plays a history, and fails if the run has a finding. It prints the trace, which `--nocapture`
/// shows.
#[track_caller]
fn history(text: &str) {
    let folder = syncrepl_simulation::folder().expect("a folder");
    let outcome = syncrepl_simulation::play(text, folder.path(), without()).expect("a history");
    println!("{}", outcome.trace.join("\n"));
    assert!(outcome.findings.is_empty(), "{:#?}", outcome.findings);
}

thread_local! {
    static WITHOUT: Cell<Option<Rule>> = const { Cell::new(None) };
}

/// The rule of the change logic that is taken out: by [`each_rule_has_a_history_that_needs_it`], or by
/// `SYNCREPL_WITHOUT=RULE`, to see which histories notice.
fn without() -> Option<Rule> {
    let name = || std::env::var("SYNCREPL_WITHOUT").ok();
    let named = || Some(syncrepl_simulation::rule(&name()?).expect("a rule"));
    WITHOUT.get().or_else(named)
}

/// Histories with their names, as [`Row::history`](syncrepl_client::Row) gives them.
macro_rules! histories {
    ($($module:ident::$name:ident),* $(,)?) => {
        [$((concat!(stringify!($module), "::", stringify!($name)), $module::$name as fn())),*]
    };
}

#[test]
fn each_rule_has_a_history_that_needs_it() {
    let histories = BTreeMap::from(histories![
        ahead::child_is_looked_up_below_a_name_that_its_parent_has_left,
        ahead::child_is_told_below_a_parent_that_a_search_did_not_show,
        ahead::child_is_told_below_the_former_name_of_its_parent,
        ahead::child_of_one_that_a_search_does_not_show,
        ahead::child_waits_for_a_derived_name_while_others_come_below_it,
        ahead::deep_tree_is_asked_for_at_once,
        ahead::parent_leaves_while_it_waits,
        ahead::parent_takes_another_name_while_it_waits,
        ahead::stream_gives_an_older_name_than_the_search,
        left_and_back::child_comes_with_a_parent_that_is_hidden_at_once,
        left_and_back::child_deleted_early_returns_with_its_parent,
        left_and_back::child_leaves_with_its_parent,
        left_and_back::parent_leaves_and_returns_in_one_group_of_389_ds,
        moments::another_entry_takes_the_name_of_a_hidden_parent,
        moments::child_comes_below_a_name_that_its_holder_waits_to_leave,
        moments::child_comes_with_its_parent_amid_the_first_refresh,
        moments::child_deleted_early_returns_with_parent_of_which_nothing_was_asked,
        moments::child_waits_for_its_name_while_its_parent_is_renamed,
        moments::parent_is_renamed_after_its_child_was_sent,
        names::holder_that_gave_way_is_asked_for,
        names::name_that_its_holder_has_left_unsaid,
        renamed_parents::orphan_is_asked_for,
        renamed_parents::parent_of_an_orphan_is_looked_up,
        stored::live_message_lacks_computed_values,
        stored::subentry_is_sent_when_it_is_added,
        swapped_names::swapped_after_all_are_read,
        swapped_names::swapped_after_the_children_and_before_both,
    ]);
    for row in RULES {
        let history = histories[row.history];
        history();
        WITHOUT.set(Some(row.rule));
        let failed = std::panic::catch_unwind(history).is_err();
        WITHOUT.set(None);
        assert!(failed, "{} holds without {}", row.history, row.name);
    }
}

#[test]
fn nothing_happens() {
    history(
        "slapd refresh
         add P cn=p
         connect
         send base P
         done
         copy P cn=p",
    );
}

/// The harness notices a wrong copy, and a line that is not in the language of histories.
#[test]
fn a_wrong_copy_is_found() {
    let text = "slapd persist
                add P cn=p
                connect
                send base P
                done
                --
                move P cn=q
                leave
                copy P cn=q";
    let folder = syncrepl_simulation::folder().expect("a folder");
    let outcome = syncrepl_simulation::play(text, folder.path(), None).expect("a history");
    let found = &outcome.findings;
    assert!(found.iter().any(|f| f.contains("is held as")), "{found:#?}");
    assert!(syncrepl_simulation::play("slapd\nadd P", folder.path(), None).is_err());
}
