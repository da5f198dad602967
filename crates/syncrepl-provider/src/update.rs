//! The requests that change the directory, and compare (RFC 4511 §4.6 to §4.10): from the request
//! to the directory.

use syncrepl_proto::attributes::Description;
use syncrepl_proto::matching::Rule;
use syncrepl_proto::message::{CompareRequest, LdapResult, Operation};

use crate::access::Identity;
use crate::directory::Modification;
use crate::entry::{Stored, Subject};
use crate::refusal::{Refusal, code};
use crate::request::Request;
use crate::search::refer;
use crate::shared::Shared;

/// Makes the response that carries a result.
pub(crate) type Respond = for<'r> fn(LdapResult<'r>) -> Operation<'r>;

/// The request to keep, and the response to send. `None` for an operation that is neither an update
/// nor a compare.
pub(crate) fn describe(operation: &Operation<'_>) -> Option<(Request, Respond)> {
    let update = |dn: &str| Request::Update(dn.to_owned());
    Some(match operation {
        Operation::AddRequest(add) => (update(add.dn), |r| Operation::AddResponse(r)),
        Operation::DelRequest(dn) => (update(dn), |r| Operation::DelResponse(r)),
        Operation::ModifyRequest(modify) => (update(modify.dn), |r| Operation::ModifyResponse(r)),
        Operation::ModifyDnRequest(rename) => {
            (update(rename.dn), |r| Operation::ModifyDnResponse(r))
        }
        Operation::CompareRequest(compare) => {
            let request = Request::Compare(compare.dn.to_owned());
            (request, |r| Operation::CompareResponse(r))
        }
        _ => return None,
    })
}

/// Carries out an update or a compare; does nothing for other operations.
pub(crate) fn update(
    shared: &Shared,
    identity: &Identity,
    operation: &Operation<'_>,
    manage_dsa_it: bool,
) -> Result<(), Refusal> {
    let checked = |dn: &str| {
        identity.may_write(shared)?;
        not_referred(shared, dn, manage_dsa_it)
    };
    let changed = match operation {
        Operation::CompareRequest(request) => {
            identity.may_read(shared)?;
            not_referred(shared, request.dn, manage_dsa_it)?;
            return compare(shared, request);
        }
        Operation::AddRequest(request) => {
            checked(request.dn)?;
            let attributes = request.attributes.iter().map(|attribute| Stored {
                name: attribute.name.to_owned(),
                values: attribute.values().map(<[u8]>::to_vec).collect(),
            });
            let attributes = attributes.collect();
            shared.change(|directory| directory.add(request.dn, attributes))
        }
        Operation::DelRequest(dn) => {
            checked(dn)?;
            shared.change(|directory| directory.delete(dn))
        }
        Operation::ModifyRequest(request) => {
            checked(request.dn)?;
            let modifications: Vec<_> = request
                .changes
                .iter()
                .map(|(operation, attribute)| {
                    Modification::new(operation, attribute.name, attribute.values())
                })
                .collect();
            shared.change(|directory| directory.modify(request.dn, &modifications))
        }
        Operation::ModifyDnRequest(request) => {
            checked(request.dn)?;
            shared.change(|directory| {
                directory.rename(
                    request.dn,
                    request.new_rdn,
                    request.delete_old_rdn,
                    request.new_superior,
                )
            })
        }
        _ => return Ok(()),
    };
    changed.map(drop)
}

fn not_referred(shared: &Shared, dn: &str, manage_dsa_it: bool) -> Result<(), Refusal> {
    if manage_dsa_it {
        return Ok(());
    }
    match shared.lock().directory.referral(dn) {
        Some(referral) => Err(refer(&referral, dn, None)),
        None => Ok(()),
    }
}

/// Compares an assertion with an entry (RFC 4511 §4.10). Both answers, compareTrue and
/// compareFalse, are results other than success.
fn compare(shared: &Shared, request: &CompareRequest<'_>) -> Result<(), Refusal> {
    let view = shared.lock().directory.find(request.dn)?;
    let description = Description::parse(request.attribute);
    let rule = Rule::of(&description.base);
    let operational = view.operational(&description.base);
    let mut meant = view
        .user()
        .iter()
        .chain(&operational)
        .filter(|stored| description.means(&stored.name))
        .peekable();
    let code = if meant.peek().is_none() {
        code::NO_SUCH_ATTRIBUTE
    } else {
        let Some(normal) = rule.normal(request.value) else {
            return Err(Refusal::new(code::INVALID_ATTRIBUTE_SYNTAX, ""));
        };
        let equal = |value: &Vec<u8>| rule.equals(value, &normal);
        match meant.any(|stored| stored.values.iter().any(equal)) {
            true => code::COMPARE_TRUE,
            false => code::COMPARE_FALSE,
        }
    };
    Err(Refusal::new(code, ""))
}
