use std::time::Duration;

use syncrepl_client::{LoggingCallback, Syncrepl};

fn go(mut client: Syncrepl<LoggingCallback>) {
    client.unbind().unwrap();
    client.poll(Duration::ZERO).unwrap();
}

fn main() {}
