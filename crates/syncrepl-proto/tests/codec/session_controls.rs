//! The Sync State control of an entry or a reference: in any position, repeated, or missing.

use syncrepl_proto::control::Control;
use syncrepl_proto::session::{SessionError, SyncEvent};
use syncrepl_proto::sync::{EntryState, SYNC_DONE, SYNC_STATE, SyncMode};

use crate::session::{ID, feed, hears, started};
use crate::wire::{self, uuid};

#[test]
fn sync_state_control_in_any_position() {
    let state = wire::state(EntryState::Delete, 4, None);
    let other = Control {
        oid: "1.2.3",
        critical: true,
        value: None,
    };
    let done = wire::control(SYNC_DONE, b"not even BER");
    let ours = wire::control(SYNC_STATE, &state);
    let deleted = || {
        Ok(SyncEvent::Delete {
            uuid: uuid(4),
            cookie: None,
        })
    };
    for controls in [
        &[ours, other, done][..],
        &[other, ours, done],
        &[done, other, ours],
        // The same control twice is no contradiction.
        &[ours, other, ours],
    ] {
        let mut session = started(SyncMode::RefreshOnly);
        hears!(session, wire::entry_with(ID, controls), deleted());
        hears!(session, wire::reference_with(ID, controls), deleted());
    }
}

#[test]
fn contradictory_sync_state_controls_are_errors() {
    let (delete, present) = (
        wire::state(EntryState::Delete, 4, None),
        wire::state(EntryState::Present, 4, None),
    );
    let [delete, present] = [&delete, &present].map(|value| wire::control(SYNC_STATE, value));
    let without_value = Control {
        value: None,
        ..delete
    };
    for controls in [
        [delete, present],
        [present, delete],
        [delete, without_value],
        [without_value, without_value],
    ] {
        let mut session = started(SyncMode::RefreshOnly);
        for bytes in [
            wire::entry_with(ID, &controls),
            wire::reference_with(ID, &controls),
        ] {
            let refused = matches!(feed(&mut session, &bytes), Err(SessionError::Decode(_)));
            assert!(refused, "{controls:?}");
        }
    }
}

#[test]
fn missing_sync_state_control() {
    let mut session = started(SyncMode::RefreshOnly);
    hears!(
        session,
        wire::entry_with(ID, &[]),
        Err(SessionError::WithoutState("an entry"))
    );
    let reference = wire::reference_with(ID, &[]);
    hears!(
        session,
        reference,
        Err(SessionError::WithoutState("a reference"))
    );
    session.skip_references_without_state(true);
    hears!(session, reference, Ok(SyncEvent::Nothing));
    hears!(
        session,
        wire::entry_with(ID, &[]),
        Err(SessionError::WithoutState("an entry"))
    );
    // A reference with the control still counts.
    let present = wire::reference(ID, EntryState::Present, 1, None);
    hears!(
        session,
        present,
        Ok(SyncEvent::Present {
            uuid: uuid(1),
            cookie: None
        })
    );
}
