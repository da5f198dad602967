//! A server for a few small pages. Every client may be hostile: it gets little time, little memory and one
//! answer, and a few threads serve all of them, so that many clients wait for each other and for nobody else.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::host;
use super::listen::{Client, Listener};

/// So many clients are served at a time.
const THREADS: usize = 4;
/// All the time that a client gets, from the first byte to the last.
const PATIENCE: Duration = Duration::from_secs(2);
/// A request is no longer than this.
const LONGEST: usize = 8192;
/// The wait after a connection could not be accepted: the process may be out of descriptors.
const REST: Duration = Duration::from_millis(200);

/// The function that answers a request.
pub(super) type Pages = Arc<dyn Fn(&Wanted<'_>) -> Answer + Send + Sync>;

/// The page that a client wants.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wanted<'a> {
    /// The path, without a query.
    pub(super) path: &'a str,
    /// Whether the query asks for more words.
    pub(super) verbose: bool,
}

/// An answer.
pub(super) struct Answer {
    /// The status code.
    pub(super) code: u16,
    /// Whether the text is a page of HTML; else it is plain text.
    pub(super) html: bool,
    /// The text.
    pub(super) text: String,
}

impl Answer {
    /// Plain text.
    pub(super) fn plain(code: u16, text: impl Into<String>) -> Answer {
        Answer {
            code,
            html: false,
            text: text.into(),
        }
    }
}

/// Serves pages until the process ends; with `only_local` none to a request that names another host.
pub(super) fn serve(listener: &Listener, pages: &Pages, only_local: bool) -> io::Result<()> {
    for number in 0..THREADS {
        let (listener, pages) = (listener.try_clone()?, Arc::clone(pages));
        thread::Builder::new()
            .name(format!("metrics{number}"))
            .spawn(move || {
                loop {
                    match listener.accept() {
                        Ok(client) => {
                            // A client that goes away is none of our business.
                            let _ = attend(client, &pages, only_local);
                        }
                        Err(_) => thread::sleep(REST),
                    }
                }
            })?;
    }
    Ok(())
}

fn attend(client: Box<dyn Client>, pages: &Pages, only_local: bool) -> io::Result<()> {
    let mut client = Limited {
        client,
        until: Instant::now() + PATIENCE,
    };
    let request = head(&mut client)?;
    let (answer, with_body) = match asked(&request) {
        _ if host::count(&request) > 1 => (Answer::plain(400, "more than one host\n"), true),
        Asked::Page { .. } if only_local && !host::is_local(&request) => (
            Answer::plain(421, "ask for localhost, 127.0.0.1 or [::1]\n"),
            true,
        ),
        Asked::Page { wanted, with_body } => (pages(&wanted), with_body),
        Asked::OtherMethod => (Answer::plain(405, "only GET and HEAD\n"), true),
        Asked::Nonsense => (Answer::plain(400, "no HTTP request\n"), true),
    };
    let mut bytes = headers(&answer).into_bytes();
    if with_body {
        bytes.extend_from_slice(answer.text.as_bytes());
    }
    client.write_all(&bytes)?;
    client.client.end()?;
    // To close while bytes are unread would take the answer back from the client.
    let mut rest = [0; 1024];
    for _ in 0..LONGEST / rest.len() {
        if client.read(&mut rest)? == 0 {
            break;
        }
    }
    Ok(())
}

fn headers(answer: &Answer) -> String {
    let reason = match answer.code {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        421 => "Misdirected Request",
        _ => "Service Unavailable",
    };
    let kind = match answer.html {
        true => "text/html; charset=utf-8",
        false => "text/plain; version=0.0.4; charset=utf-8",
    };
    // A page runs nothing, loads nothing, sends nothing, and stands in no other page.
    format!(
        "HTTP/1.1 {} {reason}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
         Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n\
         Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'\r\nConnection: close\r\n\r\n",
        answer.code,
        answer.text.len()
    )
}

/// Reads the head of a request, or as much of it as a client may send.
fn head(client: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut request = Vec::new();
    let mut part = [0; 1024];
    while request.len() < LONGEST {
        let count = client.read(&mut part)?;
        request.extend_from_slice(part.get(..count).unwrap_or_default());
        let ends = |end: &[u8]| request.windows(end.len()).any(|bytes| bytes == end);
        if count == 0 || ends(b"\r\n\r\n") || ends(b"\n\n") {
            break;
        }
    }
    Ok(request)
}

#[derive(Debug, PartialEq, Eq)]
enum Asked<'a> {
    Page { wanted: Wanted<'a>, with_body: bool },
    OtherMethod,
    Nonsense,
}

/// What the first line asks for (RFC 9112 §3).
fn asked(request: &[u8]) -> Asked<'_> {
    let line = request.split(|byte| *byte == b'\n').next();
    let words = line.and_then(|line| std::str::from_utf8(line).ok());
    let words: Vec<&str> = words.unwrap_or_default().trim_end().split(' ').collect();
    let [method, target, version] = words[..] else {
        return Asked::Nonsense;
    };
    if !version.starts_with("HTTP/1.") || !target.starts_with('/') {
        return Asked::Nonsense;
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let words = |pair: &str| pair == "verbose" || pair.starts_with("verbose=");
    let wanted = Wanted {
        path,
        verbose: query.split('&').any(words),
    };
    match method {
        "GET" | "HEAD" => Asked::Page {
            wanted,
            with_body: method == "GET",
        },
        _ => Asked::OtherMethod,
    }
}

/// A client whose time is limited, however slowly it goes about it.
struct Limited {
    client: Box<dyn Client>,
    until: Instant,
}

impl Limited {
    fn left(&self) -> io::Result<Duration> {
        let left = self.until.saturating_duration_since(Instant::now());
        match left.is_zero() {
            true => Err(io::ErrorKind::TimedOut.into()),
            false => Ok(left),
        }
    }
}

impl Read for Limited {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        self.client.limit(self.left()?)?;
        self.client.read(space)
    }
}

impl Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.client.limit(self.left()?)?;
        self.client.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.client.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_line_says_what_is_asked() {
        let page = |path, verbose, with_body| Asked::Page {
            wanted: Wanted { path, verbose },
            with_body,
        };
        for (request, meaning) in [
            (
                &b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"[..],
                page("/metrics", false, true),
            ),
            (
                b"GET /livez?verbose=1 HTTP/1.0\n\n",
                page("/livez", true, true),
            ),
            (
                b"HEAD /readyz HTTP/1.1\r\n\r\n",
                page("/readyz", false, false),
            ),
            (b"POST /metrics HTTP/1.1\r\n\r\n", Asked::OtherMethod),
            (b"", Asked::Nonsense),
            (b"GET /metrics\r\n\r\n", Asked::Nonsense),
            (b"GET  /metrics HTTP/1.1\r\n\r\n", Asked::Nonsense),
            (b"GET http://x/metrics HTTP/1.1\r\n\r\n", Asked::Nonsense),
            (b"GET /\xff HTTP/1.1\r\n\r\n", Asked::Nonsense),
            (
                b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
                Asked::Nonsense,
            ),
        ] {
            assert_eq!(asked(request), meaning, "{}", request.escape_ascii());
        }
    }

    /// A request that never ends takes a bounded amount of memory.
    #[test]
    fn endless_request_is_cut() {
        let request = head(&mut io::repeat(b'a')).unwrap();
        assert_eq!(request.len(), LONGEST);
    }
}
