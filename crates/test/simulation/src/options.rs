//! The constants of a run: the kind of provider, the search, and the kinds of entries in the
//! directory.

use syncrepl_client::journal::JournalSettings;
use syncrepl_client::{Limits, Rule, Scope, SyncreplMode};
use syncrepl_proto::profile::{Provider, ds389, openldap, unknown};

use crate::chance::{Chance, Purpose};
use crate::directory::{INSIDE, SUFFIX, Search};

/// The caller's choices for a run; the seed draws the rest.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// The filter may hide a parent and show its children.
    pub hidden_containers: bool,
    /// The directory changes while the consumer reads it.
    pub concurrent: bool,
    /// Some providers refuse searches by entryUUID.
    pub unsearchable: bool,
    /// Access rules hide some parents, and show their children.
    pub denied: bool,
    /// Two entries may have names that differ in case only.
    pub alike: bool,
    /// The client runs without this rule of the change logic, to see what notices.
    pub without: Option<Rule>,
    /// The world keeps a trace of all that happens.
    pub traced: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            hidden_containers: false,
            concurrent: true,
            unsearchable: true,
            denied: false,
            alike: false,
            without: None,
            traced: false,
        }
    }
}

/// The kind of provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// OpenLDAP. `log`: it has a session log. `nodes`: it has two nodes, not one.
    Slapd { log: bool, nodes: bool },
    /// 389 Directory Server.
    Ds389,
    /// Anything that RFC 4533 allows.
    Unknown,
}

impl Profile {
    /// The profile that the consumer picks for this provider.
    pub fn vendor(self) -> Provider {
        match self {
            Profile::Slapd { .. } => openldap::PROVIDER,
            Profile::Ds389 => ds389::PROVIDER,
            Profile::Unknown => unknown::PROVIDER,
        }
    }
}

/// The constants of a run.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub profile: Profile,
    pub search: Search,
    pub mode: SyncreplMode,
    /// The root DSE is empty, so the consumer cannot recognise the provider.
    pub hides_root_dse: bool,
    /// The provider tells of the descendants of a renamed entry, too.
    pub tells_descendants: bool,
    /// The provider shows entryUUID, but refuses to search by it.
    pub uuid_unsearchable: bool,
    /// The filter may hide a parent and show its children.
    pub hidden_containers: bool,
    /// The directory changes while the consumer reads it. So the messages of one stage, and the
    /// searches beside it, show different moments.
    pub concurrent: bool,
    /// The provider varies the spelling of DNs.
    pub respells: bool,
    /// The workload moves no entry into the base or out of it.
    pub closed: bool,
    /// How much the consumer asks and takes at once.
    pub limits: Limits,
    /// The provider shows entryCSN on request.
    pub shows_csn: bool,
    /// In a refresh stage the provider decides whether an entry is in the base when it reads it.
    /// Others decide when the stage begins, and tell only later of entries that come meanwhile.
    pub reads_late: bool,
    /// In the persist stage the provider is silent at times although it has something to tell.
    pub lags: bool,
    /// Access rules hide some parents, and show their children.
    pub denied: bool,
    /// There are subentries: the provider sends one that is added, and no search shows it.
    pub subentries: bool,
    /// Entries have an attribute of which the persist stage leaves out values.
    pub computed: bool,
    /// Two entries may have names that differ in case only.
    pub alike: bool,
    /// How the consumer keeps a journal, if it does.
    pub journal: Option<Journal>,
}

/// How the consumer keeps its journal.
#[derive(Debug, Clone, Copy)]
pub struct Journal {
    /// The most bytes in it.
    pub max_bytes: u64,
    /// The most bytes of the attributes in a row.
    pub image_max: u64,
    /// Every refresh but the first writes a row for each change.
    pub every_refresh: bool,
}

impl Journal {
    /// Half of the consumers keep one, most of them with so little room that rows go soon.
    fn draw(rng: &mut fastrand::Rng) -> Option<Self> {
        let journal = Journal {
            max_bytes: rng.choice([500, 2000, 1 << 20]).unwrap_or_default(),
            image_max: rng.choice([60, 1 << 16]).unwrap_or_default(),
            every_refresh: rng.u8(0..4) == 0,
        };
        rng.bool().then_some(journal)
    }

    pub fn settings(self) -> JournalSettings {
        let mut settings = JournalSettings::default();
        settings.max_bytes = self.max_bytes;
        settings.image_max = self.image_max;
        settings.every_refresh = self.every_refresh;
        settings
    }
}

impl Options {
    pub fn draw(chance: &mut Chance, settings: Settings) -> Self {
        let rng = chance.of(Purpose::Options);
        let filtered = rng.bool();
        let profile = match rng.u8(0..10) {
            0..=1 => Profile::Slapd {
                log: false,
                nodes: rng.bool(),
            },
            2..=4 => Profile::Slapd {
                log: true,
                nodes: rng.bool(),
            },
            5 => Profile::Ds389,
            _ => Profile::Unknown,
        };
        let uuid_unsearchable = rng.u8(0..10) == 0 && settings.unsearchable;
        let closed = uuid_unsearchable || rng.u8(0..4) == 0;
        let mut options = Options {
            profile,
            search: Search {
                base: if closed && rng.bool() { SUFFIX } else { INSIDE },
                scope: match rng.u8(0..10) {
                    0 => Scope::One,
                    _ => Scope::Subtree,
                },
                filtered,
            },
            mode: match rng.bool() {
                true => SyncreplMode::RefreshOnly,
                false => SyncreplMode::RefreshAndPersist,
            },
            hides_root_dse: rng.u8(0..8) == 0,
            tells_descendants: rng.u8(0..4) == 0,
            uuid_unsearchable,
            hidden_containers: settings.hidden_containers,
            concurrent: settings.concurrent,
            respells: rng.u8(0..4) == 0 && !settings.alike,
            closed,
            limits: Limits {
                without: settings.without,
                ..draw_limits(chance.of(Purpose::Limits))
            },
            shows_csn: false,
            reads_late: false,
            lags: false,
            denied: settings.denied,
            subentries: false,
            computed: false,
            alike: settings.alike,
            journal: Journal::draw(chance.of(Purpose::Journal)),
        };
        if options.journal.is_some() && chance.of(Purpose::Journal).u8(0..4) > 0 {
            options.limits.journal = 2;
            options.limits.prune = 4;
        }
        options.draw_traits(chance);
        options
    }

    /// Draws the unusual traits of the provider and of its directory.
    fn draw_traits(&mut self, chance: &mut Chance) {
        let slapd = matches!(self.profile, Profile::Slapd { .. });
        let shows_csn = chance.of(Purpose::Traits).bool();
        self.shows_csn = slapd || self.profile == Profile::Unknown && shows_csn;
        self.reads_late = self.profile != Profile::Ds389 && chance.of(Purpose::Traits).bool();
        self.lags = self.concurrent && chance.of(Purpose::Traits).bool();
        let stored = self.profile != Profile::Ds389;
        self.subentries = stored && chance.of(Purpose::Traits).u8(0..4) == 0;
        self.alike |= chance.of(Purpose::Traits).u8(0..6) == 0;
        self.respells &= !self.alike;
        self.limits.few *= chance.of(Purpose::Traits).u64(0..2);
        self.computed = self.limits.few > 0 && stored && chance.of(Purpose::Traits).u8(0..4) == 0;
    }
}

/// Half of the consumers have limits so low that a small directory reaches them.
fn draw_limits(rng: &mut fastrand::Rng) -> Limits {
    match rng.bool() {
        true => Limits::default(),
        false => Limits {
            batch: 2,
            whole_at: 4,
            group: 3,
            rounds: 1,
            moved: 2,
            ..Limits::DEFAULT
        },
    }
}
