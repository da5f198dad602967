//! Where a sink stands, in one line of text: sinks store it, and need not understand it.

use std::fmt;
use std::str::FromStr;

use syncrepl_client::Tag;
use uuid::Uuid;

use syncrepl_client::journal::Seq;

/// Where a sink stands: it has everything up to here.
///
/// It is a point in the history of one store. `commit` and `tag` tell whether the store at hand has that
/// history: after a backup was put back it has not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The newest journal row that the sink needs no more.
    pub seq: Seq,
    /// The commit of that row,
    pub commit: u64,
    /// and the tag of that commit. `None` before the first commit.
    pub tag: Option<Tag>,
    /// The last pass over everything that began.
    pub generation: Seq,
    /// The way on which the sink is.
    pub phase: Phase,
    /// The parts that the sink has of the event after this position.
    pub part: Option<PartSent>,
}

/// The way on which a sink comes to the state of the copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The rows of the journal, as they come.
    Stream,
    /// A pass over everything.
    Everything {
        /// How far it has come.
        step: Step,
        /// The newest marker when it began: the pass makes up for it.
        marker: Seq,
        /// Rows after this one were pruned meanwhile: a pass over the folded entries follows.
        again: Option<Seq>,
    },
    /// A pass over the entries whose rows were pruned before the sink had them.
    Folded {
        /// The sink had the rows up to here before the pass.
        base: Seq,
        /// Done up to this one; `None` at the beginning.
        after: Option<Uuid>,
        /// More rows were pruned meanwhile: another pass from here follows.
        next: Option<Seq>,
    },
}

/// The steps of a pass over everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The entries that were deleted while no rows were written. Done up to this one; `None` at the beginning.
    Deletes(Option<Uuid>),
    /// The records of the copy. Done up to this rowid; 0 at the beginning.
    Records(i64),
}

/// The parts of an event that a sink has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartSent {
    /// The id of the event, without its part.
    pub id: String,
    /// So many parts of it.
    pub sent: u32,
}

impl Position {
    /// Before everything, in no history.
    pub const START: Position = Position {
        seq: Seq::ZERO,
        commit: 0,
        tag: None,
        generation: Seq::ZERO,
        phase: Phase::Stream,
        part: None,
    };

    /// The rowid up to which a pass over everything has told of the records; 0 outside of one.
    pub(crate) fn records(&self) -> i64 {
        match self.phase {
            Phase::Everything {
                step: Step::Records(after),
                ..
            } => after,
            _ => 0,
        }
    }

    /// The rows after this one may not be pruned without being folded, for this sink's sake.
    pub fn needs(&self) -> Seq {
        match self.phase {
            Phase::Stream => self.seq,
            Phase::Everything { again, .. } => again.map_or(self.seq, |again| again.min(self.seq)),
            Phase::Folded { base, next, .. } => next.map_or(base, |next| next.min(base)),
        }
    }
}

/// `1;SEQ;COMMIT;TAG;GENERATION;PHASE;PART`, without spaces and without quotes. An absent value is `-`.
impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tag = or_dash(self.tag.as_ref());
        write!(
            f,
            "1;{};{};{tag};{};",
            self.seq, self.commit, self.generation
        )?;
        match &self.phase {
            Phase::Stream => write!(f, "stream")?,
            Phase::Everything {
                step,
                marker,
                again,
            } => {
                match step {
                    Step::Deletes(after) => write!(f, "deletes,{}", or_dash(after.as_ref()))?,
                    Step::Records(after) => write!(f, "records,{after}")?,
                }
                write!(f, ",{marker},{}", or_dash(again.as_ref()))?;
            }
            Phase::Folded { base, after, next } => write!(
                f,
                "folded,{base},{},{}",
                or_dash(after.as_ref()),
                or_dash(next.as_ref())
            )?,
        }
        match &self.part {
            None => write!(f, ";-"),
            Some(part) => write!(f, ";{},{}", part.sent, part.id),
        }
    }
}

fn or_dash(value: Option<&impl fmt::Display>) -> String {
    value.map_or_else(|| "-".to_owned(), ToString::to_string)
}

/// The text is none of a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAPosition;

impl fmt::Display for NotAPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this is no position that this version knows")
    }
}

impl std::error::Error for NotAPosition {}

impl FromStr for Position {
    type Err = NotAPosition;

    fn from_str(text: &str) -> Result<Position, NotAPosition> {
        let fields: Vec<&str> = text.split(';').collect();
        let ["1", seq, commit, tag, generation, phase, part] = fields[..] else {
            return Err(NotAPosition);
        };
        Ok(Position {
            seq: number(seq)?,
            commit: number(commit)?,
            tag: absent_or(tag)?,
            generation: number(generation)?,
            phase: phase_of(phase)?,
            part: match part.split_once(',') {
                None if part == "-" => None,
                None => return Err(NotAPosition),
                Some((sent, id)) => Some(PartSent {
                    id: id.to_owned(),
                    sent: number(sent)?,
                }),
            },
        })
    }
}

fn phase_of(text: &str) -> Result<Phase, NotAPosition> {
    let fields: Vec<&str> = text.split(',').collect();
    Ok(match fields[..] {
        ["stream"] => Phase::Stream,
        [name @ ("deletes" | "records"), after, marker, again] => Phase::Everything {
            step: match name {
                "deletes" => Step::Deletes(absent_or(after)?),
                _ => Step::Records(number(after)?),
            },
            marker: number(marker)?,
            again: absent_or(again)?,
        },
        ["folded", base, after, next] => Phase::Folded {
            base: number(base)?,
            after: absent_or(after)?,
            next: absent_or(next)?,
        },
        _ => return Err(NotAPosition),
    })
}

fn number<T: FromStr>(text: &str) -> Result<T, NotAPosition> {
    text.parse().map_err(|_| NotAPosition)
}

fn absent_or<T: FromStr>(text: &str) -> Result<Option<T>, NotAPosition> {
    match text {
        "-" => Ok(None),
        text => number(text).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn everything(step: Step, again: Option<Seq>) -> Phase {
        Phase::Everything {
            step,
            marker: Seq::new(5),
            again,
        }
    }

    #[test]
    fn position_is_read_as_written() {
        let uuid = Uuid::from_bytes([7; 16]);
        let phases = [
            Phase::Stream,
            everything(Step::Deletes(None), None),
            everything(Step::Deletes(Some(uuid)), Some(Seq::new(8))),
            everything(Step::Records(42), None),
            Phase::Folded {
                base: Seq::new(7),
                after: Some(uuid),
                next: None,
            },
            Phase::Folded {
                base: Seq::new(7),
                after: None,
                next: Some(Seq::new(9)),
            },
        ];
        for phase in phases {
            for part in [
                None,
                Some(PartSent {
                    id: "9f3c21aa.18342.1".to_owned(),
                    sent: 2,
                }),
            ] {
                let position = Position {
                    seq: Seq::new(0x0000_f3a1_c200_4a7f),
                    commit: 18342,
                    tag: "9f3c21aa9f3c21aa".parse().ok(),
                    generation: Seq::new(1),
                    phase,
                    part,
                };
                let text = position.to_string();
                assert_eq!(text.parse::<Position>().unwrap(), position, "{text}");
            }
        }
        assert_eq!(
            Position::START.to_string().parse::<Position>(),
            Ok(Position::START)
        );
    }

    #[test]
    fn other_text_is_refused() {
        let text = Position::START.to_string();
        for text in ["", "1;2", &text.replacen('1', "2", 1), &format!("{text};")] {
            assert_eq!(text.parse::<Position>(), Err(NotAPosition), "{text}");
        }
    }
}
