//! The advice of `doctor`. The profiles hold the parts that differ between vendors; this file puts
//! sentences around them. `docs/providers.md` says the same at length.

use syncrepl_proto::profile::{Provider, Trouble};

/// The advice of the provider's profile in full; empty if it has none.
pub(super) fn full(provider: Provider, trouble: Trouble) -> &'static str {
    (provider.advice)(trouble).unwrap_or_default()
}

/// The hints of the provider's profile in brackets, to follow a sentence; empty if it has none.
pub(super) fn in_brackets(provider: Provider, trouble: Trouble) -> String {
    match provider.hints(trouble) {
        hints if hints.is_empty() => hints,
        hints => format!(" ({hints})"),
    }
}

/// For an anonymous search that the server refuses.
pub(super) fn nobody_is_bound(provider: Provider) -> String {
    let never = match provider.refuses_anonymous {
        true => format!("; {} never lets anonymous synchronize", provider.name),
        false => String::new(),
    };
    format!("nobody is bound: give a bind DN and a password (-D, -W){never}")
}

/// For a server that remembers changes for too short a time.
pub(super) fn keep_more(provider: Provider) -> String {
    let how = in_brackets(provider, Trouble::MemoryTooShort);
    format!("every refresh compares everything: keep more{how}")
}

/// For an identity that may not search by the attribute that identifies entries.
pub(super) fn search_by_id(provider: Provider) -> String {
    format!(
        "grant this identity to search and read {}, and index it{}\n\
         until then each entry is looked at by its name before it is said to be gone, which takes longer",
        provider.uuid_attribute,
        in_brackets(provider, Trouble::NotIndexed)
    )
}

/// For a search that shows nothing.
pub(super) fn nothing_readable(provider: Provider) -> String {
    let mut text =
        "grant this identity to read there: the entries, and the attributes that the filter asks for"
            .to_owned();
    let hints = provider.hints(Trouble::NotReadable);
    for hint in hints.split("; ").filter(|hint| !hint.is_empty()) {
        text += &format!("\n  {hint}");
    }
    text
}
