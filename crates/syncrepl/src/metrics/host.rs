//! The Host header. A page of the web may give its own name the address of this machine (DNS rebinding), and then
//! its script reads what is served here; but the request names the page's host, and is refused.

use std::net::IpAddr;

/// Whether a request (RFC 9112 §3.2) names this machine. One without the header comes from no browser.
pub(super) fn is_local(request: &[u8]) -> bool {
    hosts(request).all(|host| std::str::from_utf8(host).is_ok_and(names_this_machine))
}

/// How often the header is there.
pub(super) fn count(request: &[u8]) -> usize {
    hosts(request).count()
}

fn hosts(request: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = request
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii_end);
    let headers = lines.skip(1).take_while(|line| !line.is_empty());
    headers.filter_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = line.split_at_checked(colon)?;
        let value = value.strip_prefix(b":")?;
        name.trim_ascii()
            .eq_ignore_ascii_case(b"host")
            .then(|| value.trim_ascii())
    })
}

/// Any port will do: a tunnel or a container has another one, and a foreign page cannot have one of our names.
fn names_this_machine(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((name, "")) => (name, None),
        Some((name, rest)) => match rest.strip_prefix(':') {
            Some(port) => (name, Some(port)),
            None => return false,
        },
        None => match host.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (host, None),
        },
    };
    let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok());
    let is_loopback = || {
        name.parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
    };
    is_port && (name.eq_ignore_ascii_case("localhost") || is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_local() {
        for host in [
            "localhost",
            "LOCALHOST:80",
            "127.0.0.1:9460",
            "127.0.0.2",
            "[::1]",
            "[::1]:9460",
        ] {
            assert!(names_this_machine(host), "{host}");
        }
        for host in [
            "",
            "example.com:9460",
            "localhost.example.com",
            "127.0.0.1.example.com:9460",
            "192.0.2.1:9460",
            "localhost:x",
            "localhost:80:80",
            "[::1]x",
            "[::1",
            "user@localhost",
            "localhost, example.com",
        ] {
            assert!(!names_this_machine(host), "{host}");
        }
    }

    #[test]
    fn every_host_header_counts() {
        let request = |headers: &str| {
            format!("GET / HTTP/1.1\r\n{headers}\r\n\r\nHost: evil\r\n").into_bytes()
        };
        assert!(is_local(&request("Accept: */*")));
        assert!(is_local(&request("hOsT:localhost:1")));
        assert!(!is_local(&request("Host: localhost\r\nHost : evil")));
        assert!(!is_local(b"GET / HTTP/1.1\nHost: evil\n\n"));
        assert!(!is_local(b"GET / HTTP/1.1\r\nHost: \xff\r\n\r\n"));
        assert_eq!(count(&request("Host: localhost\r\nHost: localhost")), 2);
    }
}
