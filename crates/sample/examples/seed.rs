//! Seeds a database: `seed LOCATION TASKS`. Prints what the command of the server prints, and how long it took.

use std::io::Write as _;

use model::{Clock, Random};
use sample::seed::{Seed, seed};
use store::{Db, Options};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let location = arguments.next().unwrap_or_else(|| "sqlite::memory:".into()).parse()?;
    let tasks = arguments.next().map_or(Ok(10_000), |tasks| tasks.parse())?;
    let clock = Clock::system();
    let began = clock.now();
    let db = Db::open(Options::new(location)).await?;
    let watch = clock.clone();
    let progress = move |progress: sample::seed::Progress| {
        let seconds = (watch.now() - began) / 1_000;
        let mut out = std::io::stderr().lock();
        drop(write!(out, "\r{} of {} tasks, {seconds} s", progress.tasks, progress.of));
        drop(out.flush());
    };
    let seeded = seed(&db, &Seed::of(tasks), began, &Random::system(), progress).await?;
    db.close().await;
    eprintln!("\nseeded in {:.1} s", (clock.now() - began) as f64 / 1_000.0);
    println!("{}", serde_json::to_string(&seeded)?);
    Ok(())
}
