//! However the stream is cut, the events are the same.

use proptest::prelude::*;

use crate::conversation::{conversation, cuts, places};

proptest! {
    #[test]
    fn any_split_gives_the_same_events(conversation in conversation(), cuts in cuts()) {
        let stream = conversation.messages.concat();
        let whole = conversation.hear(&stream, &[]);
        // Legal to the end: one event for each message, not one an error.
        prop_assert_eq!(whole.len(), conversation.messages.len());
        prop_assert!(!whole.iter().any(|event| event.starts_with("ERROR")), "{:?}", whole);
        prop_assert_eq!(&conversation.hear(&stream, &places(&stream, &cuts)), &whole);
    }

    #[test]
    fn byte_by_byte_gives_the_same_events(conversation in conversation()) {
        let stream = conversation.messages.concat();
        let everywhere: Vec<_> = (0..=stream.len()).collect();
        let whole = conversation.hear(&stream, &[]);
        prop_assert_eq!(conversation.hear(&stream, &everywhere), whole);
    }
}
