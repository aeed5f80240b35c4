//! Tasks of the repository itself, run as `cargo xtask NAME`.

mod code;
mod contract;
mod tidy;
mod tree;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

const HELP: &str = "\
cargo xtask tidy                    check what the compiler cannot: arrows between crates, names, links, leftovers
cargo xtask contract FILE           write tests/conformance/contract from the published OpenAPI description
cargo xtask contract FILE --check   compare instead of writing; fails when they differ

FILE may be left out when VINYASA_CONTRACT names it.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Result<ExitCode> {
    let root = root();
    match words {
        ["tidy"] => tidy(&root),
        ["contract"] => contract(&root, &contract_from_environment()?, false),
        ["contract", "--check"] => contract(&root, &contract_from_environment()?, true),
        ["contract", file] => contract(&root, Path::new(file), false),
        ["contract", file, "--check"] | ["contract", "--check", file] => contract(&root, Path::new(file), true),
        [] | ["help" | "--help" | "-h"] => {
            println!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        _ => bail!("no such task: {}\n{HELP}", words.join(" ")),
    }
}

/// The top of the repository: the parent of this crate's directory.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_owned()
}

fn tidy(root: &Path) -> Result<ExitCode> {
    let tree = tree::Tree::read(root)?;
    let findings = tidy::check(&tree);
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => println!("tidy: {} files, nothing to say", tree.files.len()),
        n => println!("tidy: {n} findings in {} files", tree.files.len()),
    }
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[expect(clippy::disallowed_methods, reason = "an argument of this command, not a setting of the server")]
fn contract_from_environment() -> Result<PathBuf> {
    let path = std::env::var_os("VINYASA_CONTRACT").filter(|path| !path.is_empty());
    path.map(PathBuf::from).context("name the published OpenAPI description as FILE or in VINYASA_CONTRACT")
}

fn contract(root: &Path, file: &Path, only_check: bool) -> Result<ExitCode> {
    let tables = published_tables(file)?;
    if !only_check {
        for (name, table) in tables {
            let path = root.join(contract::DIRECTORY).join(name);
            std::fs::write(&path, &table).with_context(|| format!("writing {}", path.display()))?;
            println!("{}/{name}: {} rows", contract::DIRECTORY, table.lines().count() - 1);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let differences = contract_differences(root, &tables);
    if differences.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    println!("{}", differences.join("\n"));
    println!("the committed contract is not that of the file: run `cargo xtask contract FILE` and read the change");
    Ok(ExitCode::FAILURE)
}

fn published_tables(file: &Path) -> Result<Vec<(&'static str, String)>> {
    let text = std::fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    let document = serde_json::from_slice(&text).with_context(|| format!("{} is not JSON", file.display()))?;
    contract::tables(&document)
}

/// The first difference of each committed table, as `path:line: what is wanted`.
fn contract_differences(root: &Path, tables: &[(&str, String)]) -> Vec<String> {
    let difference = |(name, table): &(&str, String)| {
        let path = format!("{}/{name}", contract::DIRECTORY);
        let committed = std::fs::read_to_string(root.join(&path)).unwrap_or_default();
        contract::first_difference(&committed, table).map(|difference| format!("{path}:{difference}"))
    };
    tables.iter().filter_map(difference).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_contract_is_the_published_one() {
        // The published description is not ours to pass on; a clone without it has only the tables.
        let Ok(file) = contract_from_environment() else { return };
        let differences = contract_differences(&root(), &published_tables(&file).unwrap());
        assert!(differences.is_empty(), "\n{}", differences.join("\n"));
    }
}
