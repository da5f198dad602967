//! What to do about it, where that is more than a few words. `docs/providers.md` says the same at length.

/// The overlay is not on this database.
pub(super) const SYNCPROV: &str = "\
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

/// The plug-ins of 389-ds.
pub(super) const PLUGINS: &str = "\
switch two plug-ins on, as the Directory Manager, then restart the server:
  dsconf INSTANCE plugin retro-changelog enable
  dsconf INSTANCE plugin contentsync enable
or nsslapd-pluginEnabled: on in cn=Retro Changelog Plugin,cn=plugins,cn=config and in
cn=Content Synchronization,cn=plugins,cn=config";

/// Whoever it is.
pub(super) const OTHER: &str =
    "this server has to offer RFC 4533 (LDAP Content Synchronization) for this base";

/// slapd sent all ids where a log would have told the changes.
pub(super) const SESSION_LOG: &str = "\
after each break the ids of all entries are sent, which is right, and slow if they are many. To have changes
only: syncprov-sessionlog 10000 (olcSpSessionlog: 10000) in the overlay, or an accesslog as its source
if there is one: it was emptied by a restart of slapd, is too short, or this identity may not read cn=log";

/// A slapd that stopped the search.
pub(super) const LIMITS_SLAPD: &str = "\
raise the limits for this identity, in the section of the database:
  slapd.conf:  limits dn.exact=\"cn=reader,dc=example,dc=com\" size=unlimited time=unlimited
  cn=config:   olcLimits: dn.exact=\"cn=reader,dc=example,dc=com\" size=unlimited time=unlimited";

/// A 389-ds that stopped the search.
pub(super) const LIMITS_389: &str = "\
raise the limits in the entry of this identity:
  nsSizeLimit: -1
  nsLookThroughLimit: -1
  nsTimeLimit: -1";

/// The identity may not search for entries by what they are known by.
pub(super) const SEARCH_BY_ID: &str = "\
grant this identity to search and read entryUUID (nsUniqueId on 389-ds), and index it (an index that was
added to a database with entries needs slapindex). Until then each entry is looked at by its name before it is
said to be gone, which takes longer";

/// The search shows nothing.
pub(super) const NOTHING_READABLE: &str = "\
grant this identity to read there: the entries, and the attributes that the filter asks for
  slapd:   access to dn.subtree=\"dc=example,dc=com\" by dn.exact=\"cn=reader,dc=example,dc=com\" read
  389-ds:  an aci that allows (read, search, compare)";
