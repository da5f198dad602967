//! The cutter of the stream. However the bytes arrive, it gives the same messages, those of a plain
//! reading of the headers. An error stays.

use syncrepl_proto::frame::{FrameError, Frames};

/// Small, so that it is reached.
const LIMIT: usize = 1 << 16;

/// The first byte says in which pieces the others arrive.
pub fn frame(bytes: &[u8]) {
    let Some((&pieces, stream)) = bytes.split_first() else {
        return;
    };
    let (expected, fails) = plainly(stream);
    let step = match pieces {
        0 => stream.len().max(1),
        step => usize::from(step),
    };
    let mut frames = Frames::new(LIMIT);
    let (mut cut, mut error) = (Vec::new(), None);
    for piece in stream.chunks(step) {
        frames.push(piece);
        error = take(&mut frames, &mut cut);
        if error.is_some() {
            break;
        }
    }
    assert_eq!(cut, expected);
    assert_eq!(error.is_some(), fails, "{error:?}");
    match error {
        Some(error) => {
            // Later bytes do not mend the error.
            frames.push(b"\x30\x00");
            assert_eq!(take(&mut frames, &mut cut), Some(error));
            assert_eq!(cut, expected);
        }
        None => {
            let taken: usize = expected.iter().map(Vec::len).sum();
            assert_eq!(frames.buffered(), stream.len() - taken);
        }
    }
}

fn take(frames: &mut Frames, cut: &mut Vec<Vec<u8>>) -> Option<FrameError> {
    loop {
        let has = frames.has_message();
        match frames.poll_message() {
            Ok(Some(message)) => {
                assert_eq!(has, Ok(true));
                assert!(message.len() <= LIMIT);
                cut.push(message.to_vec());
            }
            Ok(None) => {
                assert_eq!(has, Ok(false));
                return None;
            }
            Err(error) => {
                assert_eq!(has, Err(error));
                return Some(error);
            }
        }
    }
}

/// The whole messages at the front, and whether the bytes after them are no message.
fn plainly(mut stream: &[u8]) -> (Vec<Vec<u8>>, bool) {
    let mut messages = Vec::new();
    loop {
        let (length, header) = match stream {
            [] | [0x30] => return (messages, false),
            [0x30, length @ 0..=0x7f, ..] => (u128::from(*length), 2),
            [0x30, count @ 0x81..=0x88, rest @ ..] => {
                let count = usize::from(count & 0x7f);
                let Some(length) = rest.get(..count) else {
                    return (messages, false);
                };
                let add = |sum: u128, byte: &u8| sum * 256 + u128::from(*byte);
                (length.iter().fold(0, add), 2 + count)
            }
            _ => return (messages, true),
        };
        let size = length + header as u128;
        if size > LIMIT as u128 {
            return (messages, true);
        }
        let size = size as usize;
        if size > stream.len() {
            return (messages, false);
        }
        messages.push(stream[..size].to_vec());
        stream = &stream[size..];
    }
}
