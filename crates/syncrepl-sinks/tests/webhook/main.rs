//! Webhooks: what is sent, what answers mean, what goes again, and TLS.

mod again;
mod answers;
mod docs;
mod encrypted;
mod requests;
mod speed;
#[path = "../support/mod.rs"]
mod support;
