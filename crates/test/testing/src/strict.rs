//! A map by DN that applies each event that a consumer is told of, and says which event does not
//! fit. Such a map is what a user of the product keeps, so every event must fit.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;

/// The map with what was told so far, and the map of the last commit. `K` is a DN, as told or
/// normalised; `V` is whatever the map keeps of an entry.
///
/// Each method applies its event as far as it can, even if the event does not fit, so that one
/// fault does not hide the next.
#[derive(Debug, Clone)]
pub struct StrictMap<K, V> {
    now: BTreeMap<K, V>,
    committed: BTreeMap<K, V>,
}

/// The reason why an event does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Misfit<V> {
    /// An add or a rename gives an entry a DN that this other entry held.
    Taken(V),
    /// A delete, rename or change is about a DN that no entry holds.
    Missing,
    /// A delete, rename or change is about a DN at which the map holds this, not what the event says.
    Other(V),
}

impl<V: fmt::Debug> fmt::Display for Misfit<V> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Misfit::Taken(holder) => write!(out, "the DN is taken by {holder:?}"),
            Misfit::Missing => out.write_str("no entry has this DN"),
            Misfit::Other(held) => write!(out, "the map holds {held:?} there"),
        }
    }
}

impl<V: fmt::Debug> std::error::Error for Misfit<V> {}

impl<K, V> Default for StrictMap<K, V> {
    fn default() -> Self {
        StrictMap {
            now: BTreeMap::new(),
            committed: BTreeMap::new(),
        }
    }
}

/// From a map that is complete and committed.
impl<K: Clone, V: Clone> From<BTreeMap<K, V>> for StrictMap<K, V> {
    fn from(map: BTreeMap<K, V>) -> Self {
        StrictMap {
            committed: map.clone(),
            now: map,
        }
    }
}

impl<K: Ord + Clone, V: Clone> StrictMap<K, V> {
    /// The map with everything that was told.
    pub fn now(&self) -> &BTreeMap<K, V> {
        &self.now
    }

    /// The map as of the last commit.
    pub fn committed(&self) -> &BTreeMap<K, V> {
        &self.committed
    }

    /// An entry appeared.
    pub fn add(&mut self, dn: K, entry: V) -> Result<(), Misfit<V>> {
        match self.now.insert(dn, entry) {
            None => Ok(()),
            Some(holder) => Err(Misfit::Taken(holder)),
        }
    }

    /// An entry disappeared; `is` says whether the event describes what the map holds.
    pub fn delete<Q>(&mut self, dn: &Q, is: impl FnOnce(&V) -> bool) -> Result<V, Misfit<V>>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        match self.now.remove(dn) {
            Some(held) if is(&held) => Ok(held),
            Some(held) => Err(Misfit::Other(held)),
            None => Err(Misfit::Missing),
        }
    }

    /// An entry got another DN; `renamed` is what the map keeps of it from now on.
    pub fn rename<Q>(
        &mut self,
        old_dn: &Q,
        dn: K,
        is: impl FnOnce(&V) -> bool,
        renamed: impl FnOnce(V) -> V,
    ) -> Result<(), Misfit<V>>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        let held = self.now.remove(old_dn).ok_or(Misfit::Missing)?;
        let other = (!is(&held)).then(|| held.clone());
        match (self.now.insert(dn, renamed(held)), other) {
            (Some(holder), _) => Err(Misfit::Taken(holder)),
            (None, Some(other)) => Err(Misfit::Other(other)),
            (None, None) => Ok(()),
        }
    }

    /// An entry stayed where it is and says something else.
    pub fn change(
        &mut self,
        dn: K,
        was: impl FnOnce(&V) -> bool,
        entry: V,
    ) -> Result<(), Misfit<V>> {
        match self.now.insert(dn, entry) {
            Some(held) if was(&held) => Ok(()),
            Some(held) => Err(Misfit::Other(held)),
            None => Err(Misfit::Missing),
        }
    }

    /// Everything that was told is durable now.
    pub fn commit(&mut self) {
        self.committed.clone_from(&self.now);
    }

    /// Everything that was told since the last commit is void.
    pub fn roll_back(&mut self) {
        self.now.clone_from(&self.committed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Map = StrictMap<&'static str, u8>;

    fn holding(entries: &[(&'static str, u8)]) -> Map {
        entries.iter().copied().collect::<BTreeMap<_, _>>().into()
    }

    #[test]
    fn events_that_fit() {
        let mut map = Map::default();
        assert_eq!(map.add("a", 1), Ok(()));
        assert_eq!(map.change("a", |was| *was == 1, 2), Ok(()));
        assert_eq!(map.rename("a", "b", |was| *was == 2, |was| was + 1), Ok(()));
        assert_eq!(map.now(), holding(&[("b", 3)]).now());
        assert_eq!(map.delete("b", |was| *was == 3), Ok(3));
        assert!(map.now().is_empty());
    }

    #[test]
    fn taken_name() {
        let mut map = holding(&[("a", 1), ("b", 2)]);
        assert_eq!(map.add("a", 3), Err(Misfit::Taken(1)));
        let renamed = map.rename("a", "b", |_| true, |was| was);
        assert_eq!(renamed, Err(Misfit::Taken(2)));
        assert_eq!(
            map.now(),
            holding(&[("b", 3)]).now(),
            "applied all the same"
        );
    }

    #[test]
    fn missing_entry() {
        let mut map = Map::default();
        assert_eq!(map.delete("a", |_| true), Err(Misfit::Missing));
        let renamed = map.rename("a", "b", |_| true, |was| was);
        assert_eq!(renamed, Err(Misfit::Missing));
        assert_eq!(map.change("a", |_| true, 1), Err(Misfit::Missing));
    }

    #[test]
    fn other_entry_than_told() {
        let mut map = holding(&[("a", 1)]);
        assert_eq!(map.change("a", |_| false, 2), Err(Misfit::Other(1)));
        let renamed = map.rename("a", "b", |_| false, |was| was);
        assert_eq!(renamed, Err(Misfit::Other(2)));
        assert_eq!(map.delete("b", |_| false), Err(Misfit::Other(2)));
    }

    #[test]
    fn rollback_goes_back_to_the_last_commit() {
        let mut map = Map::default();
        map.add("a", 1).unwrap();
        map.commit();
        map.add("b", 2).unwrap();
        map.roll_back();
        assert_eq!(map.now(), map.committed());
        assert_eq!(map.committed(), holding(&[("a", 1)]).now());
    }
}
