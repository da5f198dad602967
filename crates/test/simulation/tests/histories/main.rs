//! Scripted histories: each is a story that a provider may tell, and that a consumer once took for
//! another. The words are those of `src/story.rs`; the client is the real one.

mod left_and_back;
mod names;
mod not_yet;
mod renamed_parents;
mod swapped_names;

/// Plays a history, and fails if something happens that must not be. What happens is printed, which
/// `--nocapture` shows.
#[track_caller]
fn history(text: &str) {
    let folder = syncrepl_simulation::folder().expect("a folder");
    let outcome = syncrepl_simulation::play(text, folder.path(), without()).expect("a history");
    println!("{}", outcome.trace.join("\n"));
    assert!(outcome.findings.is_empty(), "{:#?}", outcome.findings);
}

/// `SYNCREPL_WITHOUT=RULE` takes a rule of the change logic out, to see which histories notice.
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

/// The harness notices a copy that is wrong, and a line that means nothing.
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
