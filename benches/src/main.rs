//! Measures the server under load, in one run with a handler that does nothing but answer, so that the figures compare
//! between machines. docs/benchmarks.md says what each figure means.
#![expect(clippy::disallowed_methods, reason = "measuring is what this program is for")]

mod core;
mod figure;
mod growth;
mod load;
mod process;
mod read;
mod served;
mod world;
mod write;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use store::Location;
use tokio::runtime::{Builder, Runtime};

use figure::{Committed, Figure, Goal};
use load::{Load, Requests, Run};
use world::World;

/// As in the server itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures the server under load and compares the figures with their goals and with those of `--figures`.
#[derive(Parser)]
struct Arguments {
    /// Measures also with a million tasks, which takes some minutes more
    #[arg(long)]
    large: bool,
    /// Only the groups that are named: core, read, write, network, process, growth
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Rounds of each comparison, of which the median counts
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds that each side of a round takes
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// How many tasks the usual database has
    #[arg(long, default_value_t = 10_000)]
    tasks: u64,
    /// How many tasks the large database has
    #[arg(long, default_value_t = 1_000_000)]
    large_tasks: u64,
    /// Where databases are made, on the disk that is to be measured
    #[arg(long, default_value = "target/bench")]
    directory: PathBuf,
    /// An empty database on a server, for the group `network`
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// The program `vinyasa`, for the group `process` [default: the one beside this program]
    #[arg(long)]
    program: Option<PathBuf>,
    /// The committed figures
    #[arg(long, default_value = "benches/figures.tsv")]
    figures: PathBuf,
    /// Writes what was measured to the committed figures
    #[arg(long)]
    record: bool,
}

/// A run of the program.
struct Bench {
    arguments: Arguments,
    /// Where the servers run, on as many threads as the machine has cores.
    servers: Runtime,
    /// Where the load comes from: one thread, which is busy with reading and writing sockets and little else.
    clients: Runtime,
    committed: Committed,
    figures: Vec<Figure>,
}

/// Both sides of a comparison, over all rounds.
struct Compared {
    /// The median of the rounds' ratios.
    ratio: f64,
    ours: Run,
}

impl Bench {
    fn wants(&self, group: &str) -> bool {
        self.arguments.only.is_empty() || self.arguments.only.iter().any(|wanted| wanted == group)
    }

    fn tell(&mut self, measure: impl Into<String>, value: f64, unit: &'static str, goal: Goal) {
        let figure = Figure { measure: measure.into(), value, unit, goal };
        println!("{}", self.committed.row(&figure));
        self.figures.push(figure);
    }

    fn load(&self, address: SocketAddr, requests: &Requests, connections: usize) -> Load {
        let time = Duration::from_secs_f64(self.arguments.seconds);
        Load { address, requests: requests.clone(), connections, time, rate: None }
    }

    fn run(&self, load: &Load) -> anyhow::Result<Run> {
        self.clients.block_on(load::run(load))
    }

    /// Puts two servers under load in turn, and compares how many requests each answers.
    fn compare(&self, base: &Load, ours: &Load) -> anyhow::Result<Compared> {
        let short = |load: &Load| Load { time: load.time / 10, ..load.clone() };
        self.run(&short(base))?;
        self.run(&short(ours))?;
        let mut ratios = Vec::new();
        let mut all = Run::default();
        for _ in 0..self.arguments.rounds.max(1) {
            let base = self.run(base)?;
            let ours = self.run(ours)?;
            ratios.push(ours.rate() / base.rate());
            all.add(ours);
        }
        ratios.sort_by(f64::total_cmp);
        Ok(Compared { ratio: ratios[ratios.len() / 2], ours: all })
    }

    /// Compares with the handler that answers the same without any work.
    fn compare_with_bare(&self, world: &World, requests: &Requests, connections: usize) -> anyhow::Result<Compared> {
        let answer = self.servers.block_on(world.answer(&requests[0]))?;
        let bare = self.servers.block_on(served::bare(answer.into()))?;
        let ours = self.load(world.address, requests, connections);
        self.compare(&Load { address: bare, ..ours.clone() }, &ours)
    }
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    std::fs::create_dir_all(&arguments.directory)?;
    // Removed at the end, whatever that is.
    let directory = tempfile::Builder::new().prefix("run-").tempdir_in(&arguments.directory)?;
    let committed = Committed::read(&arguments.figures)?;
    let mut bench = Bench {
        arguments,
        servers: Builder::new_multi_thread().enable_all().build()?,
        clients: Builder::new_current_thread().enable_all().build()?,
        committed,
        figures: Vec::new(),
    };
    println!("{}", figure::heads());
    measure(&mut bench, directory.path())?;
    if bench.arguments.record {
        bench.committed.write(&bench.arguments.figures, &bench.figures)?;
        return Ok(ExitCode::SUCCESS);
    }
    let losses = bench.committed.losses(&bench.figures);
    losses.iter().for_each(|measure| eprintln!("clearly worse than committed: {measure}"));
    Ok(if losses.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn measure(bench: &mut Bench, directory: &Path) -> anyhow::Result<()> {
    let tasks = bench.arguments.tasks;
    if ["core", "read", "write"].iter().any(|group| bench.wants(group)) {
        let world = bench.servers.block_on(World::in_file(directory, tasks))?;
        if bench.wants("core") {
            core::measure(bench, &world)?;
        }
        if bench.wants("read") {
            read::measure(bench, &world)?;
        }
        if bench.wants("write") {
            write::measure(bench, &world)?;
        }
        bench.servers.block_on(world.db.close());
    }
    if let (true, Some(url)) = (bench.wants("network"), bench.arguments.server.clone()) {
        let world = bench.servers.block_on(World::new(Location::Postgres(url), tasks))?;
        bench.servers.block_on(world.require_durable_server())?;
        read::measure_network(bench, &world)?;
        write::measure_network(bench, &world)?;
        bench.servers.block_on(world.db.close());
    }
    if bench.wants("process") {
        process::measure_empty(bench, directory)?;
    }
    if bench.arguments.large && (bench.wants("growth") || bench.wants("process")) {
        growth::measure(bench, directory)?;
    }
    Ok(())
}
