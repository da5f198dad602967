//! Random messages in owned form, and the same messages in the types of `rasn-ldap`, the oracle.
//!
//! The oracle differs from RFC 4511 and from us in three ways. It accepts message IDs up to 2^32-1,
//! although maxInt is 2^31-1. It lacks the result codes of later RFCs (118 to 121, 4096), so those
//! round-trip without it. It sorts every SET OF, like DER, where we keep the order.

use proptest::prelude::*;
use rasn::types::{OctetString, SetOf};
use rasn_ldap as theirs;
use syncrepl_proto::attributes::AttributeList;
use syncrepl_proto::control::Control;
use syncrepl_proto::filter::Filter;
use syncrepl_proto::message::{
    Authentication, BindRequest, LdapResult, Message, Operation, Scope, SearchRequest,
    SearchResultEntry, Uris,
};

use crate::wire;

type Bytes = Option<Vec<u8>>;

#[derive(Debug, Clone)]
pub(crate) struct Answer {
    code: u32,
    matched_dn: String,
    diagnostic: String,
    referral: Option<Vec<String>>,
}

#[derive(Debug, Clone)]
pub(crate) enum Op {
    BindSimple(String, Vec<u8>),
    BindSasl(String, String, Bytes),
    BindResponse(Answer, Bytes),
    Unbind,
    Search {
        base: String,
        scope: u8,
        limits: (u32, u32),
        types_only: bool,
        names: Vec<String>,
    },
    Entry(String, Vec<(String, Vec<Vec<u8>>)>),
    Reference(Vec<String>),
    Done(Answer),
    Abandon(u32),
    ExtendedRequest(String, Bytes),
    ExtendedResponse(Answer, Option<String>, Bytes),
    Intermediate(Option<String>, Bytes),
}

#[derive(Debug, Clone)]
pub(crate) struct Owned {
    id: u32,
    op: Op,
    controls: Vec<(String, bool, Bytes)>,
}

fn join(uris: &[String]) -> Vec<u8> {
    wire::uris(&uris.iter().map(String::as_str).collect::<Vec<_>>())
}

impl Answer {
    fn with<R>(&self, f: impl FnOnce(LdapResult<'_>) -> R) -> R {
        let referral = self.referral.as_ref().map(|uris| join(uris));
        f(LdapResult {
            code: self.code,
            matched_dn: &self.matched_dn,
            diagnostic: &self.diagnostic,
            referral: referral
                .as_ref()
                .map(|uris| Uris::decode(uris, "referral").unwrap()),
        })
    }

    fn theirs(&self) -> Option<theirs::LdapResult> {
        use rasn::types::Enumerated;
        let code = theirs::ResultCode::from_discriminant(self.code as isize)?;
        let mut result = theirs::LdapResult::new(
            code,
            self.matched_dn.as_str().into(),
            self.diagnostic.as_str().into(),
        );
        result.referral = self.referral.as_deref().map(strings);
        Some(result)
    }
}

fn strings(texts: &[String]) -> Vec<theirs::LdapString> {
    texts.iter().map(|text| text.as_str().into()).collect()
}

fn octets(bytes: &Bytes) -> Option<OctetString> {
    bytes.clone().map(Into::into)
}

fn oid(text: &str) -> OctetString {
    text.as_bytes().to_vec().into()
}

fn bind<'a>(name: &'a str, authentication: Authentication<'a>) -> Operation<'a> {
    Operation::BindRequest(BindRequest {
        name,
        authentication,
    })
}

fn list(attributes: &[(String, Vec<Vec<u8>>)]) -> Vec<u8> {
    AttributeList::encode(
        attributes
            .iter()
            .map(|(name, values)| (name.as_str(), values.iter().map(Vec::as_slice).collect())),
    )
}

impl Op {
    fn with<R>(&self, f: impl FnOnce(&Operation<'_>) -> R) -> R {
        match self {
            Op::BindSimple(name, password) => f(&bind(name, Authentication::Simple(password))),
            Op::BindSasl(name, mechanism, credentials) => {
                let authentication = Authentication::Sasl(mechanism, credentials.as_deref());
                f(&bind(name, authentication))
            }
            Op::BindResponse(answer, credentials) => {
                answer.with(|result| f(&Operation::BindResponse(result, credentials.as_deref())))
            }
            Op::Unbind => f(&Operation::UnbindRequest),
            Op::Search {
                base,
                scope,
                limits,
                types_only,
                names,
            } => f(&Operation::SearchRequest(SearchRequest {
                base,
                scope: [Scope::Base, Scope::One, Scope::Subtree][usize::from(*scope)],
                size_limit: limits.0,
                time_limit: limits.1,
                types_only: *types_only,
                filter: Filter::parse("(!(cn=a))").unwrap().as_bytes(),
                attributes: names.iter().map(String::as_str).collect(),
            })),
            Op::Entry(dn, attributes) => {
                let list = list(attributes);
                let attributes = AttributeList::decode(&list).unwrap();
                f(&Operation::SearchResultEntry(SearchResultEntry {
                    dn,
                    attributes,
                }))
            }
            Op::Reference(uris) => {
                let uris = join(uris);
                f(&Operation::SearchResultReference(
                    Uris::decode(&uris, "uris").unwrap(),
                ))
            }
            Op::Done(answer) => answer.with(|result| f(&Operation::SearchResultDone(result))),
            Op::Abandon(id) => f(&Operation::AbandonRequest(*id)),
            Op::ExtendedRequest(name, value) => f(&Operation::ExtendedRequest {
                name,
                value: value.as_deref(),
            }),
            Op::ExtendedResponse(answer, name, value) => answer.with(|result| {
                let (name, value) = (name.as_deref(), value.as_deref());
                f(&Operation::ExtendedResponse {
                    result,
                    name,
                    value,
                })
            }),
            Op::Intermediate(name, value) => f(&Operation::IntermediateResponse {
                name: name.as_deref(),
                value: value.as_deref(),
            }),
        }
    }

    fn theirs(&self) -> Option<theirs::ProtocolOp> {
        use theirs::ProtocolOp as P;
        Some(match self {
            Op::BindSimple(name, password) => {
                let choice = theirs::AuthenticationChoice::Simple(password.clone().into());
                P::BindRequest(theirs::BindRequest::new(3, name.as_str().into(), choice))
            }
            Op::BindSasl(name, mechanism, credentials) => {
                let sasl =
                    theirs::SaslCredentials::new(mechanism.as_str().into(), octets(credentials));
                let choice = theirs::AuthenticationChoice::Sasl(sasl);
                P::BindRequest(theirs::BindRequest::new(3, name.as_str().into(), choice))
            }
            Op::BindResponse(answer, credentials) => {
                let result = answer.theirs()?;
                P::BindResponse(theirs::BindResponse::new(
                    result.result_code,
                    result.matched_dn,
                    result.diagnostic_message,
                    result.referral,
                    octets(credentials),
                ))
            }
            Op::Unbind => P::UnbindRequest(theirs::UnbindRequest),
            Op::Search { .. } => self.their_search()?,
            Op::Entry(dn, attributes) => {
                let list = attributes.iter().map(|(name, values)| {
                    let values = values.iter().map(|value| value.clone().into()).collect();
                    theirs::PartialAttribute::new(name.as_str().into(), SetOf::from_vec(values))
                });
                let dn = dn.as_str().into();
                P::SearchResEntry(theirs::SearchResultEntry::new(dn, list.collect()))
            }
            Op::Reference(uris) => P::SearchResRef(theirs::SearchResultReference(strings(uris))),
            Op::Done(answer) => P::SearchResDone(theirs::SearchResultDone(answer.theirs()?)),
            Op::Abandon(id) => P::AbandonRequest(theirs::AbandonRequest(*id)),
            Op::ExtendedRequest(name, value) => P::ExtendedReq(theirs::ExtendedRequest {
                request_name: oid(name),
                request_value: octets(value),
            }),
            Op::ExtendedResponse(answer, name, value) => {
                let result = answer.theirs()?;
                P::ExtendedResp(theirs::ExtendedResponse {
                    result_code: result.result_code,
                    matched_dn: result.matched_dn,
                    diagnostic_message: result.diagnostic_message,
                    referral: result.referral,
                    response_name: name.as_deref().map(oid),
                    response_value: octets(value),
                })
            }
            Op::Intermediate(name, value) => {
                P::IntermediateResponse(theirs::IntermediateResponse {
                    response_name: name.as_deref().map(oid),
                    response_value: octets(value),
                })
            }
        })
    }

    fn their_search(&self) -> Option<theirs::ProtocolOp> {
        use theirs::SearchRequestScope::{BaseObject, SingleLevel, WholeSubtree};
        let Op::Search {
            base,
            scope,
            limits,
            types_only,
            names,
        } = self
        else {
            return None;
        };
        let equal = theirs::AttributeValueAssertion::new("cn".into(), oid("a"));
        let search = theirs::SearchRequest::new(
            base.as_str().into(),
            [BaseObject, SingleLevel, WholeSubtree][usize::from(*scope)],
            theirs::SearchRequestDerefAliases::NeverDerefAliases,
            limits.0,
            limits.1,
            *types_only,
            !theirs::Filter::EqualityMatch(equal),
            strings(names),
        );
        Some(theirs::ProtocolOp::SearchRequest(search))
    }
}

impl Owned {
    fn encode(&self) -> Vec<u8> {
        let controls = self.controls();
        self.op.with(|op| Message::encode(self.id, op, &controls))
    }

    fn controls(&self) -> Vec<Control<'_>> {
        let controls = self.controls.iter();
        controls
            .map(|(oid, critical, value)| Control {
                oid,
                critical: *critical,
                value: value.as_deref(),
            })
            .collect()
    }

    /// `None` when the oracle cannot express the message.
    fn theirs(&self) -> Option<theirs::LdapMessage> {
        let mut message = theirs::LdapMessage::new(self.id, self.op.theirs()?);
        let controls = self.controls.iter().map(|(name, critical, value)| {
            theirs::Control::new(oid(name), *critical, octets(value))
        });
        message.controls = (!self.controls.is_empty()).then(|| controls.collect());
        Some(message)
    }
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..8),
        // Around the sizes at which the length needs another byte.
        (126usize..132).prop_map(|size| vec![7; size]),
        (254usize..260).prop_map(|size| vec![7; size]),
    ]
}

fn some_bytes() -> impl Strategy<Value = Bytes> {
    prop::option::of(bytes())
}

fn dotted() -> impl Strategy<Value = String> {
    "[0-2](\\.[0-9]{1,4}){1,4}"
}

fn texts(pattern: &'static str) -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(pattern, 1..4)
}

fn answer() -> impl Strategy<Value = Answer> {
    let code = prop_oneof![Just(0u32), 0u32..125, Just(4096), 0..=i32::MAX as u32];
    (
        code,
        ".{0,6}",
        ".{0,6}",
        prop::option::of(texts("ldap://[a-z/?]{0,6}")),
    )
        .prop_map(|(code, matched_dn, diagnostic, referral)| Answer {
            code,
            matched_dn,
            diagnostic,
            referral,
        })
}

/// Values in the order of their encodings, as the oracle writes them.
fn values() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(bytes(), 0..4).prop_map(|mut values| {
        values.sort_by_key(|value| rasn::ber::encode(&OctetString::from(value.clone())).unwrap());
        values
    })
}

fn op() -> impl Strategy<Value = Op> {
    let number = 0..=i32::MAX as u32;
    let attribute = ("[a-z]{1,5}(;[a-z]{1,3})?", values());
    let search = (
        ".{0,6}",
        0u8..3,
        (number.clone(), number.clone()),
        any::<bool>(),
        texts("[a-z*+]{1,4}"),
    );
    prop_oneof![
        (".{0,6}", bytes()).prop_map(|(name, password)| Op::BindSimple(name, password)),
        (".{0,6}", "[A-Z]{1,8}", some_bytes()).prop_map(|(a, b, c)| Op::BindSasl(a, b, c)),
        (answer(), some_bytes()).prop_map(|(a, b)| Op::BindResponse(a, b)),
        Just(Op::Unbind),
        search.prop_map(|(base, scope, limits, types_only, names)| {
            Op::Search {
                base,
                scope,
                limits,
                types_only,
                names,
            }
        }),
        (".{0,6}", prop::collection::vec(attribute, 0..4)).prop_map(|(a, b)| Op::Entry(a, b)),
        texts("ldap://.{0,6}").prop_map(Op::Reference),
        answer().prop_map(Op::Done),
        number.prop_map(Op::Abandon),
        (dotted(), some_bytes()).prop_map(|(a, b)| Op::ExtendedRequest(a, b)),
        (answer(), prop::option::of(dotted()), some_bytes())
            .prop_map(|(a, b, c)| Op::ExtendedResponse(a, b, c)),
        (prop::option::of(dotted()), some_bytes()).prop_map(|(a, b)| Op::Intermediate(a, b)),
    ]
}

fn owned() -> impl Strategy<Value = Owned> {
    let controls = prop::collection::vec((dotted(), any::<bool>(), some_bytes()), 0..3);
    (0..=i32::MAX as u32, op(), controls).prop_map(|(id, op, controls)| Owned { id, op, controls })
}

proptest! {
    #[test]
    fn messages_round_trip(owned in owned()) {
        let bytes = owned.encode();
        let message = Message::decode(&bytes).unwrap();
        prop_assert_eq!(message.id, owned.id);
        owned.op.with(|op| assert_eq!(&message.op, op));
        prop_assert_eq!(message.controls.iter().collect::<Vec<_>>(), owned.controls());
    }

    /// Together with the round trip above: we decode the oracle's bytes to the same fields.
    #[test]
    fn messages_agree_with_oracle(owned in owned()) {
        let Some(theirs) = owned.theirs() else { return Ok(()) };
        let bytes = owned.encode();
        prop_assert_eq!(rasn::ber::decode::<theirs::LdapMessage>(&bytes).unwrap(), theirs.clone());
        prop_assert_eq!(rasn::ber::encode(&theirs).unwrap(), bytes);
    }
}
