//! The questions that a provider can answer: plain searches beside the sync search.
//! [`super::lookup`] makes them.

use syncrepl_proto::Uuid;
use syncrepl_proto::attributes::AttributeList;

use crate::error::Result;

/// Takes an entry that was asked for: entryUUID, DN, attributes.
pub(crate) type Found<'a> = dyn FnMut(Uuid, &str, AttributeList<'_>) -> Result<()> + 'a;

/// Takes an entry that was located.
pub(crate) type Place<'a> = dyn FnMut(Located) + 'a;

/// The meaning of an answer that leaves out an entry asked for by its entryUUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Absent {
    /// It is not in the search result.
    IsGone,
    /// entryUUID cannot be searched: the entry is not under the DN at which it was read, and may be
    /// under another.
    MayHaveMoved,
}

/// How entries could be found by their entryUUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Searched {
    /// In a search.
    ByUuid,
    /// entryUUID may not be searched: each was read by its DN, and one that is not there may be
    /// anywhere.
    ByDn,
}

/// An entry found by its DN, or by its entryUUID, whatever the filter says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Located {
    pub(crate) uuid: Uuid,
    /// As the provider spells it.
    pub(crate) dn: String,
    /// Its entryCSN, if it has one that we may read.
    pub(crate) csn: Option<Vec<u8>>,
}

/// Searches that find an entry whatever the filter says.
pub(crate) trait Locate {
    /// Hands out where in the base these entries are. `present` is believed to be there: by it is
    /// seen whether entries may be searched by entryUUID at all.
    fn places(
        &mut self,
        wanted: &[(Uuid, String)],
        present: Option<Uuid>,
        found: &mut Place<'_>,
    ) -> Result<Searched>;

    /// The entries that bear these DNs, in their order; `None` for one that is not shown to us.
    fn named(&mut self, dns: &[String]) -> Result<Vec<Option<Located>>>;
}

/// Searches with the filter of the sync search.
pub(crate) trait Ask: Locate {
    /// Hands out those of the wanted entries that the search shows. `present` is an entry known to
    /// be there, by which is seen whether entries may be searched by entryUUID at all.
    fn by_uuid(
        &mut self,
        wanted: &[(Uuid, String)],
        present: Option<Uuid>,
        found: &mut Found<'_>,
    ) -> Result<Absent>;

    /// Names all that the search shows. Returns false when entryUUID may not be read.
    fn ids(&mut self, found: &mut dyn FnMut(Uuid) -> Result<()>) -> Result<bool>;

    /// The DNs of those among these entries that have children.
    fn with_children(&mut self, uuids: &[Uuid]) -> Result<Vec<String>>;

    /// Hands out what the search shows at and below a DN.
    fn below(&mut self, dn: &str, found: &mut Found<'_>) -> Result<()>;

    /// Hands out all that the search shows.
    fn whole(&mut self, found: &mut Found<'_>) -> Result<()>;
}
