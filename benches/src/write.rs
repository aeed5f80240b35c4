//! Writes, and reads beside them.

use std::time::Duration;

use crate::Bench;
use crate::figure::Goal;
use crate::load::{self, Load};
use crate::world::World;

/// Connections that write.
const WRITERS: usize = 64;
/// Connections that read beside them.
const READERS: usize = 16;
/// Writes a second while reads are timed.
const PACE: f64 = 5_000.0;
/// Reads a second meanwhile: enough to time, too few to be the load themselves.
const READS: f64 = 1_000.0;

pub fn measure(bench: &mut Bench, world: &World) -> anyhow::Result<()> {
    let create = bench.servers.block_on(world.create())?;
    let load = bench.load(world.address, &create, WRITERS);
    let load = Load { time: load.time * 3, ..load };
    bench.run(&Load { time: load.time / 10, ..load.clone() })?;
    let commits = world.db.commits();
    let mut run = bench.run(&load)?;
    let commits = (world.db.commits() - commits).max(1);
    bench.tell(format!("full task created at {WRITERS} connections"), run.rate(), "/s", Goal::AtLeast(5_000.0));
    bench.tell("creates in a commit", run.requests() as f64 / commits as f64, "", Goal::AtLeast(16.0));
    bench.tell("full task created, p99", run.percentile(0.99), "ms", Goal::None);

    let time = Duration::from_secs_f64(3.0 * bench.arguments.seconds);
    let writes = Load { rate: Some(PACE), time, ..bench.load(world.address, &world.rename(), WRITERS) };
    let reads = Load { rate: Some(READS), time, ..bench.load(world.address, &world.full_tasks(), READERS) };
    let both = async { tokio::try_join!(load::run(&writes), load::run(&reads)) };
    let (writes, mut reads) = bench.clients.block_on(both)?;
    bench.tell("small writes beside reads", writes.rate(), "/s", Goal::AtLeast(PACE * 0.95));
    bench.tell("full task read beside them, p99", reads.percentile(0.99), "ms", Goal::AtMost(20.0));
    Ok(())
}

pub fn measure_network(bench: &mut Bench, world: &World) -> anyhow::Result<()> {
    let create = bench.servers.block_on(world.create())?;
    let load = bench.load(world.address, &create, WRITERS);
    let load = Load { time: load.time * 3, ..load };
    bench.run(&Load { time: load.time / 10, ..load.clone() })?;
    let mut run = bench.run(&load)?;
    bench.tell(
        format!("PostgreSQL: full task created at {WRITERS} connections"),
        run.rate(),
        "/s",
        Goal::AtLeast(1_000.0),
    );
    bench.tell("PostgreSQL: full task created, p99", run.percentile(0.99), "ms", Goal::None);
    Ok(())
}
