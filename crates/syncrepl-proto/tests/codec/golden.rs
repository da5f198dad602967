//! Golden bytes of each operation, written by hand from the ASN.1 of RFC 4511, RFC 3909 and RFC
//! 4533. The tests of hostile bytes reuse them through `every`.

use syncrepl_proto::attributes::AttributeList;
use syncrepl_proto::control::Control;
use syncrepl_proto::message::{
    Authentication, BindRequest, CANCEL, LdapResult, Message, NOTICE_OF_DISCONNECTION, Operation,
    Scope, SearchRequest, SearchResultEntry, Uris,
};

use crate::updates;

/// Checks one message both ways and keeps its bytes.
pub(crate) fn golden(
    all: &mut Vec<Vec<u8>>,
    id: u32,
    op: Operation<'_>,
    controls: &[Control<'_>],
    bytes: &[u8],
) {
    assert_eq!(Message::encode(id, &op, controls), bytes, "{op:?}");
    let message = Message::decode(bytes).unwrap();
    assert_eq!((message.id, &message.op), (id, &op));
    assert_eq!(message.controls.iter().collect::<Vec<_>>(), controls);
    all.push(bytes.to_vec());
}

/// One message of each kind.
pub(crate) fn every() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    requests(&mut all);
    search_request(&mut all);
    bind_responses(&mut all);
    search_responses(&mut all);
    search_ends(&mut all);
    extended_responses(&mut all);
    intermediate(&mut all);
    updates::golden_bytes(&mut all);
    all
}

#[test]
fn golden_bytes() {
    assert_eq!(every().len(), 35);
}

fn requests(all: &mut Vec<Vec<u8>>) {
    let simple = BindRequest {
        name: "cn=r",
        authentication: Authentication::Simple(b"pw"),
    };
    golden(
        all,
        1,
        Operation::BindRequest(simple),
        &[],
        b"\x30\x12\x02\x01\x01\x60\x0d\x02\x01\x03\x04\x04cn=r\x80\x02pw",
    );
    for (credentials, bytes) in [
        (None, &b"\x30\x18\x02\x01\x01\x60\x13\x02\x01\x03\x04\x00\xa3\x0c\x04\x0aSCRAM-SHA1"[..]),
        (
            Some(&b"n,,"[..]),
            b"\x30\x1d\x02\x01\x01\x60\x18\x02\x01\x03\x04\x00\xa3\x11\x04\x0aSCRAM-SHA1\x04\x03n,,",
        ),
    ] {
        let authentication = Authentication::Sasl("SCRAM-SHA1", credentials);
        let sasl = BindRequest { name: "", authentication };
        golden(all, 1, Operation::BindRequest(sasl), &[], bytes);
    }
    golden(
        all,
        5,
        Operation::UnbindRequest,
        &[],
        b"\x30\x05\x02\x01\x05\x42\x00",
    );
    golden(
        all,
        6,
        Operation::AbandonRequest(130),
        &[],
        b"\x30\x07\x02\x01\x06\x50\x02\x00\x82",
    );
    golden(
        all,
        7,
        Operation::ExtendedRequest {
            name: CANCEL,
            value: Some(b"\x30\x03\x02\x01\x02"),
        },
        &[],
        b"\x30\x19\x02\x01\x07\x77\x14\x80\x0b1.3.6.1.1.8\x81\x05\x30\x03\x02\x01\x02",
    );
    golden(
        all,
        8,
        Operation::ExtendedRequest {
            name: "1.2",
            value: None,
        },
        &[],
        b"\x30\x0a\x02\x01\x08\x77\x05\x80\x031.2",
    );
}

fn search_request(all: &mut Vec<Vec<u8>>) {
    let search = SearchRequest {
        base: "dc=x",
        scope: Scope::Subtree,
        size_limit: 0,
        time_limit: 300,
        types_only: false,
        filter: b"\x87\x02cn",
        attributes: vec!["*", "+"],
    };
    let sync_request = Control {
        oid: "1.3.6.1.4.1.4203.1.9.1.1",
        critical: true,
        value: Some(b"\x30\x03\x0a\x01\x03"),
    };
    golden(
        all,
        2,
        Operation::SearchRequest(search),
        &[sync_request],
        b"\x30\x4f\x02\x01\x02\x63\x22\x04\x04dc=x\x0a\x01\x02\x0a\x01\x00\x02\x01\x00\
          \x02\x02\x01\x2c\x01\x01\x00\x87\x02cn\x30\x06\x04\x01*\x04\x01+\
          \xa0\x26\x30\x24\x04\x181.3.6.1.4.1.4203.1.9.1.1\x01\x01\xff\x04\x05\
          \x30\x03\x0a\x01\x03",
    );
}

fn bind_responses(all: &mut Vec<Vec<u8>>) {
    golden(
        all,
        1,
        Operation::BindResponse(LdapResult::new(14), Some(b"r=")),
        &[],
        b"\x30\x10\x02\x01\x01\x61\x0b\x0a\x01\x0e\x04\x00\x04\x00\x87\x02r=",
    );
    golden(
        all,
        1,
        Operation::BindResponse(LdapResult::new(0), None),
        &[],
        b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00",
    );
}

fn search_responses(all: &mut Vec<Vec<u8>>) {
    let referral = Uris::decode(b"\x04\x09ldap://h/\x04\x09ldap://i/", "referral").unwrap();
    assert_eq!(
        referral.iter().collect::<Vec<_>>(),
        ["ldap://h/", "ldap://i/"]
    );
    let referred = LdapResult {
        code: 10,
        matched_dn: "dc=x",
        diagnostic: "go",
        referral: Some(referral),
    };
    let list = b"\x30\x15\x30\x0c\x04\x02cn\x31\x06\x04\x01a\x04\x01\xff\x30\x05\x04\x01o\x31\x00";
    let attributes = AttributeList::decode(list).unwrap();
    let entry = SearchResultEntry {
        dn: "cn=a",
        attributes,
    };
    golden(
        all,
        2,
        Operation::SearchResultEntry(entry),
        &[],
        b"\x30\x22\x02\x01\x02\x64\x1d\x04\x04cn=a\x30\x15\x30\x0c\x04\x02cn\x31\x06\x04\x01a\
          \x04\x01\xff\x30\x05\x04\x01o\x31\x00",
    );
    golden(
        all,
        2,
        Operation::SearchResultReference(referral),
        &[],
        b"\x30\x1b\x02\x01\x02\x73\x16\x04\x09ldap://h/\x04\x09ldap://i/",
    );
    golden(
        all,
        2,
        Operation::SearchResultDone(referred),
        &[],
        b"\x30\x2a\x02\x01\x02\x65\x25\x0a\x01\x0a\x04\x04dc=x\x04\x02go\
          \xa3\x16\x04\x09ldap://h/\x04\x09ldap://i/",
    );
}

fn search_ends(all: &mut Vec<Vec<u8>>) {
    // 4096 (RFC 4533 §2.6) needs two bytes.
    golden(
        all,
        2,
        Operation::SearchResultDone(LdapResult::new(4096)),
        &[],
        b"\x30\x0d\x02\x01\x02\x65\x08\x0a\x02\x10\x00\x04\x00\x04\x00",
    );
    let sync_done = Control {
        oid: "1.3.6.1.4.1.4203.1.9.1.3",
        critical: false,
        value: Some(b"\x30\x00"),
    };
    golden(
        all,
        2,
        Operation::SearchResultDone(LdapResult::new(0)),
        &[sync_done],
        b"\x30\x2e\x02\x01\x02\x65\x07\x0a\x01\x00\x04\x00\x04\x00\
          \xa0\x20\x30\x1e\x04\x181.3.6.1.4.1.4203.1.9.1.3\x04\x02\x30\x00",
    );
}

fn extended_responses(all: &mut Vec<Vec<u8>>) {
    let notice = Operation::ExtendedResponse {
        result: LdapResult::new(52),
        name: Some(NOTICE_OF_DISCONNECTION),
        value: None,
    };
    golden(
        all,
        0,
        notice,
        &[],
        b"\x30\x24\x02\x01\x00\x78\x1f\x0a\x01\x34\x04\x00\x04\x00\x8a\x161.3.6.1.4.1.1466.20036",
    );
    let who = Operation::ExtendedResponse {
        result: LdapResult::new(0),
        name: None,
        value: Some(b"u:r"),
    };
    golden(
        all,
        3,
        who,
        &[],
        b"\x30\x11\x02\x01\x03\x78\x0c\x0a\x01\x00\x04\x00\x04\x00\x8b\x03u:r",
    );
}

fn intermediate(all: &mut Vec<Vec<u8>>) {
    for (name, value, bytes) in [
        (None, None, &b"\x30\x05\x02\x01\x02\x79\x00"[..]),
        (
            Some("1.2"),
            None,
            b"\x30\x0a\x02\x01\x02\x79\x05\x80\x031.2",
        ),
        (
            None,
            Some(&b"v"[..]),
            b"\x30\x08\x02\x01\x02\x79\x03\x81\x01v",
        ),
        (
            Some("1.3.6.1.4.1.4203.1.9.1.4"),
            Some(b"\x80\x02ck"),
            b"\x30\x25\x02\x01\x02\x79\x20\x80\x181.3.6.1.4.1.4203.1.9.1.4\x81\x04\x80\x02ck",
        ),
    ] {
        golden(
            all,
            2,
            Operation::IntermediateResponse { name, value },
            &[],
            bytes,
        );
    }
}
