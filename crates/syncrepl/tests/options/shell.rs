//! Completions for shells, and manual pages.

use std::process::Command;

use crate::common::SYNCREPL;
use crate::common::outcome::Outcome;
use crate::subcommands;

/// Every subcommand with its options, as their own help shows them.
fn with_options() -> Vec<(String, Vec<String>)> {
    let options = |name: &String| {
        let help = Outcome::run(&[name, "--help"]);
        let words = help.assert_done().stdout.split_whitespace();
        let mut options: Vec<String> = words
            .map(|word| word.trim_end_matches(','))
            .filter(|word| is_option(word))
            .map(str::to_owned)
            .collect();
        options.sort();
        options.dedup();
        options
    };
    let names = subcommands().into_iter();
    names.map(|name| (name.clone(), options(&name))).collect()
}

/// `-x` or `--words-like-this`.
fn is_option(word: &str) -> bool {
    let name = word.trim_start_matches('-');
    match word.len() - name.len() {
        1 => name.len() == 1 && name.chars().all(|c| c.is_ascii_alphabetic()),
        2 => !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '-'),
        _ => false,
    }
}

#[test]
fn completions_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = Outcome::run(&["completions", shell]);
        let script = &script.assert_done().stdout;
        for (name, options) in with_options() {
            assert!(script.contains(&name), "{shell}: no {name}");
            for option in options {
                let option = option.trim_start_matches('-');
                assert!(script.contains(option), "{shell}: no {option} of {name}");
            }
        }
    }
    Outcome::run(&["completions", "tcsh"])
        .code
        .map_or_else(|| panic!("killed"), |code| assert_eq!(code, 2));
}

/// The words that bash offers after these.
fn offered(words: &[&str]) -> Vec<String> {
    let list = words
        .iter()
        .map(|word| format!("'{word}'"))
        .collect::<Vec<_>>()
        .join(" ");
    let (last, before) = (words[words.len() - 1], words[words.len() - 2]);
    let script = format!(
        "source <('{SYNCREPL}' completions bash)\n\
         complete -p syncrepl >/dev/null || exit 9\n\
         COMP_WORDS=({list}); COMP_CWORD={}\n\
         _syncrepl syncrepl '{last}' '{before}'\n\
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        words.len() - 1
    );
    let output = Command::new("bash")
        .args(["--norc", "-c", &script])
        .output()
        .expect("bash starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes() {
    assert_eq!(offered(&["syncrepl", "fol"]), ["follow"]);
    assert_eq!(offered(&["syncrepl", "refresh", "--max"]), ["--max-delete"]);
    assert_eq!(
        offered(&["syncrepl", "follow", "--format", ""]),
        ["json", "text", "ldif", "none"]
    );
    assert_eq!(offered(&["syncrepl", "completions", "z"]), ["zsh"]);
}

/// The page without its escapes.
fn page(words: &[&str]) -> String {
    let page = Outcome::run(&[&["man"], words].concat());
    let page = &page.assert_done().stdout;
    assert!(
        page.contains("\n.TH ") || page.starts_with(".TH "),
        "no title: {page}"
    );
    for request in [".SH NAME", ".SH SYNOPSIS", ".SH DESCRIPTION"] {
        assert!(
            page.lines().any(|line| line == request),
            "no {request}: {page}"
        );
    }
    for line in page.lines() {
        let rest = line.strip_prefix('.').or_else(|| line.strip_prefix('\''));
        let known = [
            "ie", "el", "TH", "SH", "SS", "TP", "RS", "RE", "PP", "br", "nf", "fi", "IP", "ds",
        ];
        let request = rest.map(|rest| rest.split([' ', '\\']).next().unwrap_or_default());
        assert!(
            request.is_none_or(|request| known.contains(&request)),
            "no request of man's: {line}"
        );
    }
    ["\\fB", "\\fI", "\\fR"]
        .iter()
        .fold(page.replace("\\-", "-"), |text, font| {
            text.replace(font, "")
        })
}

#[test]
fn manual_pages_name_everything() {
    let whole = page(&[]);
    assert!(whole.contains("syncrepl"), "{whole}");
    assert!(
        whole.contains("a guard stopped what would have deleted too much"),
        "no exit codes: {whole}"
    );
    for (name, options) in with_options() {
        assert!(
            whole.contains(&format!("syncrepl-{name}(1)")),
            "no {name}: {whole}"
        );
        let own = page(&[&name]);
        assert!(own.contains(&format!(".TH syncrepl-{name} 1")), "{own}");
        assert!(own.contains(&format!("syncrepl {name}")), "{own}");
        assert!(
            options.len() >= 2 || name == "completions" || name == "man",
            "{name}: {options:?}"
        );
        for option in options {
            assert!(own.contains(&option), "no {option}: {own}");
        }
    }
    Outcome::run(&["man", "nothing"]).assert_failed(2, &["no subcommand is called 'nothing'"]);
}

/// The options of the subcommands that connect are in groups. Only these stand before them.
#[test]
fn help_is_in_groups() {
    for name in ["refresh", "follow", "doctor"] {
        let help = Outcome::run(&[name, "--help"]).assert_done().stdout.clone();
        let mut group = "";
        let mut ungrouped = Vec::new();
        let mut groups = Vec::new();
        for line in help.lines() {
            if let Some(heading) = line.strip_suffix(':').filter(|line| !line.starts_with(' ')) {
                group = heading;
                groups.push(heading);
            }
            let option = line.trim().trim_start_matches(['-', ',']);
            if line.trim().starts_with('-') && group == "Options" {
                ungrouped.push(
                    option
                        .split([' ', ','])
                        .next()
                        .unwrap_or_default()
                        .to_owned(),
                );
            }
        }
        assert_eq!(ungrouped, ["data", "h"], "{name}: {help}");
        for heading in ["Connection", "Identity", "TLS", "Search", "Output", "Times"] {
            assert!(groups.contains(&heading), "{name}: no {heading} in {help}");
        }
        assert!(
            name == "doctor" || groups.contains(&"Guards"),
            "{name}: {help}"
        );
    }
}

/// Each option with what the help says of it, as the first words of its text.
fn texts(help: &str) -> Vec<(String, String)> {
    let options = help.split("\nExamples:").next().unwrap_or_default();
    let mut lines = options.lines().peekable();
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        let bullet = line.trim_start().starts_with("- ");
        if bullet || !line.trim_start().starts_with('-') || !line.starts_with(' ') {
            continue;
        }
        // A short help has the text on the same line.
        let beside = line.trim().split_once("  ").map(|(_, text)| text.trim());
        let mut text = beside.map(|text| format!("{text} ")).unwrap_or_default();
        while let Some(more) = lines.next_if(|line| line.starts_with("          ")) {
            text = text + more.trim() + " ";
        }
        // Lists of values and defaults are set otherwise.
        let text = text.split(" [").next().unwrap_or_default();
        let first: String = text.chars().take(60).collect();
        let name = line.trim().split([' ', ',']).next().unwrap_or_default();
        found.push((name.to_owned(), first.trim().to_owned()));
    }
    found
}

#[test]
fn manual_pages_say_what_each_option_does() {
    for name in subcommands() {
        let own = page(&[&name])
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        let own = own.replace("*(Aq", "'").replace('\\', "");
        let help = Outcome::run(&[&name, "--help"]);
        let all = texts(&help.assert_done().stdout);
        for (option, text) in &all {
            assert!(
                !text.is_empty() && own.contains(text.as_str()),
                "{name} {option}: {text:?}: {own}"
            );
        }
        assert!(own.contains(r#".SH "EXIT STATUS" .TP 0 done"#), "{own}");
        if ["refresh", "follow", "doctor"].contains(&name.as_str()) {
            assert!(all.len() > 25, "{all:?}");
            for words in [
                ".SH ENVIRONMENT",
                "SYNCREPL_BIND_PASSWORD",
                ".SH FILES",
                "FILE.lock",
            ] {
                assert!(own.contains(words), "{name}: no {words}: {own}");
            }
        }
    }
    let synopsis =
        ".SH SYNOPSIS syncrepl refresh [OPTIONS] --data <FILE> [URL | FILTER [ATTRIBUTE]…] .ie";
    let own = page(&["refresh"])
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    assert!(own.contains(synopsis), "{own}");
}
