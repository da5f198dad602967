//! The provider's answers to everything but a sync search: binds, the root DSE, and plain searches,
//! which show the newest state.

use syncrepl_client::Scope;
use syncrepl_proto::attributes::AttributeList;
use syncrepl_proto::ber::{DecodeError, Reader};
use syncrepl_proto::control::Control;
use syncrepl_proto::dn;
use syncrepl_proto::message::{
    CANCEL, LdapResult, Message, Operation, SearchRequest, SearchResultEntry,
};
use syncrepl_proto::sync::{SYNC_DONE, SYNC_REQUEST, SyncDone, SyncRequest};

use crate::chance::Purpose;
use crate::cookie;
use crate::directory::{Directory, Id, Values, uuid};
use crate::options::Profile;
use crate::plan::Answer;
use crate::world::World;

impl World {
    /// Takes the requests that have arrived on a connection.
    pub fn take_requests(&mut self, number: u64) {
        loop {
            let Some(connection) = self.connections.get_mut(&number) else {
                return;
            };
            let request = match connection.inbox.poll_message() {
                Ok(Some(bytes)) => bytes.to_vec(),
                Ok(None) => return,
                Err(error) => return self.finding(format_args!("the consumer sent {error}")),
            };
            self.take_time();
            match Message::decode(&request) {
                Ok(message) => self.take_request(number, &message),
                Err(error) => self.finding(format_args!("the consumer sent {error}")),
            }
        }
    }

    fn take_request(&mut self, number: u64, message: &Message<'_>) {
        let success = LdapResult::new(0);
        match &message.op {
            Operation::BindRequest(_) => {
                if self.fault(Purpose::ConnectFaults, 40) {
                    return self.close(number);
                }
                let answer = Operation::BindResponse(success, None);
                self.put(number, &Message::encode(message.id, &answer, &[]));
            }
            Operation::UnbindRequest => self.close(number),
            Operation::AbandonRequest(id) => {
                if let Some(connection) = self.connections.get_mut(&number)
                    && connection
                        .sync
                        .as_ref()
                        .is_some_and(|sync| sync.message == *id)
                {
                    connection.sync = None;
                }
            }
            Operation::ExtendedRequest { name: CANCEL, .. } => self.cancel(number, message.id),
            Operation::ExtendedRequest { .. } => {
                let answer = Operation::ExtendedResponse {
                    result: success,
                    name: None,
                    value: Some(b"dn:cn=reader"),
                };
                self.put(number, &Message::encode(message.id, &answer, &[]));
            }
            Operation::SearchRequest(request) => match message.controls.find(SYNC_REQUEST) {
                // With a very old cookie, to see whether deletes are left out: they are not.
                Some(_) if request.scope == Scope::Base => {
                    self.nothing_left_out(number, message.id)
                }
                Some(control) => self.sync_search(number, message.id, control.value),
                None if request.base.is_empty() => self.root_dse(number, message.id),
                None if self.is_configuration(request.base) => {
                    self.configuration(number, message.id, request.base);
                }
                // The model does not show what its newest change is.
                None if request.attributes == ["contextCSN"] => {
                    self.result(number, message.id, 0, "");
                }
                None => self.plain_search(number, message.id, request),
            },
            other => self.finding(format_args!("the consumer sent {}", other.name())),
        }
    }

    fn cancel(&mut self, number: u64, id: u32) {
        let running = self
            .connections
            .get_mut(&number)
            .and_then(|c| c.sync.take());
        let profile = self.options.profile;
        let code = match profile {
            Profile::Ds389 => 2,
            Profile::Unknown if self.draw(Purpose::Cancel).u8(0..3) == 0 => {
                return self.close(number);
            }
            Profile::Unknown if self.draw(Purpose::Cancel).u8(0..3) == 0 => {
                return self.log("  Cancel is not answered");
            }
            _ => 0,
        };
        if let Some(sync) = running
            && code == 0
        {
            self.result(number, sync.message, 118, "");
        }
        let answer = Operation::ExtendedResponse {
            result: LdapResult::new(code),
            name: None,
            value: None,
        };
        self.put(number, &Message::encode(id, &answer, &[]));
    }

    fn sync_search(&mut self, number: u64, id: u32, value: Option<&[u8]>) {
        let request = match SyncRequest::decode(value.unwrap_or_default()) {
            Ok(request) => request,
            Err(error) => return self.finding(format_args!("the consumer sent {error}")),
        };
        let sent = request.cookie.map(String::from_utf8_lossy);
        self.log(format_args!(
            " sync search {:?} cookie={sent:?}",
            request.mode
        ));
        match self.answer(id, request.mode, request.cookie) {
            Answer::Sync(sync) => {
                self.log(format_args!("  plan {:?}", sync.items));
                if let Some(connection) = self.connections.get_mut(&number) {
                    connection.sync = Some(sync);
                }
            }
            Answer::Result(code, words) => {
                self.log(format_args!("  result {code} {words}"));
                self.result(number, id, code, words);
            }
            Answer::Close => {
                self.log("  cut");
                self.close(number);
            }
        }
    }

    fn nothing_left_out(&mut self, number: u64, id: u32) {
        let value = SyncDone {
            cookie: None,
            refresh_deletes: false,
        }
        .encode();
        let control = Control {
            oid: SYNC_DONE,
            critical: false,
            value: Some(&value),
        };
        let done = Operation::SearchResultDone(LdapResult::new(0));
        self.put(number, &Message::encode(id, &done, &[control]));
    }

    fn root_dse(&mut self, number: u64, id: u32) {
        // The range of changes that its log still has.
        let first = (self.oldest + 1).to_string();
        let last = self.lineage[self.lineage.len() - 1].to_string();
        let list = match self.options.profile {
            _ if self.options.hides_root_dse => Vec::new(),
            Profile::Slapd { .. } => vec![("objectClass", vec![&b"OpenLDAProotDSE"[..]])],
            Profile::Ds389 => vec![
                ("vendorName", vec![&b"389 Project"[..]]),
                ("firstchangenumber", vec![first.as_bytes()]),
                ("lastchangenumber", vec![last.as_bytes()]),
            ],
            Profile::Unknown => vec![("vendorName", vec![&b"Somebody"[..]])],
        };
        let mut list = list;
        if !self.options.hides_root_dse {
            list.push(("namingContexts", vec![&b"dc=x"[..]]));
        }
        self.show(number, id, "", &AttributeList::encode(list));
        self.result(number, id, 0, "");
    }

    /// Whether this is an entry by which a 389-ds tells what its changelog keeps.
    fn is_configuration(&self, base: &str) -> bool {
        let changelog = self.options.profile.vendor().changelog;
        changelog
            .is_some_and(|changelog| base == changelog.entry || base == changelog.started.entry)
    }

    /// The model's changelog keeps everything, which its configuration shows.
    fn configuration(&mut self, number: u64, id: u32, base: &str) {
        let list = [("startTime", vec![&b"20261130000000Z"[..]])];
        self.show(number, id, base, &AttributeList::encode(list));
        self.result(number, id, 0, "");
    }

    fn plain_search(&mut self, number: u64, id: u32, request: &SearchRequest<'_>) {
        self.told = self.versions.len() - 1;
        self.count(request);
        if self.fault(Purpose::SearchFaults, 20) {
            self.log("  a search fails");
            return match self.draw(Purpose::SearchFaults).bool() {
                true => self.close(number),
                false => self.result(number, id, 52, "it is so"),
            };
        }
        if self.budget > 0 && self.draw(Purpose::SearchMoments).u8(0..4) == 0 {
            self.budget -= 1;
            self.change();
        }
        self.before_search();
        let directory = self.directory();
        let found = self.find(&directory, request);
        self.log(format_args!(
            " search of {} {:?} finds {found:?}",
            request.base, request.scope
        ));
        let base = self.key(request.base);
        let exists = directory
            .entries
            .keys()
            .any(|&id| !directory.entries[&id].denied && self.key(&directory.dn(id)) == base);
        if !exists {
            return self.result(number, id, 32, "");
        }
        self.show_found(number, id, request, (&directory, &found));
    }

    /// The entries that the provider shows for a search.
    fn find(&self, directory: &Directory, request: &SearchRequest<'_>) -> Vec<Id> {
        let base = self.key(request.base);
        let in_scope = |id: Id| {
            let key = self.key(&directory.dn(id));
            match request.scope {
                Scope::Base => key == base,
                Scope::One => dn::parent_key(&key) == Some(base.as_slice()),
                Scope::Subtree => dn::is_within(&key, &base),
            }
        };
        let is_found = |id: &Id| {
            let entry = &directory.entries[id];
            let matches = || self.matches(directory, *id, request.filter);
            in_scope(*id) && !entry.denied && !entry.subentry && matches().unwrap_or(false)
        };
        directory.entries.keys().copied().filter(is_found).collect()
    }

    /// Sends what a search found, and its result, unless a fault cuts the connection in between.
    fn show_found(
        &mut self,
        number: u64,
        id: u32,
        request: &SearchRequest<'_>,
        (directory, found): (&Directory, &[Id]),
    ) {
        let cut = self
            .fault(Purpose::SearchFaults, 60)
            .then(|| self.draw(Purpose::SearchFaults).usize(0..=found.len()));
        for (index, entry) in found.iter().enumerate() {
            self.searches.shown += 1;
            if cut == Some(index) {
                self.log("  cut");
                return self.close(number);
            }
            let dn = self.spelled(Purpose::SearchWords, directory.dn(*entry));
            let more = self.operational(*entry, &request.attributes);
            let list = directory.attributes(*entry, Values::All, &more);
            self.show(number, id, &dn, &list);
        }
        self.result(number, id, 0, "");
    }

    /// The operational attributes of an entry that the consumer requested.
    fn operational(&self, id: Id, wanted: &[&str]) -> Vec<(&'static str, String)> {
        let vendor = self.options.profile.vendor();
        let mut list = Vec::new();
        if wanted.contains(&vendor.uuid_attribute) {
            list.push((vendor.uuid_attribute, vendor.uuid_to_value(uuid(id))));
        }
        if wanted.contains(&"entryCSN") && self.options.shows_csn {
            list.push(("entryCSN", self.csn(id)));
        }
        list
    }

    /// The entryCSN of an entry, which names the last change of the entry itself.
    fn csn(&self, id: Id) -> String {
        let own = |version: &&usize| {
            let change = &self.versions[**version].change;
            change.as_ref().is_some_and(|change| change.id() == id)
        };
        let last = self.lineage.iter().rev().find(own).copied().unwrap_or(0);
        cookie::csn(self.versions[last].node, last)
    }

    /// Counts a search by its kind, which its scope, base and filter show.
    fn count(&mut self, request: &SearchRequest<'_>) {
        let asks_for = |name: &str| {
            let name = name.as_bytes();
            request.filter.windows(name.len()).any(|part| part == name)
        };
        let searches = &mut self.searches;
        let counted = if request.scope == Scope::Base {
            &mut searches.base
        } else if asks_for("hasSubordinates") || asks_for("numSubordinates") {
            &mut searches.parents
        } else if asks_for(self.options.profile.vendor().uuid_attribute) {
            &mut searches.by_uuid
        } else if asks_for("entryDN") {
            &mut searches.by_dn
        } else if request.base == self.options.search.base_dn() {
            &mut searches.whole
        } else {
            &mut searches.below
        };
        *counted += 1;
    }

    fn show(&mut self, number: u64, id: u32, dn: &str, attributes: &[u8]) {
        match AttributeList::decode(attributes) {
            Ok(attributes) => {
                let entry = Operation::SearchResultEntry(SearchResultEntry { dn, attributes });
                self.put(number, &Message::encode(id, &entry, &[]));
            }
            Err(error) => self.finding(format_args!("the model cannot encode: {error}")),
        }
    }

    /// Whether an entry matches a filter. An attribute that the model does not know matches
    /// nothing.
    fn matches(&self, directory: &Directory, id: Id, filter: &[u8]) -> Result<bool, DecodeError> {
        let element = Reader::new(filter, "filter").element()?;
        let mut inner = Reader::new(element.value, "filter");
        let each = |mut inner: Reader<'_>| -> Result<Vec<bool>, DecodeError> {
            let mut results = Vec::new();
            while !inner.is_empty() {
                results.push(self.matches(directory, id, inner.element()?.raw)?);
            }
            Ok(results)
        };
        Ok(match element.tag {
            0xa0 => each(inner)?.into_iter().all(|matched| matched),
            0xa1 => each(inner)?.into_iter().any(|matched| matched),
            0xa2 => !each(inner)?.into_iter().any(|matched| matched),
            0x87 => element.value.eq_ignore_ascii_case(b"objectClass"),
            0xa3 | 0xa5 => {
                let (name, value) = (inner.string("attribute")?, inner.string("value")?);
                let vendor = self.options.profile.vendor();
                match name {
                    name if name == vendor.uuid_attribute => {
                        !self.options.uuid_unsearchable && vendor.uuid_to_value(uuid(id)) == value
                    }
                    "title" => directory.entries[&id].keep && value == "keep",
                    "hasSubordinates" | "numSubordinates" => {
                        directory.children(id).next().is_some()
                    }
                    _ => false,
                }
            }
            _ => false,
        })
    }
}
