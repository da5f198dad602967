//! The rules by which an open stage puts questions: one table. Each row says what happens, under
//! which condition it matters, what is then asked, and when.
//!
//! The table is also a switch. The tests of the simulation take out one rule at a time, and its history
//! has to fail.
//! ARCHITECTURE.md prints the same table; a test compares the two.

/// One rule of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(hidden)]
pub enum Rule {
    StatedBeforeParentLeft,
    FreshBelowStatedName,
    BelowHiddenName,
    WaitsBelowLeftName,
    PlacedBelowLeavingName,
    ToldAgain,
    ShownMovesInStream,
    FreshGoesAlong,
    ShownStays,
    BelowOneThatStays,
    SentSoonAfterRefresh,
    ShownBelowHint,
    DerivedNameWaits,
    NewAndGoneUnseen,
    BelowGone,
    BelowNotShown,
    BelowAwaitedName,
    ParentsOfNotShown,
    BelowNew,
    BelowBack,
    NameClaimedTwice,
    HolderGaveWay,
    Orphan,
    ParentOfOrphan,
    FoundOrphan,
    ValuesLost,
    AddedUnseen,
}

/// A row of the table.
#[derive(Debug, Clone, Copy)]
#[doc(hidden)]
pub struct Row {
    pub rule: Rule,
    /// Its name in the simulation.
    pub name: &'static str,
    pub event: &'static str,
    pub condition: &'static str,
    pub question: &'static str,
    pub when: &'static str,
    /// The history that fails without it, in the tests of the simulation.
    pub history: &'static str,
}

const fn row(
    rule: Rule,
    name: &'static str,
    [event, condition, question, when, history]: [&'static str; 5],
) -> Row {
    Row {
        rule,
        name,
        event,
        condition,
        question,
        when,
        history,
    }
}

/// All rules, in the order of a stage.
#[doc(hidden)]
#[rustfmt::skip]
pub const RULES: [Row; 27] = [
    row(Rule::StatedBeforeParentLeft, "stated-before-parent-left",
        ["P is stated with another name", "a refresh stage; C below its old name was stated before", "where is C", "now",
         "moments::parent_is_renamed_after_its_child_was_sent"]),
    row(Rule::FreshBelowStatedName, "fresh-below-stated-name",
        ["P is stated with a name, new or not", "C below that name is fresh", "where is C", "now in a refresh, else quiet",
         "swapped_names::swapped_after_the_children_and_before_both"]),
    row(Rule::BelowHiddenName, "below-hidden-name",
        ["P is stated with a name that no record had", "the filter hides parents; C is below that name", "where is C", "now in a refresh, else quiet",
         "moments::another_entry_takes_the_name_of_a_hidden_parent"]),
    row(Rule::WaitsBelowLeftName, "waits-below-left-name",
        ["P leaves a name in the stream", "C waits for a name below it", "where is C", "now",
         "moments::child_waits_for_its_name_while_its_parent_is_renamed"]),
    row(Rule::PlacedBelowLeavingName, "placed-below-leaving-name",
        ["C is placed below a name", "the filter hides parents; the holder of that name waits to leave it", "where is C", "quiet; C stays until then",
         "moments::child_comes_below_a_name_that_its_holder_waits_to_leave"]),
    row(Rule::ToldAgain, "told-again",
        ["the provider tells of P, which we hold", "the stream says that P came; or a refresh sends P, and the last one stated it; or a search showed P", "P counts as back", "now",
         "moments::child_comes_with_its_parent_amid_the_first_refresh"]),
    row(Rule::ShownMovesInStream, "shown-moves-in-stream",
        ["the stream gives P another DN", "a search showed the DN that we hold", "where is P", "now; its DN is taken until then",
         "ahead::stream_gives_an_older_name_than_the_search"]),
    row(Rule::FreshGoesAlong, "fresh-goes-along",
        ["P moves in the stream", "C below it is fresh", "where is C", "quiet; C goes along until then",
         "swapped_names::swapped_after_all_are_read"]),
    row(Rule::ShownStays, "shown-stays",
        ["P moves", "C below it was shown by a search, or is fresh in a refresh", "where is C", "now; C stays until then",
         "ahead::parent_leaves_while_it_waits"]),
    row(Rule::BelowOneThatStays, "below-one-that-stays",
        ["P moves and C below it stays", "D below C is shown or fresh", "where is D", "as for C",
         "ahead::deep_tree_is_asked_for_at_once"]),
    row(Rule::SentSoonAfterRefresh, "sent-soon-after-refresh",
        ["C is placed in the stream", "the last refresh ended within a minute", "C counts as fresh", "–",
         "ahead::child_is_told_below_the_former_name_of_its_parent"]),
    row(Rule::ShownBelowHint, "shown-below-hint",
        ["a hint gives P another name than we hold", "a search showed C below that name", "where is C", "now",
         "ahead::child_is_looked_up_below_a_name_that_its_parent_has_left"]),
    row(Rule::DerivedNameWaits, "derived-name-waits",
        ["C goes along with P", "another record holds the name", "the group ends", "at once",
         "ahead::child_waits_for_a_derived_name_while_others_come_below_it"]),
    row(Rule::NewAndGoneUnseen, "new-and-gone-unseen",
        ["P is new in this group and gone again", "the filter hides parents", "P stays until the end of the group, for what lies below it", "now",
         "left_and_back::child_comes_with_a_parent_that_is_hidden_at_once"]),
    row(Rule::BelowGone, "below-gone",
        ["P is said to be gone, or is back", "C is held, or waits, below it", "where is C", "now",
         "left_and_back::child_leaves_with_its_parent"]),
    row(Rule::BelowNotShown, "below-not-shown",
        ["a search does not show P", "C is held, or waits, below it", "where is C", "now",
         "ahead::child_of_one_that_a_search_does_not_show"]),
    row(Rule::BelowAwaitedName, "below-awaited-name",
        ["P waited for a name, and goes elsewhere or is gone", "C below that name is stated, fresh or shown", "where is C", "now",
         "ahead::parent_takes_another_name_while_it_waits"]),
    row(Rule::ParentsOfNotShown, "parents-of-not-shown",
        ["a search does not show C", "no record above it is said to be gone", "the records above it count as shown", "–",
         "moments::child_deleted_early_returns_with_parent_of_which_nothing_was_asked"]),
    row(Rule::BelowNew, "below-new",
        ["P is new", "something may come into the base with P", "what lies below P", "now",
         "left_and_back::child_deleted_early_returns_with_its_parent"]),
    row(Rule::BelowBack, "below-back",
        ["P counts as back", "something may come into the base with P", "what lies below P", "now",
         "left_and_back::parent_leaves_and_returns_in_one_group_of_389_ds"]),
    row(Rule::NameClaimedTwice, "name-claimed-twice",
        ["A waits for a name that B holds", "B is not about to move", "where are A, B, and what is held below the name", "now",
         "names::name_that_its_holder_has_left_unsaid"]),
    row(Rule::HolderGaveWay, "holder-gave-way",
        ["A and B still claim one name", "–", "where are B and what is held below it; B is called entryUUID=… until then", "quiet",
         "names::holder_that_gave_way_is_asked_for"]),
    row(Rule::Orphan, "orphan",
        ["no record holds the name above C", "the search shows every parent; the stage placed C, or a search showed C before this refresh", "where is C", "now",
         "renamed_parents::orphan_is_asked_for"]),
    row(Rule::ParentOfOrphan, "parent-of-orphan",
        ["no record holds the name above C", "a refresh; a search confirms C", "which entry bears that name, and where is it", "now",
         "renamed_parents::parent_of_an_orphan_is_looked_up"]),
    row(Rule::FoundOrphan, "found-orphan",
        ["no record, and no known hidden parent, holds the name above C", "a search showed C", "where is C", "quiet",
         "ahead::child_is_told_below_a_parent_that_a_search_did_not_show"]),
    row(Rule::ValuesLost, "values-lost",
        ["the stream sends C without a value that we hold, or C is among the first ten new ones of the group, or a search showed C within a minute", "the provider sends entries as it stores them", "what values has C", "now; the values that we hold stay until then",
         "stored::live_message_lacks_computed_values"]),
    row(Rule::AddedUnseen, "added-unseen",
        ["the stream sends C, which we do not hold", "the provider sends entries as it stores them; C may be a subentry, or have computed values", "where is C", "now; C is not added until then",
         "stored::subentry_is_sent_when_it_is_added"]),
];

/// Limits that the simulation lowers, so that it often walks rare paths. Nobody else changes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(hidden)]
pub struct Limits {
    /// How many entries are asked for in one search.
    pub batch: usize,
    /// For more records than this the whole search is looked at.
    pub whole_at: u64,
    /// A group ends after so many messages.
    pub group: u64,
    /// How often a stage that ends tells changes and answers the questions that they put. Parents
    /// that keep moving meanwhile could put questions for ever.
    pub rounds: u32,
    /// Of so many new entries of a group the values are looked at. In a bulk load they would be too many,
    /// and nothing says that an overlay computes any.
    pub few: u64,
    /// So many records that move with their parent are listed at once, 500 at the most.
    pub moved: usize,
    /// More rows of the journal than these, if they are more than a quarter of the copy's entries, are too many
    /// for a refresh.
    pub journal: u64,
    /// So many rows of the journal are pruned at once.
    pub prune: u64,
    /// The rule that is taken out.
    pub without: Option<Rule>,
}

impl Limits {
    /// As every consumer has them.
    pub const DEFAULT: Limits = Limits {
        batch: 100,
        whole_at: 1000,
        group: 256,
        rounds: 4,
        few: 10,
        moved: 500,
        journal: 10_000,
        prune: 10_000,
        without: None,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Limits::DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_its_row() {
        for (index, row) in RULES.iter().enumerate() {
            assert_eq!(row.rule as usize, index, "{}", row.name);
            let words = format!("{:?}", row.rule);
            let mut name = String::new();
            for letter in words.chars() {
                if letter.is_uppercase() && !name.is_empty() {
                    name.push('-');
                }
                name.push(letter.to_ascii_lowercase());
            }
            assert_eq!(row.name, name);
        }
    }

    #[test]
    fn architecture_prints_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../ARCHITECTURE.md");
        let page = std::fs::read_to_string(path).unwrap();
        let printed: Vec<_> = page
            .lines()
            .skip_while(|line| *line != "| rule | event | condition | question | when | history |")
            .skip(2)
            .take_while(|line| line.starts_with('|'))
            .collect();
        let table = RULES.map(|row| {
            let Row {
                name,
                event,
                condition,
                question,
                when,
                history,
                ..
            } = row;
            format!("| {name} | {event} | {condition} | {question} | {when} | {history} |")
        });
        assert_eq!(printed, table);
    }
}
