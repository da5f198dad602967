//! The PostgreSQL sink against a real server. What is right is what `psql` shows.

mod common;
mod connecting;
mod errors;
mod events;
mod exactly_once;
mod large;
mod owner;
mod pass;
mod proxy;
mod state;
mod tables;
