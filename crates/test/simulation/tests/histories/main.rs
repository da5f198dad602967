//! Scripted histories: each is a story that a provider may tell, and that the consumer once
//! misunderstood. `src/story.rs` lists the words. The client is the real one.

mod ahead;
mod left_and_back;
mod moments;
mod names;
mod not_yet;
mod renamed_parents;
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

/// The rule of the change logic that `SYNCREPL_WITHOUT=RULE` takes out, to see which histories
/// notice.
fn without() -> Option<syncrepl_client::Rule> {
    let name = std::env::var("SYNCREPL_WITHOUT").ok()?;
    Some(syncrepl_simulation::rule(&name).expect("a rule"))
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
