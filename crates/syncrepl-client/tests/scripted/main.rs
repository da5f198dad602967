//! The change logic against a provider that plays a script. Each test is one history: the messages
//! that the provider sends, the entries that its searches show, and the copy that must come of both.
//!
//! A test whose name begins with `p` and a number plays what a real server was measured to do.
//! `docs/guarantees.md` names some of them by that number.

mod bench;
mod busy;
mod cookies;
mod deletes;
mod fake;
mod fresh;
mod gap;
mod heartbeat;
mod hidden;
mod log;
mod moments;
mod names;
mod nodes;
mod oddities;
mod order;
mod results;
mod schedule;
mod stop;
mod story;
