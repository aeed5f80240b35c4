//! The files of the repository as one value, so that a check is a function of text and a test needs no disk.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

#[derive(Default)]
pub struct Tree {
    /// By path from the top of the repository. `None` where the content is not UTF-8.
    pub files: BTreeMap<String, Option<String>>,
}

impl Tree {
    /// What git tracks, and what it would track if it were added.
    pub fn read(root: &Path) -> Result<Tree> {
        let listing = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(root)
            .output()
            .context("running git ls-files")?;
        ensure!(listing.status.success(), "git ls-files: {}", String::from_utf8_lossy(&listing.stderr).trim());
        let mut files = BTreeMap::new();
        for path in listing.stdout.split(|&byte| byte == 0).filter(|path| !path.is_empty()) {
            let path = String::from_utf8(path.to_owned()).context("a file name is not UTF-8")?;
            // Deleted but still in the index, or a link to a directory: nothing to read.
            let Ok(content) = std::fs::read(root.join(&path)) else { continue };
            files.insert(path, String::from_utf8(content).ok());
        }
        Ok(Tree { files })
    }

    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().filter_map(|(path, text)| Some((path.as_str(), text.as_deref()?)))
    }

    /// Is there such a file, or a directory with files in it?
    pub fn holds(&self, path: &str) -> bool {
        let below = format!("{path}/");
        path.is_empty()
            || self.files.contains_key(path)
            || self.files.range(below.clone()..).next().is_some_and(|(next, _)| next.starts_with(&below))
    }

    #[cfg(test)]
    pub fn of(files: &[(&str, &str)]) -> Tree {
        Tree { files: files.iter().map(|&(path, text)| (path.to_owned(), Some(text.to_owned()))).collect() }
    }
}
