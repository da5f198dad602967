use syncrepl_client::{Callback, CallbackResult, Cursor, Items};

struct Keeps<'a>(Option<&'a Items<'a>>);

impl<'a> Callback for Keeps<'a> {
    fn refresh_done(&mut self, items: &Items<'_>, _: &Cursor<'_>) -> CallbackResult {
        self.0 = Some(items);
        Ok(())
    }
}

fn main() {}
