use std::sync::Arc;
use std::time::{Duration, Instant};

use oracle::{PEOPLE, Step, history};
use testkit::{Engine, World};

use crate::play::{Finding, Play};
use crate::referee::referee;

/// How many steps of a history come to something.
const STEPS: usize = 250;

/// How many worlds `cargo test` looks at on each engine; `ORACLE_SEEDS` says otherwise: a number, or `FROM..TO`.
const WORLDS: u64 = 6;

#[expect(clippy::disallowed_methods, reason = "tests have no configuration")]
fn seeds() -> std::ops::RangeInclusive<u64> {
    let asked = std::env::var("ORACLE_SEEDS").unwrap_or_default();
    match (asked.split_once(".."), asked.parse()) {
        (Some((from, to)), _) => from.parse().expect("FROM..TO")..=to.parse().expect("FROM..TO"),
        (None, Ok(most)) => 1..=most,
        (None, Err(_)) => 1..=WORLDS,
    }
}

#[test]
fn random_worlds_are_as_the_oracle_says_embedded() {
    testkit::run(look_at_worlds(Engine::Embedded));
}

#[test]
fn random_worlds_are_as_the_oracle_says_server() {
    testkit::run(look_at_worlds(Engine::Server));
}

async fn look_at_worlds(engine: Engine) {
    let world = &Play::world(engine).await;
    for seed in seeds() {
        let history = history(seed, STEPS);
        let findings = look((engine, world), seed, &history, None).await;
        if let Some(first) = findings.first() {
            let history = shorten((engine, world), seed, history, &first.question).await;
            let last = look((engine, world), seed, &history, Some(&first.question)).await;
            let mut report = format!("seed {seed} on {engine:?}, after\n");
            history.iter().for_each(|step| report.push_str(&format!("  {step:?}\n")));
            report.push_str(&format!("{}\n  {}\n", first.question, last.first().unwrap_or(first).what));
            let others: Vec<String> = findings
                .iter()
                .skip(1)
                .take(9)
                .map(|other| format!("{}\n  {}\n", other.question, other.what))
                .collect();
            panic!(
                "{report}{} more findings before the history was shortened:\n{}",
                findings.len() - 1,
                others.join("")
            );
        }
    }
}

/// Plays a history and asks afterwards, everything or one question.
async fn look((engine, world): (Engine, &World), seed: u64, history: &[Step], only: Option<&str>) -> Vec<Finding> {
    let mut play = Play::begin(world).await;
    for step in history {
        let findings = play.step(step).await;
        if !findings.is_empty() {
            return findings;
        }
    }
    play.learn_the_rest().await;
    let askers = match engine {
        Engine::Embedded => PEOPLE,
        // The same statements, many times slower.
        Engine::Server => 3,
    };
    referee(&Arc::new(play), seed, askers, only).await
}

/// Leaves out of a history what the question does not need.
#[expect(clippy::disallowed_methods, reason = "measures")]
async fn shorten((engine, world): (Engine, &World), seed: u64, mut history: Vec<Step>, question: &str) -> Vec<Step> {
    let started = Instant::now();
    let mut size = history.len() / 2;
    while size > 0 {
        let mut at = 0;
        while at < history.len() {
            if started.elapsed() > Duration::from_secs(90) {
                return history;
            }
            let mut shorter = history.clone();
            shorter.drain(at..(at + size).min(history.len()));
            let findings = look((engine, world), seed, &shorter, Some(question)).await;
            if findings.iter().any(|finding| finding.question == question) {
                history = shorter;
            } else {
                at += size;
            }
        }
        size /= 2;
    }
    history
}
