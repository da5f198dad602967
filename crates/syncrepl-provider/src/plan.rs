//! The messages of one refresh stage (RFC 4533 §3.3), decided at one moment and sent afterwards.
//!
//! Pure: directory, query and cookie in, plan out.

use syncrepl_proto::Uuid;
use syncrepl_proto::sync::SYNC_REFRESH_REQUIRED;

use crate::config::{Config, OldCookie, RefreshStyle, UnknownCookie};
use crate::cookie::Cookie;
use crate::csn::Csn;
use crate::directory::Directory;
use crate::entry::View;
use crate::faults::{Fault, FaultList, Order};
use crate::refusal::{Refusal, code};
use crate::search::Query;

/// The most entryUUIDs in one syncIdSet; slapd's number.
const IDS: usize = 256;

/// One message of a refresh stage.
#[derive(Debug)]
pub(crate) enum Step {
    /// An entry with the state add.
    Entry(View),
    /// A syncIdSet with its refreshDeletes, and the entryUUIDs.
    Ids(bool, Vec<Uuid>),
}

/// A refresh stage, ready to be sent.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) steps: Vec<Step>,
    /// The state after this stage; `None` when the consumer has it already.
    pub(crate) cookie: Option<Csn>,
    /// Whether the stage tells of deletes (refreshDeletes TRUE) rather than of present entries.
    pub(crate) tells_deletes: bool,
}

pub(crate) fn plan(
    config: &Config,
    directory: &Directory,
    query: &Query,
    cookie: Cookie,
    faults: &FaultList,
) -> Result<Plan, Refusal> {
    let content = query.find(directory)?;
    let context = directory.context.clone();
    let since = match cookie {
        Cookie::None => None,
        Cookie::At(csn) => Some(csn),
        Cookie::Unknown => match config.unknown_cookie {
            UnknownCookie::AsNone => None,
            UnknownCookie::RefreshRequired => return Err(refresh_required()),
            UnknownCookie::Result(code) => return Err(Refusal::new(code, "cookie not understood")),
        },
    };
    let Some(since) = since else {
        return Ok(Plan {
            steps: entries(content, faults),
            cookie: context,
            tells_deletes: config.first == RefreshStyle::DeletePhase,
        });
    };
    let Some(context) = context else {
        let why = "consumer has state info but provider doesn't!";
        return Err(Refusal::new(code::UNWILLING_TO_PERFORM, why));
    };
    if since > context {
        let why = "consumer state is newer than provider!";
        return Err(Refusal::new(code::UNWILLING_TO_PERFORM, why));
    }
    if since == context {
        return Ok(Plan {
            steps: Vec::new(),
            cookie: None,
            tells_deletes: true,
        });
    }
    let style = match config.style {
        RefreshStyle::PresentPhase => None,
        RefreshStyle::DeletePhase => directory.log.since(&since),
    };
    if let Some(changed) = style {
        return Ok(delete_phase(changed, content, context, faults));
    }
    if config.style == RefreshStyle::DeletePhase && config.old_cookie == OldCookie::RefreshRequired
    {
        return Err(refresh_required());
    }
    Ok(present_phase(&since, content, context, faults))
}

/// Names the deleted entries, then sends the new and the changed ones.
fn delete_phase(changed: Vec<Uuid>, content: Vec<View>, context: Csn, faults: &FaultList) -> Plan {
    let changed_set: std::collections::HashSet<_> = changed.iter().copied().collect();
    let mut sent = content;
    sent.retain(|view| changed_set.contains(&view.entry.uuid));
    let there: std::collections::HashSet<_> = sent.iter().map(|view| view.entry.uuid).collect();
    let gone: Vec<Uuid> = changed
        .into_iter()
        .filter(|uuid| !there.contains(uuid))
        .collect();
    let mut steps = id_sets(true, &gone);
    steps.extend(entries(sent, faults));
    Plan {
        steps,
        cookie: Some(context),
        tells_deletes: true,
    }
}

/// Names every entry in the content, like slapd, then sends the new and the changed ones.
fn present_phase(since: &Csn, content: Vec<View>, context: Csn, faults: &FaultList) -> Plan {
    let mut present: Vec<Uuid> = content.iter().map(|view| view.entry.uuid).collect();
    let short = faults.take(|fault| match fault {
        Fault::ShortPresentList(length) => Some(*length),
        _ => None,
    });
    if let Some(length) = short {
        present.truncate(length);
    }
    let mut sent = content;
    sent.retain(|view| view.entry.csn > *since);
    let mut steps = id_sets(false, &present);
    steps.extend(entries(sent, faults));
    Plan {
        steps,
        cookie: Some(context),
        tells_deletes: false,
    }
}

fn id_sets(gone: bool, uuids: &[Uuid]) -> Vec<Step> {
    let sets = uuids.chunks(IDS);
    sets.map(|set| Step::Ids(gone, set.to_vec())).collect()
}

fn entries(mut content: Vec<View>, faults: &FaultList) -> Vec<Step> {
    let order = faults.take(|fault| match fault {
        Fault::Order(order) => Some(*order),
        _ => None,
    });
    match order {
        None => {}
        Some(Order::ChildrenFirst) => content.reverse(),
        Some(Order::Shuffled(seed)) => fastrand::Rng::with_seed(seed).shuffle(&mut content),
    }
    content.into_iter().map(Step::Entry).collect()
}

fn refresh_required() -> Refusal {
    Refusal::new(SYNC_REFRESH_REQUIRED, "")
}
