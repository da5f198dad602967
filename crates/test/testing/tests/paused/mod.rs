//! A server that is paused keeps silent.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// An anonymous BindRequest, and its answer: success.
const BIND: &[u8] = b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00";
const BOUND: &[u8] = b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00";

/// Sends a request to a server that is paused. The answer comes only after the server is resumed.
pub fn keeps_silent(port: u16, resume: impl FnOnce()) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the kernel answers");
    stream.write_all(BIND).expect("the kernel takes it");
    // The test asserts silence, so it has to wait for a time.
    let window = Duration::from_millis(100);
    stream.set_read_timeout(Some(window)).expect("a time limit");
    let mut answer = [0; BOUND.len()];
    let error = stream.read(&mut answer).expect_err("it answers");
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    resume();
    let patience = Duration::from_secs(30);
    stream
        .set_read_timeout(Some(patience))
        .expect("a time limit");
    stream.read_exact(&mut answer).expect("the answer");
    assert_eq!(answer, BOUND);
}
