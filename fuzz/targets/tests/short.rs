//! Every input that once showed something, and some hundred thousand new ones that are the same each time.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use fuzz_targets::mutation::Mutator;
use fuzz_targets::{TARGETS, Target};

/// Changed inputs per target; fewer where each costs more, so that none takes long on a slow machine.
const MUTATIONS: usize = 200_000;

fn corpus(name: &str) -> Vec<(String, Vec<u8>)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus").join(name);
    let entries = fs::read_dir(&directory).expect("a corpus").map(|entry| entry.expect("a file").path());
    let mut files: Vec<_> = entries.collect();
    files.sort();
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    files.iter().map(|path| (name(path), fs::read(path).expect("is read"))).collect()
}

fn run(name: &str, mutations: usize) {
    let target: &Target = TARGETS.iter().find(|target| target.name == name).expect("a target");
    let corpus = corpus(name);
    assert!(!corpus.is_empty());
    for (file, input) in &corpus {
        try_one(target, input, file);
    }
    let mutator = Mutator::new(1, corpus.into_iter().map(|(_, input)| input).collect(), (target.words)());
    for number in 0..mutations {
        try_one(target, &mutator.next_input(), &format!("mutation {number}"));
    }
}

fn try_one(target: &Target, input: &[u8], name: &str) {
    // The panic has told what is wrong; this tells with what.
    if catch_unwind(AssertUnwindSafe(|| (target.run)(input))).is_err() {
        panic!("{}, {name}: {:?}", target.name, String::from_utf8_lossy(input));
    }
}

#[test]
fn opt_fields() {
    run("opt_fields", MUTATIONS / 2);
}

#[test]
fn offset() {
    run("offset", MUTATIONS / 4);
}

#[test]
fn body() {
    run("body", MUTATIONS);
}

#[test]
fn route() {
    run("route", MUTATIONS);
}

#[test]
fn rich_text() {
    run("rich_text", MUTATIONS);
}

#[test]
fn every_target_has_its_test_and_its_fuzzer() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tests = fs::read_to_string(here.join("tests/short.rs")).expect("is read");
    for target in TARGETS {
        assert!(tests.contains(&format!("\nfn {}() {{", target.name)));
        let fuzzer = fs::read_to_string(here.join(format!("../fuzz_targets/{}.rs", target.name))).expect("a fuzzer");
        assert!(fuzzer.contains(&format!("fuzz_targets::{}::run", target.name)));
    }
}
