//! The fields in which providers differ. This file names no vendor: the values stand in the vendors'
//! files.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

use crate::Uuid;
use crate::cookie::Form;

/// A kind of provider: a handle to the [`Profile`] of its vendor. Two are equal if their names are.
/// The default is [`unknown::PROVIDER`](super::unknown::PROVIDER).
#[derive(Clone, Copy)]
pub struct Provider(pub(super) &'static Profile);

/// The habits of one vendor's providers. The values in [`unknown`](super::unknown) are the most
/// careful ones. A vendor's file states only what differs from them, with the version on which it was
/// seen.
#[derive(Clone, Copy)]
pub struct Profile {
    /// The name that people are shown, and that the store keeps.
    pub name: &'static str,

    /// The name in full.
    pub title: &'static str,

    /// How well a copy of this provider is known to work.
    pub support: Support,

    /// Parts of `vendorName` (RFC 3045) in the root DSE, in small letters. One of them is enough to
    /// recognise the vendor.
    pub vendor_names: &'static [&'static str],

    /// A value of `objectClass` in the root DSE by which the vendor is recognised. Letter case does
    /// not count.
    pub root_dse_class: Option<&'static str>,

    /// Values of `supportedCapabilities` in the root DSE. One of them is enough to recognise a vendor that
    /// gives no `vendorName`.
    pub capabilities: &'static [&'static str],

    /// The form of its cookies. It identifies a vendor that hides its root DSE.
    pub cookies: Form,

    /// What a refresh stage after a cookie means when it says that it told what is present.
    pub present: Present,

    /// After a cookie, a refresh of this provider is complete only for a search of all entries below the
    /// base with all their user attributes. For any other search the client compares the whole copy.
    pub resumes_whole_trees_only: bool,

    /// A refresh stage after a cookie may miss a change that is being made at that moment, unless the
    /// consumer asks for the persist stage as well.
    pub resumes_safely_only_to_persist: bool,

    /// The delete phase of one node is silent about entries that this node never held. Another node may
    /// have told the consumer of such an entry.
    pub forgets_what_it_never_held: bool,

    /// The provider can be told never to say what is present. It then leaves out each delete that it does
    /// not remember, and says that it told all of them. A provider that was loaded anew from another
    /// remembers none either.
    pub may_leave_deletes_out: bool,

    /// An attribute of the entry of a naming context: the CSN of the newest change of each server. The sync
    /// search may lag behind it for ever, or not count the changes of some entries.
    pub newest_changes: Option<&'static str>,

    /// In the persist stage the provider sends entries without checking access rights, so each is only a
    /// hint that something has changed.
    pub persists_without_access_control: bool,

    /// In the persist stage the provider sends an entry as it stores it: without the values that a search
    /// computes, and even if no search shows it (a subentry, RFC 3672).
    pub sends_entries_as_stored: bool,

    /// Attributes whose changes the provider does not always tell: an overlay writes or computes them, the
    /// tree decides them, or only a plain search shows them.
    pub never_tells: &'static [&'static str],

    /// The provider accepts a cookie that is older than its memory of changes, and passes over the
    /// changes that it forgot. `firstChangeNumber` in its root DSE says where its memory begins;
    /// [`cookie::number`](crate::cookie::number) is the last change that a cookie covers.
    pub passes_over_forgotten_changes: bool,

    /// The provider never tells of a change that is made between its refresh stage and its persist
    /// stage. The numbers in its cookies show that one is missing.
    pub misses_changes_between_stages: bool,

    /// A refused search in mode refreshAndPersist gets no answer at all. In refreshOnly it gets one.
    pub refuses_in_silence: bool,

    /// Anonymous may not synchronize, whatever the access rules say.
    pub refuses_anonymous: bool,

    /// Whether unwillingToPerform (53) with this diagnostic, as the answer to a search with a cookie,
    /// means: start again without the cookie.
    pub rejects_cookie: fn(diagnostic: &str) -> bool,

    /// A part of the diagnostic by which the provider says that the password has to be changed before it
    /// does anything else. Letter case does not count.
    pub wants_new_password: Option<&'static str>,

    /// How the provider says that it serves as many consumers as it can.
    pub full: Option<Full>,

    /// No entry moves from one naming context into another (RFC 4512 §5.1).
    pub keeps_naming_contexts_apart: bool,

    /// The attribute that holds the identity of an entry, the one that Sync State controls call
    /// entryUUID.
    pub uuid_attribute: &'static str,

    /// The numbers of hexadecimal digits between the hyphens of a value of `uuid_attribute`.
    pub uuid_groups: &'static [usize],

    /// An attribute that is shown if `*` is asked for, but not if no attribute is named, although both
    /// are to mean the same (RFC 4511 §4.5.1.8).
    pub shown_by_star_only: Option<&'static str>,

    /// A filter (RFC 4515) that shows the entries which have children.
    pub has_children: &'static str,

    /// References come without a Sync State control, so that a consumer can only pass over them.
    pub sends_references_without_state: bool,

    /// An Abandon ends a persistent search. Of other providers only the closed connection ends it.
    pub heeds_abandon: bool,

    /// How a consumer can find out what the provider remembers of changes.
    pub memory: Memory,

    /// Where the provider shows what time it is.
    pub clock: Option<Clock>,

    /// The provider answers a cookie from a changelog that can be configured to leave changes out.
    pub changelog: Option<Changelog>,

    /// What its administrator can do, in a few words.
    pub hint: fn(Trouble) -> Option<&'static str>,

    /// What its administrator can do, in full: lines of which some go into a configuration.
    pub advice: fn(Trouble) -> Option<&'static str>,
}

/// How well a copy of a provider is known to work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// It was tested.
    Tested,
    /// Nobody has tested it.
    Untested,
    /// It does not work, for this reason. A consumer refuses the provider, unless it is told not to.
    Unsupported(&'static str),
}

/// What a refresh stage after a cookie means when it says that it told what is present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Present {
    /// It named everything that is present: an entry that it left out is gone.
    Told,
    /// It told changes only: an entry that it left out is as it was.
    NotTold,
    /// It may be either. The provider is believed if it named at least one entry as present. If it named
    /// none, either nothing is left (RFC 4533 §3.3.2) or it told changes only.
    ToldIfNamed,
}

/// How a consumer can find out what a provider remembers of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Memory {
    /// It cannot.
    Unseen,
    /// A refresh with a cookie of a little while ago shows whether the provider sends changes.
    ShownByOlderCookie,
    /// The root DSE holds the numbers of the first and the last change.
    ShownInRootDse,
}

/// Where a provider shows what time it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// The DN of the entry.
    pub entry: &'static str,
    /// The attribute, a Generalized Time (RFC 4517 §3.3.13).
    pub attribute: &'static str,
}

/// A changelog that may leave changes out, and by what a consumer notices that it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changelog {
    /// The DN of the entry that configures it.
    pub entry: &'static str,
    /// An attribute of that entry: the DNs below which changes are kept; all if it is missing.
    pub only: &'static str,
    /// An attribute of that entry: the DNs below which no changes are kept.
    pub except: &'static str,
    /// An attribute of that entry: a change of these attributes alone is not kept.
    pub without: &'static str,
    /// When the provider was started. Its counters begin anew then.
    pub started: Clock,
    /// The entry that counts the operations.
    pub counters: &'static str,
    /// The attributes of that entry which count the requests that write, those that failed as well.
    pub requests: &'static [&'static str],
    /// The option of `lastUsn` in the root DSE for the database of the changelog itself. That attribute
    /// counts the writes of each database, if the administrator has switched it on. If there is one
    /// number for all databases, it has no option, and counts each kept change a second time. A failed
    /// request may count it down again.
    pub own_option: &'static str,
}

/// How a provider says that it serves as many consumers as it can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full {
    /// A part of the diagnostic of unwillingToPerform (53). Letter case does not count.
    pub words: &'static str,
    /// What to do.
    pub hint: &'static str,
}

/// Something that the administrator of a provider can mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trouble {
    /// The provider does not offer RFC 4533 for this base.
    SyncIsOff,
    /// A limit stopped the search, whichever limit it was.
    Limited,
    /// timeLimitExceeded (3).
    TimeLimit,
    /// sizeLimitExceeded (4).
    SizeLimit,
    /// adminLimitExceeded (11): the provider looked at too many entries.
    LookThroughLimit,
    /// The identity may not read the entries.
    NotReadable,
    /// The identity may not read the root DSE.
    RootDseHidden,
    /// The attribute that holds the identity of entries has no index.
    NotIndexed,
    /// The provider sends the ids of all entries instead of the changes.
    ChangesNotRemembered,
    /// The memory of changes is too short.
    MemoryTooShort,
    /// The identity is not shown what the provider remembers of changes.
    MemoryUnseen,
    /// Deletes are left out, because the provider was told not to say what is present.
    DeletesLeftOut,
    /// A sync search does not hear of changes that a plain search shows.
    Lags,
    /// A sync search hides entries that a plain search shows.
    Hides,
    /// The provider ends when a consumer comes back with a cookie.
    EndsAtCookie,
    /// The changelog leaves changes out.
    ChangesLeftOut,
    /// The identity is not shown whether the changelog leaves changes out.
    LeftOutUnseen,
    /// A SASL bind may not act as the identity that it asks for.
    MayNotActAs,
    /// A SASL bind failed with the result `other` (80): the provider could not check the user.
    UserNotChecked,
    /// The provider offers no SASL security layer that can be used.
    NoSecurityLayer,
}

impl Profile {
    /// Whether this provider can have made this cookie. A provider that is sent the cookie of another
    /// vendor may take it for none, or not answer at all.
    pub fn may_understand(&self, cookie: &[u8]) -> bool {
        self.cookies == Form::Opaque || self.cookies == Form::of(cookie)
    }

    /// Whether a refresh stage that began with a cookie, and says that it told what is present, really
    /// did: an entry that it left out is then gone. `named_present` is whether it named any.
    pub fn tells_what_is_present(&self, named_present: bool) -> bool {
        match self.present {
            Present::Told => true,
            Present::NotTold => false,
            Present::ToldIfNamed => named_present,
        }
    }

    /// Whether a refresh stage after a cookie that names no entry as present may either say that
    /// nothing is left (RFC 4533 §3.3.2) or tell changes only.
    pub fn may_tell_only_changes(&self) -> bool {
        self.present == Present::ToldIfNamed
    }

    /// An identity as a value of [`uuid_attribute`](Profile::uuid_attribute).
    pub fn uuid_to_value(&self, uuid: Uuid) -> String {
        let digits = uuid.simple().to_string();
        let mut rest = digits.chars();
        let groups: Vec<String> = self
            .uuid_groups
            .iter()
            .map(|&length| rest.by_ref().take(length).collect())
            .collect();
        groups.join("-")
    }

    /// The identity in a value of [`uuid_attribute`](Profile::uuid_attribute), wherever its hyphens
    /// stand. `None` if it is no identity.
    pub fn uuid_of_value(&self, value: &[u8]) -> Option<Uuid> {
        let digits: Vec<u8> = value.iter().copied().filter(|&byte| byte != b'-').collect();
        Uuid::try_parse_ascii(&digits).ok()
    }
}

impl Full {
    /// Whether a diagnostic says this.
    pub fn is_said(&self, diagnostic: &str) -> bool {
        contains(diagnostic, self.words)
    }
}

impl Deref for Provider {
    type Target = Profile;

    fn deref(&self) -> &Profile {
        self.0
    }
}

impl PartialEq for Provider {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Provider {}

impl Hash for Provider {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Whether a text contains a part, without regard to the case of ASCII letters.
pub(super) fn contains(text: &str, part: &str) -> bool {
    text.to_ascii_lowercase()
        .contains(&part.to_ascii_lowercase())
}
