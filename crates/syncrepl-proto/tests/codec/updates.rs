//! Add, modify, modifyDN, delete and compare (RFC 4511 §4.6 to §4.10): golden bytes written by hand
//! from the ASN.1, round trips, and comparison with `rasn-ldap`.

use proptest::prelude::*;
use rasn::types::{OctetString, SetOf};
use rasn_ldap as theirs;
use syncrepl_proto::attributes::AttributeList;
use syncrepl_proto::ber::Problem;
use syncrepl_proto::message::{
    AddRequest, CompareRequest, LdapResult, Message, Modifications, ModifyDnRequest,
    ModifyOperation, ModifyRequest, Operation,
};

use crate::golden::golden;

/// One message of each kind.
pub(crate) fn golden_bytes(all: &mut Vec<Vec<u8>>) {
    let attributes = AttributeList::decode(b"\x30\x0b\x30\x09\x04\x02cn\x31\x03\x04\x01a").unwrap();
    let add = AddRequest {
        dn: "cn=a",
        attributes,
    };
    golden(
        all,
        2,
        Operation::AddRequest(add),
        &[],
        b"\x30\x18\x02\x01\x02\x68\x13\x04\x04cn=a\x30\x0b\x30\x09\x04\x02cn\x31\x03\x04\x01a",
    );
    let changes = Modifications::encode([
        (ModifyOperation::Add, "sn", vec![&b"b"[..]]),
        (ModifyOperation::Delete, "l", vec![]),
        (ModifyOperation::Replace, "o", vec![b"c", b"d"]),
        (ModifyOperation::Increment, "n", vec![b"1"]),
    ]);
    let changes = Modifications::decode(&changes).unwrap();
    golden(
        all,
        3,
        Operation::ModifyRequest(ModifyRequest {
            dn: "cn=a",
            changes,
        }),
        &[],
        b"\x30\x4a\x02\x01\x03\x66\x45\x04\x04cn=a\x30\x3d\
          \x30\x0e\x0a\x01\x00\x30\x09\x04\x02sn\x31\x03\x04\x01b\
          \x30\x0a\x0a\x01\x01\x30\x05\x04\x01l\x31\x00\
          \x30\x10\x0a\x01\x02\x30\x0b\x04\x01o\x31\x06\x04\x01c\x04\x01d\
          \x30\x0d\x0a\x01\x03\x30\x08\x04\x01n\x31\x03\x04\x011",
    );
    deletes_renames_and_compares(all);
    responses(all);
}

fn deletes_renames_and_compares(all: &mut Vec<Vec<u8>>) {
    golden(
        all,
        4,
        Operation::DelRequest("cn=a"),
        &[],
        b"\x30\x09\x02\x01\x04\x4a\x04cn=a",
    );
    for (new_superior, bytes) in [
        (
            None,
            &b"\x30\x14\x02\x01\x05\x6c\x0f\x04\x04cn=a\x04\x04cn=b\x01\x01\xff"[..],
        ),
        (
            Some("o=x"),
            b"\x30\x19\x02\x01\x05\x6c\x14\x04\x04cn=a\x04\x04cn=b\x01\x01\xff\x80\x03o=x",
        ),
    ] {
        let request = ModifyDnRequest {
            dn: "cn=a",
            new_rdn: "cn=b",
            delete_old_rdn: true,
            new_superior,
        };
        golden(all, 5, Operation::ModifyDnRequest(request), &[], bytes);
    }
    let compare = CompareRequest {
        dn: "cn=a",
        attribute: "sn",
        value: b"\xff",
    };
    golden(
        all,
        6,
        Operation::CompareRequest(compare),
        &[],
        b"\x30\x14\x02\x01\x06\x6e\x0f\x04\x04cn=a\x30\x07\x04\x02sn\x04\x01\xff",
    );
}

fn responses(all: &mut Vec<Vec<u8>>) {
    let result = LdapResult {
        matched_dn: "o=x",
        ..LdapResult::new(32)
    };
    for (op, tag) in answers(result) {
        let mut bytes = b"\x30\x0f\x02\x01\x07\x00\x0a\x0a\x01\x20\x04\x03o=x\x04\x00".to_vec();
        bytes[5] = tag;
        golden(all, 7, op, &[], &bytes);
    }
    for (op, tag) in answers(LdapResult::new(0)).into_iter().take(3) {
        let mut bytes = b"\x30\x0c\x02\x01\x07\x00\x07\x0a\x01\x00\x04\x00\x04\x00".to_vec();
        bytes[5] = tag;
        golden(all, 7, op, &[], &bytes);
    }
}

fn answers(result: LdapResult<'_>) -> [(Operation<'_>, u8); 5] {
    [
        (Operation::ModifyResponse(result), 0x67),
        (Operation::AddResponse(result), 0x69),
        (Operation::DelResponse(result), 0x6b),
        (Operation::ModifyDnResponse(result), 0x6d),
        (Operation::CompareResponse(result), 0x6f),
    ]
}

#[test]
fn malformed_updates_are_refused() {
    for (bytes, what, problem) in [
        // A modify with the operation 4.
        (
            &b"\x30\x19\x02\x01\x02\x66\x14\x04\x04cn=a\x30\x0c\x30\x0a\x0a\x01\x04\x30\x05\x04\x01l\x31\x00"[..],
            "operation",
            Problem::Number,
        ),
        // A modify whose value is an INTEGER.
        (
            b"\x30\x1c\x02\x01\x02\x66\x17\x04\x04cn=a\x30\x0f\x30\x0d\x0a\x01\x00\x30\x08\x04\x01l\x31\x03\x02\x01x",
            "attribute value",
            Problem::Tag { expected: 4, found: 2 },
        ),
        // A modifyDN with two newSuperior fields.
        (
            b"\x30\x1e\x02\x01\x05\x6c\x19\x04\x04cn=a\x04\x04cn=b\x01\x01\xff\x80\x03o=x\x80\x03o=y",
            "newSuperior",
            Problem::Twice,
        ),
        // A delete of a DN that is not UTF-8.
        (b"\x30\x06\x02\x01\x04\x4a\x01\xff", "DelRequest", Problem::Utf8),
        // A compare without a value.
        (
            b"\x30\x11\x02\x01\x06\x6e\x0c\x04\x04cn=a\x30\x04\x04\x02sn",
            "assertionValue",
            Problem::Missing,
        ),
    ] {
        let error = Message::decode(bytes).unwrap_err();
        assert_eq!((error.what, error.problem), (what, problem));
    }
}

type Attributes = Vec<(String, Vec<Vec<u8>>)>;

fn values() -> impl Strategy<Value = Vec<Vec<u8>>> {
    // In the order of their encodings, as the oracle writes them.
    prop::collection::vec(prop::collection::vec(any::<u8>(), 0..4), 0..4).prop_map(|mut values| {
        values.sort_by_key(|value| (value.len(), value.clone()));
        values
    })
}

fn attributes() -> impl Strategy<Value = Attributes> {
    prop::collection::vec(("[a-z]{1,5}(;[a-z]{1,3})?", values()), 1..4)
}

fn borrowed(values: &[Vec<u8>]) -> Vec<&[u8]> {
    values.iter().map(Vec::as_slice).collect()
}

fn their_values(values: &[Vec<u8>]) -> SetOf<OctetString> {
    SetOf::from_vec(values.iter().map(|value| value.clone().into()).collect())
}

fn agree(op: &Operation<'_>, theirs: theirs::ProtocolOp) {
    let bytes = Message::encode(9, op, &[]);
    assert_eq!(&Message::decode(&bytes).unwrap().op, op);
    let theirs = theirs::LdapMessage::new(9, theirs);
    assert_eq!(rasn::ber::encode(&theirs).unwrap(), bytes);
    let read = rasn::ber::decode::<theirs::LdapMessage>(&bytes).unwrap();
    assert_eq!(read, theirs);
}

proptest! {
    #[test]
    fn add_agrees_with_oracle(dn in ".{0,6}", attributes in attributes()) {
        let list = AttributeList::encode(
            attributes.iter().map(|(name, values)| (name.as_str(), borrowed(values))),
        );
        let list = AttributeList::decode(&list).unwrap();
        let add = AddRequest { dn: &dn, attributes: list };
        let their_list = attributes.iter().map(|(name, values)| {
            theirs::Attribute::new(name.as_str().into(), their_values(values))
        });
        let their_list: theirs::AttributeList = their_list.collect();
        let theirs = theirs::AddRequest {
            entry: dn.as_str().into(),
            attributes: their_list,
        };
        agree(&Operation::AddRequest(add), theirs::ProtocolOp::AddRequest(theirs));
    }

    #[test]
    fn modify_agrees_with_oracle(
        dn in ".{0,6}",
        changes in prop::collection::vec((0usize..3, "[a-z]{1,5}", values()), 0..4),
    ) {
        use theirs::ChangeOperation as Theirs;
        const OPERATIONS: [(ModifyOperation, Theirs); 3] = [
            (ModifyOperation::Add, Theirs::Add),
            (ModifyOperation::Delete, Theirs::Delete),
            (ModifyOperation::Replace, Theirs::Replace),
        ];
        let encoded = Modifications::encode(changes.iter().map(|(operation, name, values)| {
            (OPERATIONS[*operation].0, name.as_str(), borrowed(values))
        }));
        let read = Modifications::decode(&encoded).unwrap();
        let seen: Vec<_> = read.iter().map(|(operation, attribute)| {
            let values = attribute.values().map(<[u8]>::to_vec).collect::<Vec<_>>();
            (operation as usize, attribute.name.to_owned(), values)
        }).collect();
        prop_assert_eq!(&seen, &changes);
        let their_changes = changes.iter().map(|(operation, name, values)| {
            let attribute = theirs::PartialAttribute::new(name.as_str().into(), their_values(values));
            theirs::ModifyRequestChanges {
                operation: OPERATIONS[*operation].1,
                modification: attribute,
            }
        });
        let theirs = theirs::ModifyRequest {
            object: dn.as_str().into(),
            changes: their_changes.collect(),
        };
        let request = ModifyRequest { dn: &dn, changes: read };
        agree(&Operation::ModifyRequest(request), theirs::ProtocolOp::ModifyRequest(theirs));
    }

    #[test]
    fn rename_compare_and_delete_agree_with_oracle(
        dn in ".{0,6}",
        new_rdn in ".{0,6}",
        delete_old_rdn in any::<bool>(),
        superior in prop::option::of(".{0,6}"),
        value in prop::collection::vec(any::<u8>(), 0..6),
    ) {
        let request = ModifyDnRequest {
            dn: &dn,
            new_rdn: &new_rdn,
            delete_old_rdn,
            new_superior: superior.as_deref(),
        };
        let their_dn = || theirs::LdapDn::from(dn.as_str());
        let theirs = theirs::ModifyDnRequest {
            entry: their_dn(),
            new_rdn: new_rdn.as_str().into(),
            delete_old_rdn,
            new_superior: superior.as_deref().map(Into::into),
        };
        agree(&Operation::ModifyDnRequest(request), theirs::ProtocolOp::ModDnRequest(theirs));
        let compare = CompareRequest { dn: &dn, attribute: &new_rdn, value: &value };
        let assertion =
            theirs::AttributeValueAssertion::new(new_rdn.as_str().into(), value.clone().into());
        let theirs = theirs::CompareRequest {
            entry: their_dn(),
            ava: assertion,
        };
        agree(&Operation::CompareRequest(compare), theirs::ProtocolOp::CompareRequest(theirs));
        let theirs = theirs::ProtocolOp::DelRequest(theirs::DelRequest(their_dn()));
        agree(&Operation::DelRequest(&dn), theirs);
    }
}
