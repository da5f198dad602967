//! What holds for all of a run: the kind of provider, the search, and what may be in the directory.

use syncrepl_client::{Limits, Rule, Scope, SyncreplMode};
use syncrepl_proto::profile::{Provider, ds389, openldap, unknown};

use crate::chance::{Chance, Purpose};
use crate::directory::{INSIDE, SUFFIX, Search};

/// What is not drawn from the seed.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Entries may be shown below one that the filter hides.
    pub hidden_containers: bool,
    /// The directory changes while it is read.
    pub concurrent: bool,
    /// Some providers do not let entryUUID be searched.
    pub unsearchable: bool,
    /// Some entries are shown to nobody, though what lies below them is.
    pub denied: bool,
    /// There are subentries.
    pub subentries: bool,
    /// The persist stage does not send all values that a search shows.
    pub computed: bool,
    /// Names that differ in case only are those of two entries.
    pub alike: bool,
    /// A rule of the change logic that is taken out.
    pub without: Option<Rule>,
    /// What happens is written down.
    pub traced: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            hidden_containers: false,
            concurrent: true,
            unsearchable: true,
            denied: false,
            subentries: false,
            computed: false,
            alike: false,
            without: None,
            traced: false,
        }
    }
}

/// What the provider is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// OpenLDAP: with a session log or without, one node or two.
    Slapd { log: bool, nodes: bool },
    /// 389 Directory Server.
    Ds389,
    /// Anything that RFC 4533 allows.
    Unknown,
}

impl Profile {
    /// What a consumer takes it for.
    pub fn vendor(self) -> Provider {
        match self {
            Profile::Slapd { .. } => openldap::PROVIDER,
            Profile::Ds389 => ds389::PROVIDER,
            Profile::Unknown => unknown::PROVIDER,
        }
    }
}

/// What holds for all of a run.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub profile: Profile,
    pub search: Search,
    pub mode: SyncreplMode,
    /// The root DSE tells nothing.
    pub hides_root_dse: bool,
    /// What lies below a renamed entry is told too.
    pub tells_descendants: bool,
    /// entryUUID cannot be searched, only read.
    pub uuid_unsearchable: bool,
    /// Entries may be shown below one that the filter hides.
    pub hidden_containers: bool,
    /// The directory changes while it is read, so that what is said in one stage, and what searches
    /// beside it show, is of different moments.
    pub concurrent: bool,
    /// DNs are spelled in one way and another.
    pub respells: bool,
    /// The provider has no more than the naming context of the base, and nothing comes from outside.
    pub closed: bool,
    /// How much the consumer asks and takes at once.
    pub limits: Limits,
    /// entryCSN is shown to who asks for it.
    pub shows_csn: bool,
    /// Some entries are shown to nobody, though what lies below them is.
    pub denied: bool,
    /// There are subentries: one that is added is sent, and no search shows it.
    pub subentries: bool,
    /// There is an attribute of which the persist stage sends not all values.
    pub computed: bool,
    /// Names that differ in case only are those of two entries.
    pub alike: bool,
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
        let slapd = matches!(profile, Profile::Slapd { .. });
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
            denied: settings.denied,
            subentries: settings.subentries,
            computed: settings.computed && slapd,
            alike: settings.alike,
        };
        let shows_csn = chance.of(Purpose::Traits).bool();
        options.shows_csn = slapd || profile == Profile::Unknown && shows_csn;
        options
    }
}

/// Half of the consumers have limits that a small directory reaches.
fn draw_limits(rng: &mut fastrand::Rng) -> Limits {
    match rng.bool() {
        true => Limits::default(),
        false => Limits {
            batch: 2,
            whole_at: 4,
            group: 3,
            ..Limits::DEFAULT
        },
    }
}
