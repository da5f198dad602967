//! One text for all that decides what a sink receives.

use syncrepl_proto::secret;

use super::Shape;

/// Grows when a shape comes to mean something else, though its settings are the same.
const MEANING: u32 = 1;

impl Shape {
    /// A text that is the same for two shapes if they tell a sink the same: however their names are ordered or
    /// spelt, in this run and in the next one. It holds no secret, but the values that `when` asks for. What a
    /// sink received under another text may be wrong under this one.
    pub fn fingerprint(&self) -> String {
        let rules = self.fates.rules();
        let list = |names: &mut dyn Iterator<Item = &String>| {
            let names: Vec<&str> = names.map(String::as_str).collect();
            names.join(",")
        };
        let when = match &self.when {
            Some(when) => when.condition().canonical(),
            None => "*".to_owned(),
        };
        let only = match &rules.only {
            Some(only) => list(&mut only.iter()),
            None => "*".to_owned(),
        };
        let renames = rules.rename.iter();
        let renames: Vec<String> = renames.map(|(old, new)| format!("{old}>{new}")).collect();
        format!(
            "{MEANING};when={when};only={only};rename={};mask={};unmask={};data={};secrets={:016x}",
            renames.join(","),
            list(&mut rules.mask.iter()),
            list(&mut rules.unmask.iter()),
            self.data,
            secret::version(),
        )
    }
}
