//! Plays a history: the real client against the same world, without random numbers.

use std::path::Path;

use syncrepl_client::{Limits, Rule, Scope, SyncreplMode};
use syncrepl_proto::dn;

use crate::chance::Chance;
use crate::directory::{INSIDE, Id, Search};
use crate::life::Life;
use crate::options::{Options, Profile};
use crate::run::{Outcome, Run};
use crate::script::{Script, whole_dn};
use crate::story::{Act, Story};
use crate::world::World;

/// Plays the history in `text`, with the consumer's files in `folder`. Every rule for a seed holds
/// for a history, too: in the end the copy must equal the search result. `without`: the client runs
/// without this rule of the change logic, to see what notices.
///
/// # Errors
/// A line of the text is not in the language of histories.
pub fn play(text: &str, folder: &Path, without: Option<Rule>) -> Result<Outcome, String> {
    let story = Story::read(text)?;
    let mut options = options(&story.setting)?;
    options.limits.without = without;
    let mut world = World::new(options, Chance::new(0), true);
    world.log(format_args!("{:?}:{}", story.setting, story.cast()));
    world.script = Some(Script::default());
    let mut run = Run::new(world, folder);
    for act in story.acts {
        match act {
            Act::Change(deed) => run.model.world().deed(&deed),
            Act::Live { full, steps } => {
                if let Some(script) = &mut run.model.world().script {
                    script.go_on(steps);
                }
                run.live(Life {
                    reconcile: full,
                    ..Life::peaceful()
                });
                run.check_played();
            }
            Act::Copy { id, dn } => run.check_held(id, dn.as_deref()),
        }
    }
    run.checker.check_equal("at the end");
    Ok(run.outcome())
}

fn options(setting: &[String]) -> Result<Options, String> {
    let mut options = Options {
        profile: Profile::Unknown,
        search: Search {
            base: INSIDE,
            scope: Scope::Subtree,
            filtered: false,
        },
        mode: SyncreplMode::RefreshAndPersist,
        hides_root_dse: false,
        tells_descendants: false,
        uuid_unsearchable: false,
        hidden_containers: false,
        concurrent: false,
        respells: false,
        closed: false,
        limits: Limits::default(),
        shows_csn: true,
        reads_late: false,
        lags: false,
        denied: false,
        subentries: false,
        computed: false,
        alike: false,
        journal: None,
    };
    for word in setting {
        match word.as_str() {
            "unknown" => options.profile = Profile::Unknown,
            "389" => options.profile = Profile::Ds389,
            "slapd" | "slapd-without-log" => {
                let log = word == "slapd";
                options.profile = Profile::Slapd { log, nodes: false };
            }
            "persist" => options.mode = SyncreplMode::RefreshAndPersist,
            "refresh" => options.mode = SyncreplMode::RefreshOnly,
            "filtered" => options.search.filtered = true,
            "hidden" => options.hidden_containers = true,
            "unsearchable" => options.uuid_unsearchable = true,
            "denied" => options.denied = true,
            "subentries" => options.subentries = true,
            "computed" => options.computed = true,
            "alike" => options.alike = true,
            "bulk" => options.limits.few = 0,
            "small" => {
                options.limits = Limits {
                    batch: 2,
                    whole_at: 4,
                    group: 3,
                    rounds: 1,
                    moved: 2,
                    ..options.limits
                }
            }
            other => return Err(format!("no history is set in {other:?}")),
        }
    }
    Ok(options)
}

impl Run {
    /// Checks that the provider took every step of this life.
    fn check_played(&self) {
        let mut world = self.model.world();
        let left = world.script.as_ref().map(|script| script.steps.len());
        if left.is_some_and(|left| left > 0) {
            let left = world.script.as_ref().map(|script| script.steps.clone());
            world.finding(format_args!("the consumer left before {left:?}"));
        }
    }

    /// Checks that the copy holds an entry under this DN, or not at all.
    fn check_held(&self, id: Id, wanted: Option<&str>) {
        let held = self.checker.committed.map.values();
        let held = held.filter(|held| held.id == Some(id)).map(|held| &held.dn);
        let held = held.collect::<Vec<_>>();
        let wanted = wanted.map(whole_dn);
        let same = match (held.as_slice(), &wanted) {
            ([held], Some(wanted)) => dn::same_spelling_aside(held, wanted),
            ([], None) => true,
            _ => false,
        };
        if !same {
            self.finding(&format!("entry {id} is held as {held:?}, not {wanted:?}"));
        }
    }
}
