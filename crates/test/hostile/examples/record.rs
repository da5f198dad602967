//! Records the bytes of real servers: `cargo run -p syncrepl-hostile --example record`, with slapd
//! installed, and for 389 Directory Server with the URL of an empty one that holds
//! `dc=example,dc=com`, and its administrator:
//! `… --example record -- ldap://127.0.0.1:3890 'cn=Directory Manager' PASSWORD`.
//!
//! A consumer runs against each, through a proxy that writes down what both say.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use syncrepl_client::{Credentials, LoggingCallback, Syncrepl, SyncreplMode};
use syncrepl_proto::frame::Frames;
use syncrepl_proto::message::{Authentication, BindRequest, Message, Operation};
use syncrepl_testing::{Slapd, Variant};

const SUFFIX: &str = "dc=example,dc=com";

/// The address of a server, and the credentials.
struct Server {
    name: &'static str,
    url: String,
    dn: String,
    password: String,
}

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("recorded");
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [url, dn, password] = &arguments[..] {
        let (url, dn, password) = (url.clone(), dn.clone(), password.clone());
        return record(
            &root,
            &Server {
                name: "ds389",
                url,
                dn,
                password,
            },
        );
    }
    for (name, variant) in [
        ("slapd-plain", Variant::Plain),
        ("slapd-sessionlog", Variant::SessionLog),
        ("slapd-accesslog", Variant::AccessLog),
    ] {
        let slapd = Slapd::start(variant);
        record(
            &root,
            &Server {
                name,
                url: slapd.url(),
                dn: slapd.admin_dn().to_owned(),
                password: slapd.password().to_owned(),
            },
        );
    }
}

fn record(root: &Path, server: &Server) {
    let folder = root.join(server.name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder for what is recorded");
    let data = tempfile::TempDir::new().expect("a temporary folder");
    let data = data.path().join("copy.db");
    // One for all: the consumer knows a server that it met before by its address.
    let proxy = Proxy::to(&server.url);
    let refresh = |step: &str| {
        let mut client = consumer(&data, server, &proxy, SyncreplMode::RefreshOnly);
        client.run().expect("a refresh");
        client.unbind().expect("a farewell");
        proxy.write(&folder, step);
    };
    change(server, &first());
    refresh("1-only-first");
    refresh("2-only-unchanged");
    change(server, &mixed());
    refresh("3-only-mixed");
    change(
        server,
        "dn: ou=people,dc=example,dc=com\nchangetype: moddn\nnewrdn: ou=staff\ndeleteoldrdn: 1\n\ndn: cn=printer,dc=example,dc=com\nchangetype: delete\n",
    );
    refresh("4-only-renamed");
    persist(&data, server, &proxy, &folder);
    println!("{}: done", server.name);
}

type Client = Syncrepl<LoggingCallback<std::io::Sink>>;

fn consumer(data: &Path, server: &Server, proxy: &Proxy, mode: SyncreplMode) -> Client {
    Syncrepl::builder(data, LoggingCallback::new(std::io::sink()))
        .ldap_url(format!("ldap://127.0.0.1:{}/{SUFFIX}??sub", proxy.port))
        .credentials(Credentials::simple(&server.dn, server.password.as_str()))
        .mode(mode)
        .connect()
        .expect("a connection")
}

/// A refresh stage that resumes, changes as they happen, and a Cancel.
fn persist(data: &Path, server: &Server, proxy: &Proxy, folder: &Path) {
    change(
        server,
        "dn: cn=late,dc=example,dc=com\nchangetype: add\nobjectClass: device\ncn: late\n",
    );
    let mut client = consumer(data, server, proxy, SyncreplMode::RefreshAndPersist);
    let deadline = Instant::now() + Duration::from_secs(30);
    let poll = |client: &mut Client| {
        assert!(Instant::now() < deadline, "too slow");
        client.poll(Duration::from_millis(100)).expect("no error")
    };
    while !client.in_persist_stage() {
        poll(&mut client);
    }
    change(server, &live());
    // The test waits for this change, the last.
    while client
        .db()
        .expect("a handle")
        .get(&format!("cn=last,{SUFFIX}"))
        .expect("a read")
        .is_none()
    {
        poll(&mut client);
    }
    client.stop_handle().please_stop();
    while poll(&mut client) {}
    client.unbind().expect("a farewell");
    proxy.write(folder, "5-persist-live");
}

fn person(text: &mut String, uid: &str, more: &str) {
    let _ = write!(
        text,
        "dn: uid={uid},ou=people,{SUFFIX}\nchangetype: add\nobjectClass: inetOrgPerson\n\
         uid: {uid}\ncn: {uid}\nsn: Łukasz\n{more}\n"
    );
}

fn first() -> String {
    let mut text = String::new();
    for ou in ["people", "groups"] {
        let _ = write!(
            text,
            "dn: ou={ou},{SUFFIX}\nchangetype: add\nobjectClass: organizationalUnit\nou: {ou}\n\n"
        );
    }
    for n in 0..12 {
        person(
            &mut text,
            &format!("u{n}"),
            &format!("description: number {n}\ncn;lang-de: ä{n}\nmail: u{n}@example.com\n"),
        );
    }
    person(
        &mut text,
        "photo",
        "jpegPhoto:: /9j/4AAQSkZJRgABAQEASABIAAD/2wBDAAEB\n",
    );
    let _ = write!(
        text,
        "dn: cn=g,ou=groups,{SUFFIX}\nchangetype: add\nobjectClass: groupOfNames\ncn: g\n"
    );
    for n in 0..12 {
        let _ = writeln!(text, "member: uid=u{n},ou=people,{SUFFIX}");
    }
    let _ = write!(
        text,
        "\ndn: cn=printer,{SUFFIX}\nchangetype: add\nobjectClass: device\ncn: printer\n\n"
    );
    let _ = write!(
        text,
        "dn: ou=far,{SUFFIX}\nchangetype: add\nobjectClass: referral\nobjectClass: extensibleObject\nou: far\nref: ldap://far.example.com/{SUFFIX}\n\n"
    );
    text
}

fn mixed() -> String {
    let mut text = format!(
        "dn: uid=u1,ou=people,{SUFFIX}\nchangetype: modify\nreplace: description\ndescription: other\n\n\
         dn: uid=u2,ou=people,{SUFFIX}\nchangetype: delete\n\n\
         dn: uid=u3,ou=people,{SUFFIX}\nchangetype: delete\n\n\
         dn: uid=u4,ou=people,{SUFFIX}\nchangetype: moddn\nnewrdn: uid=v4\ndeleteoldrdn: 1\n\n"
    );
    person(&mut text, "new", "");
    text
}

fn live() -> String {
    let mut text = format!(
        "dn: uid=u5,ou=staff,{SUFFIX}\nchangetype: modify\nadd: description\ndescription: live\n\n\
         dn: uid=u6,ou=staff,{SUFFIX}\nchangetype: delete\n\n\
         dn: ou=staff,{SUFFIX}\nchangetype: moddn\nnewrdn: ou=people\ndeleteoldrdn: 1\n\n"
    );
    person(&mut text, "live", "");
    let _ = write!(
        text,
        "dn: cn=last,{SUFFIX}\nchangetype: add\nobjectClass: device\ncn: last\n\n"
    );
    text
}

fn change(server: &Server, ldif: &str) {
    let mut ldapmodify = Command::new("ldapmodify")
        .args([
            "-x",
            "-M",
            "-H",
            &server.url,
            "-D",
            &server.dn,
            "-w",
            &server.password,
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("ldapmodify of the package ldap-utils");
    let mut stdin = ldapmodify.stdin.take().expect("its input");
    stdin.write_all(ldif.as_bytes()).expect("its input");
    drop(stdin);
    assert!(ldapmodify.wait().expect("its end").success(), "{ldif}");
}

struct Proxy {
    port: u16,
    heard: Arc<Mutex<Vec<Connection>>>,
}

/// What was said on one connection.
type Heard = Arc<Mutex<Vec<u8>>>;

/// A connection, and the thread that ends when the consumer closes it.
type Connection = (Heard, JoinHandle<()>);

impl Proxy {
    fn to(url: &str) -> Proxy {
        let server = url
            .trim_start_matches("ldap://")
            .trim_end_matches('/')
            .to_owned();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("its port").port();
        let heard: Arc<Mutex<Vec<_>>> = Arc::default();
        let all = Arc::clone(&heard);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let server = TcpStream::connect(&server).expect("the server");
                let other = (client.try_clone(), server.try_clone());
                let (Ok(to_client), Ok(from_server)) = other else {
                    return;
                };
                let heard = Heard::default();
                let (requests, answers) = (Arc::clone(&heard), Arc::clone(&heard));
                std::thread::spawn(move || pump(from_server, to_client, &answers));
                let to_the_end = std::thread::spawn(move || pump(client, server, &requests));
                lock(&all).push((heard, to_the_end));
            }
        });
        Proxy { port, heard }
    }

    /// Writes down the connections that were opened since the last step. The consumer has closed them.
    fn write(&self, folder: &Path, step: &str) {
        for (number, (heard, to_the_end)) in lock(&self.heard).drain(..).enumerate() {
            to_the_end.join().expect("no panic");
            let path: PathBuf = folder.join(format!("{step}.{number}"));
            std::fs::write(path, &*lock(&heard)).expect("what was heard");
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is written down of a message: no password, and each time lies in the year 2020. A consumer asks
/// more when the newest change of a cookie lies in the future, and some clocks are behind this one.
fn to_keep(bytes: &[u8]) -> Vec<u8> {
    let message = Message::decode(bytes).expect("an LDAP message");
    match message.op {
        Operation::BindRequest(_) => {
            let nobody = BindRequest {
                name: "",
                authentication: Authentication::Simple(b""),
            };
            Message::encode(message.id, &Operation::BindRequest(nobody), &[])
        }
        _ => in_2020(bytes.to_vec()),
    }
}

fn in_2020(mut bytes: Vec<u8>) -> Vec<u8> {
    for at in 0..bytes.len() {
        // Year to second, as in `20261130215530.123456Z`.
        if let Some([time @ .., b'.' | b'Z']) = bytes.get_mut(at..at + 15)
            && time.iter().all(u8::is_ascii_digit)
        {
            time[..4].copy_from_slice(b"2020");
        }
    }
    bytes
}

fn pump(mut from: TcpStream, mut to: TcpStream, heard: &Heard) {
    let mut frames = Frames::default();
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        frames.push(&buffer[..count]);
        // It is written down before it arrives, so each answer stands behind its request.
        while let Some(message) = frames.poll_message().expect("LDAP messages") {
            lock(heard).extend(to_keep(message));
        }
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
