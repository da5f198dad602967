//! The command `syncrepl`: follow an LDAP directory from a shell.

#![warn(unreachable_pub)]
// Servers and files may send anything: code outside of tests may not panic on it.
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]

mod args;
mod cli;
mod command;
mod config;
mod daemon;
mod encryption;
mod exit;
mod habits;
mod headings;
mod identity;
mod ldap_conf;
mod limits;
mod log;
mod manual;
mod metrics;
mod output;
mod password;
mod progress;
mod servers;
mod service;
mod signals;
mod state;
mod story;
mod target;
mod trouble;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
