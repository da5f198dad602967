//! Each scripted fault occurs, the consumer survives it, and the copy is right after the next
//! refresh.

use std::thread;

use syncrepl_client::SyncreplMode::{self, RefreshAndPersist, RefreshOnly};
use syncrepl_provider::{
    Armed, CookieFault, Cut, Extra, Fault, Moment, Order, Provider, RefreshStyle,
};

use super::{BASE, Copy, PERSON, SOON, company, error_of, shake, ways};

/// A copy that was up to date, and a directory that has changed since.
fn bench(style: RefreshStyle, mode: SyncreplMode) -> (Provider, Copy) {
    let provider = company().refresh_style(style).start().expect("it starts");
    let mut copy = Copy::new();
    copy.refresh(&provider, mode).expect("the first refresh");
    copy.assert_equals(&provider);
    shake(&provider);
    (provider, copy)
}

/// Runs one refresh with the fault, which may fail, and one without it. The copy must then be
/// right.
fn befalls(fault: &Fault, mode: SyncreplMode, provider: &Provider, copy: &mut Copy) -> Armed {
    let armed = provider.faults().next(fault.clone());
    let befallen = copy.refresh(provider, mode);
    provider.faults().clear();
    provider
        .add(&format!("cn=later,{BASE}"), [PERSON])
        .expect("an add");
    copy.refresh(provider, mode)
        .unwrap_or_else(|error| panic!("{fault:?}, first {befallen:?}: {error}"));
    copy.assert_equals(provider);
    armed
}

#[test]
fn copy_is_right_after_each_fault() {
    let moments = [
        Moment::RefreshStart,
        Moment::RefreshMiddle,
        Moment::RefreshEnd,
    ];
    let mut faults = vec![
        Fault::Cookie(CookieFault::LeftOut),
        Fault::Cookie(CookieFault::SetBack(0)),
        Fault::Cookie(CookieFault::SetBack(3)),
        Fault::Cookie(CookieFault::SetBack(1000)),
        Fault::Cookie(CookieFault::WithoutCsn),
        Fault::Cookie(CookieFault::Early),
        Fault::Order(Order::ChildrenFirst),
        Fault::Order(Order::Shuffled(1)),
        Fault::Order(Order::Shuffled(2)),
        Fault::Extra(Extra::Duplicates),
        Fault::Extra(Extra::Unsolicited),
        Fault::Extra(Extra::Stray),
        Fault::Extra(Extra::Disconnection),
    ];
    for code in [1, 2, 4, 50, 51, 52, 53, 80, 4096] {
        faults.extend(moments.map(|moment| Fault::Result(moment, code)));
    }
    for fault in &faults {
        for (style, mode) in ways() {
            let (provider, mut copy) = bench(style, mode);
            let armed = befalls(fault, mode, &provider, &mut copy);
            assert_eq!(armed.hits(), 1, "{fault:?} {style:?} {mode:?}");
        }
    }
}

#[test]
fn short_present_list_deletes_no_entry() {
    for length in [0, 1, 5] {
        for mode in [RefreshOnly, RefreshAndPersist] {
            let (provider, mut copy) = bench(RefreshStyle::PresentPhase, mode);
            let fault = Fault::ShortPresentList(length);
            assert_eq!(befalls(&fault, mode, &provider, &mut copy).hits(), 1);
            let ann = format!("delete cn=ann,ou=a,{BASE}");
            assert!(!copy.events().contains(&ann), "length {length}");
        }
    }
}

#[test]
fn cut_before_each_message() {
    for (style, mode) in ways() {
        for number in 1.. {
            let (provider, mut copy) = bench(style, mode);
            let before = copy.copied();
            let armed = provider
                .faults()
                .next(Fault::CutSync(Cut::BeforeMessage(number)));
            let result = copy.refresh(&provider, mode);
            assert_eq!(armed.hits(), 1);
            if result.is_ok() {
                assert!(number > 4, "{number} messages");
                break;
            }
            assert!(error_of(result).is_retryable());
            assert_eq!(copy.copied(), before, "cut before message {number}");
            copy.refresh(&provider, mode).expect("the next refresh");
            copy.assert_equals(&provider);
        }
    }
}

#[test]
fn cut_after_any_byte() {
    for (style, mode) in ways() {
        for bytes in (0..1400).step_by(61) {
            let (provider, mut copy) = bench(style, mode);
            let armed = provider
                .faults()
                .next(Fault::CutConnection(Cut::AfterBytes(bytes)));
            let _ = copy.refresh(&provider, mode);
            assert_eq!(armed.hits(), 1);
            copy.refresh(&provider, mode).expect("the next refresh");
            copy.assert_equals(&provider);
        }
    }
}

#[test]
fn stall_holds_until_release() {
    for moment in [
        Moment::RefreshStart,
        Moment::RefreshMiddle,
        Moment::RefreshEnd,
    ] {
        let (provider, mut copy) = bench(RefreshStyle::DeletePhase, RefreshOnly);
        let armed = provider.faults().next(Fault::Stall(moment));
        let copy = thread::scope(|scope| {
            let provider = &provider;
            let follower = scope.spawn(move || {
                copy.refresh(provider, RefreshOnly).expect("a refresh");
                copy
            });
            assert!(armed.wait(SOON));
            // The provider planned the refresh before the stall, so this delete is not in it.
            provider
                .delete(&format!("cn=dan,ou=a,{BASE}"))
                .expect("a delete");
            assert!(!follower.is_finished());
            provider.faults().release();
            follower.join().expect("the follower")
        });
        assert!(
            copy.told
                .map
                .committed()
                .contains_key(&format!("cn=dan,ou=a,{BASE}"))
        );
    }
}

#[test]
fn faults_of_the_persist_stage() {
    let faults = [
        Fault::Result(Moment::Persist, 80),
        Fault::Result(Moment::Persist, 51),
        Fault::Result(Moment::Persist, 4096),
        Fault::Stall(Moment::Persist),
        Fault::Cookie(CookieFault::LeftOut),
        Fault::Cookie(CookieFault::WithoutCsn),
        Fault::Cookie(CookieFault::SetBack(4)),
        Fault::Cookie(CookieFault::SetBack(1000)),
    ];
    for fault in faults {
        for style in [RefreshStyle::PresentPhase, RefreshStyle::DeletePhase] {
            let provider = company().refresh_style(style).start().expect("it starts");
            let mut copy = Copy::new();
            let last = format!("cn=last,{BASE}");
            let mut armed = None;
            let _ = copy.run(&provider, RefreshAndPersist, |told, provider| {
                if armed.is_none() {
                    assert!(provider.wait_persisting(1, SOON));
                    armed = Some(provider.faults().every(fault.clone()));
                    shake(provider);
                    provider.add(&last, [PERSON]).expect("an add");
                }
                let hit = armed.as_ref().is_some_and(|armed| armed.wait(SOON));
                // A stalled search sends nothing, so this run stops without an event.
                let stalls = fault == Fault::Stall(Moment::Persist);
                told.map.committed().contains_key(&last) || (hit && stalls)
            });
            copy.told.map.roll_back();
            assert!(armed.is_some_and(|armed| armed.hits() > 0), "{fault:?}");
            provider.faults().clear();
            provider
                .delete(&format!("cn=dan,ou=a,{BASE}"))
                .expect("a delete");
            copy.refresh(&provider, RefreshOnly)
                .expect("the next refresh");
            copy.assert_equals(&provider);
        }
    }
}
