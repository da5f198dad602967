use syncrepl_client::{Callback, CallbackResult, Cursor, Record};

struct Keeps<'a>(Vec<Record<'a>>);

impl<'a> Callback for Keeps<'a> {
    fn record_add(&mut self, record: &Record<'_>, _: &Cursor<'_>) -> CallbackResult {
        self.0.push(*record);
        Ok(())
    }
}

fn main() {}
