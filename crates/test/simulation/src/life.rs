//! One life of the consumer: it starts, connects and polls, and it ends by unbinding or as if
//! killed.

use std::path::PathBuf;
use std::time::Duration;

use fastrand::Rng;
use syncrepl_client::{Builder, Error, ErrorKind, MaxDelete, Syncrepl, SyncreplMode};

use crate::chance::Purpose;
use crate::checker::Checker;
use crate::delivery::Delivery;
use crate::network::Model;
use crate::run::Run;
use crate::script::Script;
use crate::world::Facts;

/// How often the consumer polls in one try, at most. A consumer that needs more is stuck.
const MOST_POLLS: u32 = 400;

/// How often one life follows the provider, at most.
const MOST_TRIES: u64 = 3;

/// The conditions of one life.
#[derive(Debug, Clone, Copy)]
pub struct Life {
    /// Connections and the provider may fail.
    pub trouble: bool,
    /// How many changes may come while the consumer reads.
    pub budget: u32,
    /// How often the directory changes after the consumer has come to rest in the persist stage.
    pub turns: u8,
    pub reconcile: bool,
    pub max_delete: MaxDelete,
}

impl Life {
    /// A life without faults and changes.
    pub fn peaceful() -> Self {
        Life {
            trouble: false,
            budget: 0,
            turns: 0,
            reconcile: false,
            max_delete: MaxDelete::Percent(100),
        }
    }

    /// Draws a life, and the number of calls after which its callback fails. Each life draws the
    /// same number of times, so that a setting does not shift the lives after it.
    pub fn draw(rng: &mut Rng, troubled: bool, busy: bool) -> (Self, Option<u32>) {
        let (trouble, budget, fails) = (rng.bool(), rng.u32(0..8), rng.u8(0..4) == 0);
        let fail_in = rng.u32(1..20);
        let life = Life {
            trouble: troubled && trouble,
            budget: if busy { budget } else { 0 },
            turns: rng.u8(0..5),
            reconcile: rng.u8(0..12) == 0,
            max_delete: match rng.u8(0..8) {
                0 => MaxDelete::NotEverything,
                _ => MaxDelete::Percent(100),
            },
        };
        (life, (life.trouble && fails).then_some(fail_in))
    }
}

impl Run {
    /// Starts the consumer, lets it run, and ends it. Returns whether the life ended without an
    /// error.
    pub fn live(&mut self, life: Life) -> bool {
        self.begin(life);
        let model = self.model.clone();
        let data = self.data();
        let mut delivery = self.delivery.as_mut();
        let Some(mut client) = open(data.clone(), &mut self.checker, &model, life) else {
            return false;
        };
        if let Some(delivery) = &mut delivery {
            delivery.begin(&client, &data, &model, life.trouble);
        }
        let before = client.commit_number();
        let (well, errors) = follow_to_the_end(&mut client, &model, life, &mut delivery);
        self.counts.errors += errors;
        self.counts.commits += client.commit_number() - before;
        if let Some(delivery) = delivery {
            delivery.end(&model);
        }
        end(client, &model);
        self.checker.store = None;
        let mut world = self.model.world();
        if !world.connections.is_empty() {
            world.finding("a connection was left open");
        }
        well
    }

    /// Prepares the world and the checker. The consumer forgets everything but its store, so the
    /// facts of its last life no longer excuse it.
    fn begin(&mut self, life: Life) {
        let mut world = self.model.world();
        world.log(format_args!(" {life:?}"));
        world.facts = Facts {
            owed: world.facts.owed,
            ..Facts::default()
        };
        (world.trouble, world.budget) = (life.trouble, life.budget);
        drop(world);
        self.checker.forget_open();
    }
}

/// Opens the store, and gives the checker a handle with which it reads the store itself.
fn open<'c>(
    path: PathBuf,
    checker: &'c mut Checker,
    model: &Model,
    life: Life,
) -> Option<Syncrepl<&'c mut Checker>> {
    let options = model.world().options;
    let mut builder: Builder<&mut Checker> = Syncrepl::builder(path, checker)
        .ldap_url(options.search.url())
        .mode(options.mode)
        .reconcile(life.reconcile)
        .max_delete(life.max_delete)
        .limits(options.limits)
        .network(model.clone());
    if let Some(journal) = options.journal {
        builder = builder.journal(journal.settings());
    }
    let mut client = match builder.open() {
        Ok(client) => client,
        Err(error) => {
            let mut world = model.world();
            world.finding(format_args!("the store cannot be opened: {error}"));
            return None;
        }
    };
    match client.db() {
        Ok(store) => client.callback().store = Some(store),
        Err(error) => model.world().finding(format_args!("no handle: {error}")),
    }
    client.callback().check_store("at the start");
    if options.journal.is_some() {
        // In some lives nobody reads, as when somebody refreshes by hand.
        let reads = model.draw(Purpose::Journal, |rng| rng.u8(0..4) > 0);
        let link = reads.then(|| client.journal_link());
        if let Some(readers) = &mut client.callback().readers {
            readers.begin(link);
        }
        client.callback().let_readers_look("at the start");
    }
    Some(client)
}

/// Follows the provider, and after an error sometimes once more with the same client, as a program
/// may do. Returns whether the last try ended without an error, and the number of errors.
fn follow_to_the_end(
    client: &mut Syncrepl<&mut Checker>,
    model: &Model,
    life: Life,
    delivery: &mut Option<&mut Delivery>,
) -> (bool, u64) {
    let mut errors = 0;
    while errors < MOST_TRIES {
        let scripted = model.world().script.is_some();
        let ended = match scripted {
            true => follow_script(client, model),
            false => follow(client, model, life, delivery),
        };
        let Err(error) = ended else {
            return (true, errors);
        };
        errors += 1;
        let kind = format!("{:?}", error.kind());
        client.callback().digest.take("error", &[kind.as_bytes()]);
        judge(&error, model, client.callback());
        client.callback().forget_open();
        client.callback().check_store("after an error");
        if !life.trouble || model.draw(Purpose::Endings, |rng| rng.bool()) {
            break;
        }
    }
    (false, errors)
}

/// Ends the consumer in one of two ways: it unbinds, or it is dropped like a process that is
/// killed.
fn end(client: Syncrepl<&mut Checker>, model: &Model) {
    if !model.draw(Purpose::Endings, |rng| rng.bool()) {
        return drop(client);
    }
    if let Err(error) = client.unbind() {
        model.world().finding(format_args!("unbind: {error}"));
    }
}

/// Connects, and polls to the end of the refresh, or for a while in the persist stage.
fn follow(
    client: &mut Syncrepl<&mut Checker>,
    model: &Model,
    life: Life,
    delivery: &mut Option<&mut Delivery>,
) -> Result<(), Error> {
    let mut turns = life.turns;
    client.reconnect()?;
    model.world().facts.concurrent = false;
    for _ in 0..MOST_POLLS {
        let more = client.poll(Duration::from_secs(3))?;
        if let Some(delivery) = delivery {
            if !more || client.in_persist_stage() {
                delivery.refreshed();
            }
            delivery.turn(model);
            if !more && !life.trouble {
                delivery.rest(model);
            }
        }
        if !more {
            let world = model.world();
            let refreshed = world.options.mode == SyncreplMode::RefreshOnly;
            let still = refreshed && !world.facts.concurrent;
            drop(world);
            if still {
                client.callback().check_equal("after a refresh");
            }
            return Ok(());
        }
        let world = model.world();
        let (idle, budget) = (world.is_idle(), world.budget);
        drop(world);
        let said = client.in_persist_stage() && idle;
        if !said || budget > 0 && model.draw(Purpose::Polls, |rng| rng.bool()) {
            if model.draw(Purpose::Polls, |rng| rng.u8(0..60)) == 0 && model.world().trouble {
                return Ok(());
            }
            continue;
        }
        let before = (client.commit_number(), model.world().versions.len());
        rest(client, model)?;
        if (client.commit_number(), model.world().versions.len()) != before {
            continue;
        }
        client.callback().check_equal("at rest");
        if let (Some(delivery), false) = (&mut *delivery, life.trouble) {
            delivery.rest(model);
        }
        if !model.world().findings.is_empty() {
            return Ok(());
        }
        if turns == 0 {
            if model.draw(Purpose::Polls, |rng| rng.bool()) {
                client.stop_handle().please_stop();
                model.world().facts.stopped = true;
                model.world().log(" stop");
                while client.poll(Duration::from_secs(3))? {}
            }
            return Ok(());
        }
        turns -= 1;
        for _ in 0..model.draw(Purpose::Polls, |rng| rng.u8(1..6)) {
            model.world().change();
        }
    }
    model.world().finding("it does not come to an end");
    Ok(())
}

/// Polls while the provider is silent. The consumer asks for suspects after a second of silence,
/// and for hidden parents a little later.
fn rest(client: &mut Syncrepl<&mut Checker>, model: &Model) -> Result<(), Error> {
    let (times, seconds) = match model.world().options.hidden_containers {
        true => (8, 12),
        false => (1, 3),
    };
    for _ in 0..times {
        client.poll(Duration::from_secs(seconds))?;
    }
    Ok(())
}

/// Connects, and polls until the provider has taken all steps of this life.
fn follow_script(client: &mut Syncrepl<&mut Checker>, model: &Model) -> Result<(), Error> {
    client.reconnect()?;
    for _ in 0..MOST_POLLS {
        if !client.poll(Duration::from_secs(3))? {
            return Ok(());
        }
        let world = model.world();
        let ended = world.script.as_ref().is_none_or(Script::is_over);
        drop(world);
        if ended {
            return rest(client, model);
        }
    }
    model.world().finding("it does not come to an end");
    Ok(())
}

/// An error is a finding, unless the provider, the network or the run gave a reason for it.
fn judge(error: &Error, model: &Model, checker: &Checker) {
    let mut world = model.world();
    world.log(format_args!(" error {:?}: {error}", error.kind()));
    let facts = world.facts;
    let text = error.to_string();
    let legal = match error.kind() {
        ErrorKind::Unreachable | ErrorKind::Refused | ErrorKind::Callback => facts.faulted,
        ErrorKind::NotReady => facts.not_ready,
        // The stop request came while the consumer was about to connect again.
        ErrorKind::Stopped => facts.stopped,
        ErrorKind::Protocol if text.contains("no refresh came to an end") => {
            facts.refresh_required > 0 || facts.concurrent
        }
        ErrorKind::Guard if text.contains("still shows") => facts.concurrent,
        ErrorKind::Guard => {
            let shown = world.shown();
            let mut held = checker.committed.map.values();
            facts.concurrent || held.all(|held| held.id.is_none_or(|id| !shown.contains_key(&id)))
        }
        _ => false,
    };
    if !legal {
        world.finding(format_args!("an error without a reason: {error}"));
    }
}
