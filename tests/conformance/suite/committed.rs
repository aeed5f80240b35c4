//! Committed files that tests compare with.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

/// A file of this crate, or of the repository's top when it begins with `../../`.
fn path(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(file)
}

#[expect(clippy::disallowed_methods, reason = "the switch of whoever runs the tests")]
fn update() -> String {
    std::env::var("UPDATE").unwrap_or_default()
}

/// The text of a committed file; empty when there is none yet.
pub fn read(file: &str) -> String {
    fs::read_to_string(path(file)).unwrap_or_default()
}

/// Compares a text with a committed file, or writes it.
#[track_caller]
pub fn agree(file: &str, fresh: &str) {
    let known = read(file);
    if known == fresh {
        return;
    }
    if !update().is_empty() {
        fs::write(path(file), fresh).expect("writes the committed file");
        return;
    }
    let known: Vec<&str> = known.lines().collect();
    let lines: Vec<&str> = fresh.lines().collect();
    let (gone, new) = differences(&known, &lines);
    panic!("{file} differs (UPDATE=1 writes it):{}{}", listed("- ", &gone), listed("+ ", &new));
}

/// Compares a list with a committed one that may only shrink.
#[track_caller]
pub fn only_shrinks(file: &str, head: &str, fresh: &BTreeSet<String>) {
    let text = read(file);
    let known: BTreeSet<&str> = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let new: Vec<&str> = fresh.iter().map(String::as_str).filter(|line| !known.contains(line)).collect();
    let stale: Vec<&str> = known.iter().copied().filter(|line| !fresh.contains(*line)).collect();
    let mode = update();
    let grows = mode == "grow";
    if !mode.is_empty() {
        let kept = fresh.iter().filter(|line| grows || known.contains(line.as_str()));
        let lines: String = kept.map(|line| format!("{line}\n")).collect();
        fs::write(path(file), format!("# {head}\n{lines}")).expect("writes the committed list");
    }
    let forgiven = if grows { &[][..] } else { &new[..] };
    assert!(
        forgiven.is_empty() && (stale.is_empty() || !mode.is_empty()),
        "{file}: not built and not listed (UPDATE=grow lists them):{}\nlisted, and no longer so (UPDATE=1 removes \
         them):{}",
        listed("+ ", forgiven),
        listed("- ", &stale)
    );
}

fn differences<'a>(old: &[&'a str], new: &[&'a str]) -> (Vec<&'a str>, Vec<&'a str>) {
    let gone = old.iter().copied().filter(|line| !new.contains(line)).collect();
    let fresh = new.iter().copied().filter(|line| !old.contains(line)).collect();
    (gone, fresh)
}

fn listed(mark: &str, lines: &[&str]) -> String {
    const MOST: usize = 60;
    let mut text: String = lines.iter().take(MOST).map(|line| format!("\n{mark}{line}")).collect();
    if lines.len() > MOST {
        text.push_str(&format!("\n  and {} more", lines.len() - MOST));
    }
    text
}
