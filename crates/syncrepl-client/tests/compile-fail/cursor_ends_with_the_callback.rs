use syncrepl_client::{Callback, CallbackResult, Cursor, Record};

struct Keeps<'a>(Option<&'a Cursor<'a>>);

impl<'a> Callback for Keeps<'a> {
    fn record_add(&mut self, _: &Record<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        self.0 = Some(cursor);
        Ok(())
    }
}

fn main() {}
