//! A provider that is not recognised: the most careful reading. Every other file here begins from it.

use super::fields::{Memory, Present, Profile, Provider, Support, Trouble, contains};
use crate::cookie::Form;

/// A provider of no known vendor.
pub const PROVIDER: Provider = Provider(&PROFILE);

pub(super) const PROFILE: Profile = Profile {
    name: "unknown",
    title: "unknown",
    support: Support::Untested,
    vendor_names: &[],
    root_dse_class: None,
    capabilities: &[],
    // It may be a known vendor that hides its root DSE. The cookie that it sends shows whether it
    // understood ours.
    cookies: Form::Opaque,
    present: Present::ToldIfNamed,
    resumes_whole_trees_only: false,
    resumes_safely_only_to_persist: false,
    forgets_what_it_never_held: false,
    may_leave_deletes_out: false,
    newest_changes: None,
    persists_without_access_control: false,
    // The most careful reading costs a search when values go.
    sends_entries_as_stored: true,
    never_tells: &[],
    passes_over_forgotten_changes: false,
    misses_changes_between_stages: false,
    refuses_in_silence: false,
    refuses_anonymous: false,
    rejects_cookie,
    full: None,
    wants_new_password: None,
    keeps_naming_contexts_apart: false,
    // RFC 4530.
    uuid_attribute: "entryUUID",
    uuid_groups: &[8, 4, 4, 4, 12],
    shown_by_star_only: None,
    // X.501.
    has_children: "(hasSubordinates=TRUE)",
    // RFC 4533 wants one with each reference. A provider that leaves it out breaks the protocol.
    sends_references_without_state: false,
    heeds_abandon: false,
    memory: Memory::Unseen,
    clock: None,
    changelog: None,
    hint: |_| None,
    advice,
};

/// The words of slapd (2.5.13), which may have hidden its root DSE: the cookie is ahead of the provider,
/// or the provider has no state at all. They mean nothing else.
fn rejects_cookie(diagnostic: &str) -> bool {
    ["consumer state is newer", "consumer has state info"]
        .iter()
        .any(|words| contains(diagnostic, words))
}

fn advice(trouble: Trouble) -> Option<&'static str> {
    (trouble == Trouble::SyncIsOff)
        .then_some("this server has to offer RFC 4533 (LDAP Content Synchronization) for this base")
}
