//! Reads.

use crate::Bench;
use crate::figure::Goal;
use crate::world::World;

/// Connections under which ratios are taken.
const CONNECTIONS: usize = 16;
/// Connections under which times are taken.
const MANY: usize = 64;

pub fn measure(bench: &mut Bench, world: &World) -> anyhow::Result<()> {
    let me = bench.compare_with_bare(world, &world.get("/users/me"), CONNECTIONS)?;
    bench.tell("users/me, of a bare answer", me.ratio, "ratio", Goal::AtLeast(0.5));
    bench.tell("users/me", me.ours.rate(), "/s", Goal::None);
    let full = bench.compare_with_bare(world, &world.full_tasks(), CONNECTIONS)?;
    bench.tell("full task, of a bare answer", full.ratio, "ratio", Goal::AtLeast(0.35));
    bench.tell("full task", full.ours.rate(), "/s", Goal::None);
    let page = bench.compare_with_bare(world, &world.nested_page(), CONNECTIONS)?;
    bench.tell("page of 100 with 12 nested fields, of a bare answer", page.ratio, "ratio", Goal::AtLeast(0.05));
    bench.tell("page of 100 with 12 nested fields", page.ours.rate(), "/s", Goal::None);

    for (name, requests, goal) in [
        ("users/me", world.get("/users/me"), Goal::AtMost(10.0)),
        ("full task", world.full_tasks(), Goal::AtMost(10.0)),
        ("page of 100 with 12 nested fields", world.nested_page(), Goal::None),
    ] {
        let mut run = bench.run(&bench.load(world.address, &requests, MANY))?;
        bench.tell(format!("{name}, p99 at {MANY} connections"), run.percentile(0.99), "ms", goal);
    }
    Ok(())
}

pub fn measure_network(bench: &mut Bench, world: &World) -> anyhow::Result<()> {
    let full = bench.compare_with_bare(world, &world.full_tasks(), CONNECTIONS)?;
    bench.tell("PostgreSQL: full task, of a bare answer", full.ratio, "ratio", Goal::AtLeast(0.05));
    bench.tell("PostgreSQL: full task", full.ours.rate(), "/s", Goal::None);
    Ok(())
}
