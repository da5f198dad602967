//! Servers that fall silent while a connection opens. Each moment has its time limit and its message, and
//! the command tries the next server.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use syncrepl_testing::slapd::{Slapd, Variant};

use crate::common::Copied;
use crate::common::outcome::{Data, Outcome};
use crate::common::proxy::Proxy;
use crate::{add, assert_story};

/// A listener with a full queue, so that the system answers no further SYN.
struct Full {
    listener: TcpListener,
    _queue: Vec<TcpStream>,
}

impl Full {
    fn new() -> Full {
        use socket2::{Domain, Socket, Type};
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        socket.bind(&any.into()).expect("a free port");
        socket.listen(0).expect("a listener");
        let listener = TcpListener::from(socket);
        let address = listener.local_addr().expect("its address");
        let mut queue = Vec::new();
        while let Ok(one) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
            queue.push(one);
            assert!(queue.len() < 100, "the queue does not fill");
        }
        Full {
            listener,
            _queue: queue,
        }
    }

    fn url(&self) -> String {
        format!(
            "ldap://{}",
            self.listener.local_addr().expect("its address")
        )
    }
}

/// Options with limits that all differ, so that a message shows which limit it was.
const LIMITS: [&str; 4] = ["--connect-timeout", "500ms", "--response-timeout", "1500ms"];

#[track_caller]
fn fails(url: &str, options: &[&str], words: &[&str]) {
    let data = Data::new();
    let mut refresh = data.sync("refresh", url);
    refresh.extend(LIMITS.iter().chain(options).map(|&word| word.to_owned()));
    let outcome = Outcome::run(&refresh);
    outcome.assert_failed(4, words);
}

#[test]
fn each_moment_has_its_limit() {
    let server = Slapd::start(Variant::Plain);
    let full = Full::new();
    fails(
        &full.url(),
        &[],
        &[&full.url(), "no answer within 500ms", "firewall"],
    );
    let hole = Proxy::to(&server);
    hole.swallow_new(true);
    let url = hole.url();
    fails(&url, &[], &[&url, "does not answer the bind (waited 1.5s)"]);
    fails(
        &url,
        &["-ZZ"],
        &[&url, "does not answer StartTLS (waited 1.5s)"],
    );
    let ldaps = url.replace("ldap://", "ldaps://");
    fails(
        &ldaps,
        &[],
        &[&ldaps, "does not answer in TLS (waited 500ms)"],
    );
}

/// `follow` passes over servers that do not answer, and says so once.
#[test]
fn next_server_is_tried() {
    let server = Slapd::start(Variant::Plain);
    let full = Full::new();
    let hole = Proxy::to(&server);
    hole.swallow_new(true);
    let mut copy = Copied::suffix(&server);
    copy.hosts = Some(format!("{} {} {}", full.url(), hole.url(), server.url()));
    copy.follow_with(&LIMITS);
    add(&server, "after");
    copy.wait_equal();
    copy.stop();

    // No server answers: one line names each.
    copy.hosts = Some(format!("{} {}", full.url(), hole.url()));
    let mut options = LIMITS.to_vec();
    options.extend(["--longest-wait", "50ms"]);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            syncrepl_testing::wait_until(crate::common::PATIENCE, || hole.connections() > 1);
            hole.swallow_new(false);
        });
        copy.follow_with(&options);
    });
    add(&server, "last");
    copy.wait_equal();
    let story: [&[&str]; 2] = [
        &[
            "no server can be used",
            &full.url(),
            "no answer within 500ms",
            &hole.url(),
            "does not answer the bind",
            "trying again in",
        ],
        &[&hole.url(), "up to date again"],
    ];
    assert_story(&copy.stop_after_trouble(), &story);
}
