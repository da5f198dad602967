//! The events do not depend on how the stream is split.

use proptest::prelude::*;

use crate::conversation::{conversation, cuts, places};

proptest! {
    #[test]
    fn events_ignore_splits(conversation in conversation(), cuts in cuts()) {
        let stream = conversation.messages.concat();
        let whole = conversation.hear(&stream, &[]);
        // A legal stream: one event for each message, and no error.
        prop_assert_eq!(whole.len(), conversation.messages.len());
        prop_assert!(!whole.iter().any(|event| event.starts_with("ERROR")), "{:?}", whole);
        prop_assert_eq!(&conversation.hear(&stream, &places(&stream, &cuts)), &whole);
    }

    #[test]
    fn events_ignore_single_bytes(conversation in conversation()) {
        let stream = conversation.messages.concat();
        let everywhere: Vec<_> = (0..=stream.len()).collect();
        let whole = conversation.hear(&stream, &[]);
        prop_assert_eq!(conversation.hear(&stream, &everywhere), whole);
    }
}
