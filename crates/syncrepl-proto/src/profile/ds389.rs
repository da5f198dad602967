//! 389 Directory Server and its relatives (Red Hat Directory Server, FreeIPA). We observed all of
//! this on 2.3.1, with the plug-ins Content Synchronization and Retro Changelog; the tests also run on 3.1.2.

use super::fields::{Changelog, Clock, Full, Memory, Present, Profile, Provider, Support, Trouble};
use super::unknown;
use crate::cookie::Form;

/// 389 Directory Server.
pub const PROVIDER: Provider = Provider(&Profile {
    name: "389-ds",
    title: "389 Directory Server",
    support: Support::Tested,
    vendor_names: &["389", "red hat", "fedora"],
    // To a cookie of another form it may not answer at all.
    cookies: Form::Numbered,
    // After a cookie it sends changes only, and says that it told what is present.
    present: Present::NotTold,
    // It tells what became of the entries that match, and what was deleted. Of an entry that a change
    // has taken out of the filter or the scope it says nothing. And it sends all user attributes,
    // whichever were asked for.
    resumes_whole_trees_only: true,
    // It sends entries and values that its access rules hide from this identity.
    persists_without_access_control: true,
    sends_entries_as_stored: false,
    passes_over_forgotten_changes: true,
    // The refresh stage has read the changelog to its end, and the persist stage does not yet listen.
    misses_changes_between_stages: true,
    // It tells neither noSuchObject nor sizeLimitExceeded in mode refreshAndPersist.
    refuses_in_silence: true,
    refuses_anonymous: true,
    rejects_cookie,
    full: Some(FULL),
    keeps_naming_contexts_apart: true,
    // The identity in a Sync State control is made of this, even where entries have an entryUUID.
    uuid_attribute: "nsUniqueId",
    uuid_groups: &[8, 8, 8, 8],
    shown_by_star_only: Some("aci"),
    // It keeps this number with each entry that has children. A search for hasSubordinates shows the
    // same entries: it is answered by this number, to which the reader needs the right.
    has_children: "(numSubordinates>=1)",
    sends_references_without_state: true,
    memory: Memory::ShownInRootDse,
    clock: Some(Clock {
        entry: "cn=monitor",
        attribute: "currentTime",
    }),
    changelog: Some(CHANGELOG),
    hint,
    advice,
    ..unknown::PROFILE
});

/// The plug-in Retro Changelog. The root DSE has lastusn where the plug-in USN is on: one number for each
/// database, or a single one with nsslapd-entryusn-global. A modify of an entry that is missing and an add
/// of one that is there take one away from it.
const CHANGELOG: Changelog = Changelog {
    entry: "cn=Retro Changelog Plugin,cn=plugins,cn=config",
    only: "nsslapd-include-suffix",
    except: "nsslapd-exclude-suffix",
    without: "nsslapd-exclude-attrs",
    started: Clock {
        entry: "cn=monitor",
        attribute: "startTime",
    },
    counters: "cn=snmp,cn=monitor",
    requests: &[
        "addEntryOps",
        "modifyEntryOps",
        "modifyRdnOps",
        "removeEntryOps",
    ],
    own_option: "changelog",
};

const FULL: Full = Full {
    words: "too many active synchronization sessions",
    hint: "389-ds serves ten consumers that follow, no more: stop one of them, or have some of them \
           refresh at intervals",
};

/// 389-ds rejects a cookie in several wordings, none of them slapd's. Every 53 rejects the cookie, except
/// the one that says that it serves no more consumers.
fn rejects_cookie(diagnostic: &str) -> bool {
    !FULL.is_said(diagnostic)
}

fn hint(trouble: Trouble) -> Option<&'static str> {
    Some(match trouble {
        Trouble::SyncIsOff => "the plug-in Content Synchronization",
        Trouble::SizeLimit => "nsSizeLimit",
        Trouble::LookThroughLimit => "nsLookThroughLimit",
        Trouble::NotReadable => "an aci that allows read, search and compare",
        Trouble::MemoryTooShort => "nsslapd-changelogmaxage",
        Trouble::MemoryUnseen => {
            "grant this identity to read firstChangeNumber and lastChangeNumber of the root DSE; is the \
             Retro Changelog plug-in on?"
        }
        Trouble::ChangesLeftOut => {
            "remove nsslapd-include-suffix, nsslapd-exclude-suffix and nsslapd-exclude-attrs from \
             cn=Retro Changelog Plugin,cn=plugins,cn=config, or have them take in all that is copied, then \
             restart the server"
        }
        Trouble::LeftOutUnseen => {
            "let this identity read cn=Retro Changelog Plugin,cn=plugins,cn=config, with an aci there that \
             has targetattr=\"*\", and restart the server"
        }
        _ => return None,
    })
}

fn advice(trouble: Trouble) -> Option<&'static str> {
    match trouble {
        Trouble::SyncIsOff => Some(PLUGINS),
        Trouble::Limited => Some(LIMITS),
        _ => None,
    }
}

const PLUGINS: &str = "\
switch two plug-ins on, as the Directory Manager, then restart the server:
  dsconf INSTANCE plugin retro-changelog enable
  dsconf INSTANCE plugin contentsync enable
or nsslapd-pluginEnabled: on in cn=Retro Changelog Plugin,cn=plugins,cn=config and in
cn=Content Synchronization,cn=plugins,cn=config";

const LIMITS: &str = "\
raise the limits in the entry of this identity:
  nsSizeLimit: -1
  nsLookThroughLimit: -1
  nsTimeLimit: -1";
