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
            "ie", "el", "TH", "SH", "SS", "TP", "RS", "RE", "PP", "br", "nf", "fi", "IP",
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
