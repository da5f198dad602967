//! The one table of failures that pass by themselves.

use super::kind::ErrorKind;

/// The request that a result code answers. The same code means another thing in a bind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A bind.
    Bind,
    /// A search, or any other request.
    Other,
    /// Nothing: it came in a Notice of Disconnection (RFC 4511 §4.4.1).
    Nothing,
}

/// Whether a result is worth another try: in a bind, in answer to another request, in a Notice of
/// Disconnection. docs/connecting.md has the same table; a test compares the two.
#[rustfmt::skip]
const RESULTS: [(u32, [bool; 3]); 12] = [
    // busy, unavailable
    (51, [true,  true,  true ]),
    (52, [true,  true,  true ]),
    // unwillingToPerform: 389-ds serves too many already, slapd is behind the cookie; in a bind an
    // account is switched off.
    (53, [false, true,  true ]),
    // other: the provider failed. slapd also answers the SASL bind of an unknown user with it.
    (80, [false, true,  true ]),
    // protocolError, authMethodNotSupported, strongerAuthRequired, confidentialityRequired,
    // inappropriateAuthentication, invalidCredentials, insufficientAccessRights, noSuchObject: another
    // try gets the same answer, or locks the account.
    (2,  [false, false, false]),
    (7,  [false, false, false]),
    (8,  [false, false, false]),
    (13, [false, false, false]),
    (48, [false, false, false]),
    (49, [false, false, false]),
    (50, [false, false, false]),
    (32, [false, false, false]),
];

/// The row of every other result. A Notice of Disconnection has refused no request.
const OTHERS: [bool; 3] = [false, false, true];

/// Whether the same call may succeed later without anybody changing anything.
pub(crate) fn may_pass(kind: ErrorKind, code: Option<u32>, asked: Asked) -> bool {
    match kind {
        ErrorKind::Unreachable | ErrorKind::NotReady => true,
        ErrorKind::Refused => {
            let row = RESULTS.iter().find(|(of, _)| Some(*of) == code);
            let [bind, other, notice] = row.map_or(OTHERS, |(_, row)| *row);
            match asked {
                Asked::Bind => bind,
                Asked::Other => other,
                Asked::Nothing => notice,
            }
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        use ErrorKind::*;
        for (kind, passes) in [
            (Unreachable, true),
            (NotReady, true),
            (Tls, false),
            (Credentials, false),
            (Unsupported, false),
            (Protocol, false),
            (Guard, false),
            (Store, false),
            // Somebody has to make space. The command waits for that all the same.
            (NoSpace, false),
            (StoreLocked, false),
            (Callback, false),
            (InvalidInput, false),
            (Stopped, false),
        ] {
            assert_eq!(may_pass(kind, None, Asked::Other), passes, "{kind:?}");
        }
    }

    /// The rows of the table in the documentation: result codes, and three answers.
    fn documented() -> Vec<(Vec<u32>, [bool; 3])> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/connecting.md");
        let text = std::fs::read_to_string(path).unwrap();
        let begin = text.find("| result | in a bind |").expect("the table");
        let rows = text[begin..].lines().skip(2);
        rows.take_while(|line| line.starts_with('|'))
            .map(|line| {
                let cells: Vec<_> = line.split('|').map(str::trim).collect();
                let [_, results, bind, other, notice, _] = cells[..] else {
                    panic!("not four columns: {line}");
                };
                let codes = results
                    .split(['(', ')'])
                    .filter_map(|word| word.parse().ok());
                let yes = |cell: &str| match cell {
                    "yes" => true,
                    "no" => false,
                    _ => panic!("{cell} in {line}"),
                };
                (codes.collect(), [yes(bind), yes(other), yes(notice)])
            })
            .collect()
    }

    #[test]
    fn the_documentation_has_the_same_table() {
        let mut documented = documented();
        let (none, others) = documented.pop().expect("rows");
        assert!(
            none.is_empty(),
            "the last row is of every other result: {none:?}"
        );
        assert_eq!(others, OTHERS);
        let mut rows: Vec<_> = documented
            .into_iter()
            .flat_map(|(codes, row)| codes.into_iter().map(move |code| (code, row)))
            .collect();
        rows.sort();
        let mut expected = RESULTS.to_vec();
        expected.sort();
        assert_eq!(rows, expected);
        for (code, [bind, other, notice]) in rows {
            let passes = |asked| may_pass(ErrorKind::Refused, Some(code), asked);
            assert_eq!(passes(Asked::Bind), bind, "{code}");
            assert_eq!(passes(Asked::Other), other, "{code}");
            assert_eq!(passes(Asked::Nothing), notice, "{code}");
        }
        for code in [3, 4, 10, 11, 12, 4096] {
            assert!(!may_pass(ErrorKind::Refused, Some(code), Asked::Other));
            assert!(may_pass(ErrorKind::Refused, Some(code), Asked::Nothing));
        }
    }
}
