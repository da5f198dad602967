//! The answer to a plain search.

use std::sync::atomic::Ordering;

use syncrepl_client::Scope;
use syncrepl_proto::attributes::AttributeList;
use syncrepl_proto::message::{LdapResult, Operation, SearchRequest, SearchResultEntry};
use syncrepl_proto::profile::{ds389, openldap};

use super::peer::Peer;
use super::script::{Shown, uuid};

impl Peer {
    /// A plain search: by entryUUID if the filter names any, else by base.
    pub(super) fn look_up(&mut self, id: u32, request: &SearchRequest<'_>) -> bool {
        let mut lookups = 0;
        self.log(|log| {
            log.lookups += 1;
            lookups = log.lookups;
        });
        if lookups > self.shared.answered.load(Ordering::SeqCst) {
            return true;
        }
        let filter = String::from_utf8_lossy(request.filter).into_owned();
        let asks_for_children = filter.contains("Subordinates");
        let wants_description = filter.contains("description");
        let shown = self.next_shown();
        let provider = match self.shared.vendor.contains("389") {
            true => ds389::PROVIDER,
            false => openldap::PROVIDER,
        };
        let searchable = !self.shared.unsearchable.load(Ordering::SeqCst);
        for (number, dn, text) in &shown {
            let by_uuid = filter.contains(provider.uuid_attribute);
            let identity = provider.uuid_to_value(uuid(*number));
            let named = filter.contains(&identity);
            let parent = shown
                .iter()
                .any(|(_, other, _)| other.ends_with(&format!(",{dn}")));
            let matches = match (by_uuid, request.scope) {
                (true, _) => searchable && named && (parent || !asks_for_children),
                (false, Scope::Base) => dn == request.base,
                (false, _) => dn.ends_with(request.base),
            };

            if matches && !(wants_description && text.is_empty()) {
                let attributes = AttributeList::encode([
                    ("objectClass", vec![&b"device"[..]]),
                    ("description", vec![text.as_bytes()]),
                    (provider.uuid_attribute, vec![identity.as_bytes()]),
                ]);
                let attributes = AttributeList::decode(&attributes).expect("attributes");
                let entry = Operation::SearchResultEntry(SearchResultEntry { dn, attributes });
                self.send(id, &entry, &[]);
            }
        }
        self.send(id, &Operation::SearchResultDone(LdapResult::new(0)), &[])
    }

    fn next_shown(&self) -> Vec<Shown> {
        let mut answers = self.shared.shown.lock().expect("shown");
        match answers.len() {
            0 => self.shared.sent.lock().expect("sent").clone(),
            1 => answers.front().cloned().unwrap_or_default(),
            _ => answers.pop_front().unwrap_or_default(),
        }
    }
}
