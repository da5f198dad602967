//! OpenLDAP: slapd with the overlay syncprov. We observed all of this on 2.5.13; the tests
//! also run on 2.6.10.

use super::fields::{Clock, Memory, Present, Profile, Provider, Support, Trouble};
use super::unknown;
use crate::cookie::Form;

/// OpenLDAP's slapd.
pub const PROVIDER: Provider = Provider(&Profile {
    name: "OpenLDAP",
    title: "OpenLDAP",
    support: Support::Tested,
    // It has no vendorName.
    root_dse_class: Some("OpenLDAProotDSE"),
    // A cookie of another form it takes for none: it sends everything, and says that it told deletes.
    cookies: Form::Csns,
    present: Present::Told,
    // The overlays memberof, dynlist and nestgroup; the tree; the overlay accesslog, at the base.
    never_tells: &[
        "memberOf",
        "hasSubordinates",
        "numSubordinates",
        "auditContext",
    ],
    // slapd counts a change in its contextCSN before it writes the change into its session log. A
    // consumer that asks in between gets a cookie that covers a delete, and is never told of the delete.
    // Only before a search that persists does slapd wait for the changes that are under way.
    resumes_safely_only_to_persist: true,
    // A node that lagged behind and caught up has not heard of an entry that came and went meanwhile,
    // and its session log has not either. If another node has told the consumer of that entry, this node
    // never sends its delete.
    forgets_what_it_never_held: true,
    wants_new_password: Some("operations are restricted to bind"),
    // syncprov-nopresent in a database whose session log is empty or missing. And after a database was wiped
    // and loaded from its own provider, the new session log claims to reach back to its beginning.
    may_leave_deletes_out: true,
    // An overlay syncprov on a database that shows another one (back-relay) reads it once, at the start.
    newest_changes: Some("contextCSN"),
    // There is no rename across databases.
    keeps_naming_contexts_apart: true,
    heeds_abandon: true,
    memory: Memory::ShownByOlderCookie,
    clock: Some(Clock {
        entry: "cn=Current,cn=Time,cn=Monitor",
        attribute: "monitorTimestamp",
    }),
    hint,
    advice,
    ..unknown::PROFILE
});

fn hint(trouble: Trouble) -> Option<&'static str> {
    Some(match trouble {
        Trouble::SyncIsOff => "moduleload syncprov, and overlay syncprov on this database",
        Trouble::TimeLimit => "limits … time=unlimited",
        Trouble::SizeLimit => "limits … size=unlimited",
        Trouble::NotReadable => {
            "access to dn.subtree=\"dc=example,dc=com\" by dn.exact=\"cn=reader,dc=example,dc=com\" read"
        }
        Trouble::RootDseHidden => "access to dn.base=\"\" by * read",
        Trouble::NotIndexed => {
            "index entryUUID eq, or olcDbIndex: entryUUID eq, then slapindex if the database has entries"
        }
        Trouble::MemoryTooShort => "syncprov-sessionlog, logpurge of the accesslog",
        Trouble::MemoryUnseen => {
            "look again when there were some; the administrator sees it in cn=config (olcSpSessionlog)"
        }
        Trouble::DeletesLeftOut => {
            "take syncprov-nopresent (olcSpNoPresent) out of the overlay syncprov of this database: it \
             belongs to the database of an accesslog only"
        }
        Trouble::Lags => {
            "take the overlay syncprov off a database that shows another one (database relay): the one of \
             that other database answers"
        }
        Trouble::Hides => {
            "where a database is subordinate to this one, put overlay glue before overlay syncprov"
        }
        Trouble::EndsAtCookie => {
            "look for syncprov-nopresent with syncprov-reloadhint (olcSpNoPresent, olcSpReloadHint) in a \
             database that is no accesslog: with both, slapd may crash there"
        }
        Trouble::MayNotActAs => "authz-policy, and authzTo or authzFrom of the two",
        Trouble::UserNotChecked => {
            "it answers so to a name that it does not know, and when userPassword is hashed, or not open \
             to the right auth"
        }
        Trouble::NoSecurityLayer => "sasl-secprops; look at minssf and maxssf",
        _ => return None,
    })
}

fn advice(trouble: Trouble) -> Option<&'static str> {
    match trouble {
        Trouble::SyncIsOff => Some(SYNCPROV),
        Trouble::Limited => Some(LIMITS),
        Trouble::ChangesNotRemembered => Some(SESSION_LOG),
        _ => None,
    }
}

const SYNCPROV: &str = "\
switch the overlay syncprov on for the database that holds this base, then restart slapd
  in slapd.conf:  moduleload syncprov          (at the beginning)
                  overlay syncprov             (in the section of the database)
  in cn=config:   ldapmodify -Y EXTERNAL -H ldapi:///      (as root; {1}mdb is the database)
    dn: cn=module{0},cn=config
    changetype: modify
    add: olcModuleLoad
    olcModuleLoad: syncprov

    dn: olcOverlay=syncprov,olcDatabase={1}mdb,cn=config
    changetype: add
    objectClass: olcOverlayConfig
    objectClass: olcSyncProvConfig
    olcOverlay: syncprov
with cn=config no restart is needed";

const LIMITS: &str = "\
raise the limits for this identity, in the section of the database:
  slapd.conf:  limits dn.exact=\"cn=reader,dc=example,dc=com\" size=unlimited time=unlimited
  cn=config:   olcLimits: dn.exact=\"cn=reader,dc=example,dc=com\" size=unlimited time=unlimited";

const SESSION_LOG: &str = "\
after each break the ids of all entries are sent, which is right, and slow if they are many. To have changes
only: syncprov-sessionlog 10000 (olcSpSessionlog: 10000) in the overlay, or an accesslog as its source
if there is one: it was emptied by a restart of slapd, is too short, or this identity may not read cn=log";
