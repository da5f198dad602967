use syncrepl_client::{BoundLdap, Callback, CallbackResult, Cursor};

struct Keeps<'a>(Option<&'a mut BoundLdap<'a>>);

impl<'a> Callback for Keeps<'a> {
    fn bind_complete(&mut self, ldap: &mut BoundLdap<'_>, _: &Cursor<'_>) -> CallbackResult {
        self.0 = Some(ldap);
        Ok(())
    }
}

fn main() {}
