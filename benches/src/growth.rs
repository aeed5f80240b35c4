//! What a hundred times as many tasks cost.

use std::path::Path;

use crate::Bench;
use crate::figure::Goal;
use crate::load::{self, Load, Requests};
use crate::process;
use crate::world::World;

const CONNECTIONS: usize = 16;
/// What may remain of the rate at the usual size.
const KEPT: Goal = Goal::AtLeast(0.8);
/// Tasks that are read in turn.
const TASKS: usize = 5_000;

pub fn measure(bench: &mut Bench, directory: &Path) -> anyhow::Result<()> {
    let arguments = &bench.arguments;
    let (tasks, large_tasks) = (arguments.tasks, arguments.large_tasks);
    let home = directory.join("large");
    std::fs::create_dir_all(&home)?;
    let large = bench.servers.block_on(World::in_file(&home, large_tasks))?;
    if bench.wants("growth") {
        let small = directory.join("small");
        std::fs::create_dir_all(&small)?;
        let small = bench.servers.block_on(World::in_file(&small, tasks))?;
        compare(bench, &small, &large)?;
        guest(bench, &large)?;
        bench.servers.block_on(small.db.close());
    }
    bench.servers.block_on(large.db.close());
    if bench.wants("process") {
        process::measure_large(bench, &home, &large.seeded)?;
    }
    Ok(())
}

fn compare(bench: &mut Bench, small: &World, large: &World) -> anyhow::Result<()> {
    let points = [small, large].map(|world| {
        let gids = bench.servers.block_on(world.some_tasks(TASKS))?;
        anyhow::Ok(world.get_each(gids.into_iter().map(|gid| format!("/tasks/{gid}"))))
    });
    let [small_points, large_points] = points;
    let mut both: Vec<(&str, Requests, Requests)> = vec![("a task", small_points?, large_points?)];
    let small_pages = bench.servers.block_on(small.pages())?;
    let large_pages = bench.servers.block_on(large.pages())?;
    let names = ["first page", "middle page", "last page"];
    for ((name, small), large) in names.into_iter().zip(small_pages).zip(large_pages) {
        both.push((name, small, large));
    }
    let create = [small, large].map(|world| bench.servers.block_on(world.create()));
    let [small_create, large_create] = create;
    both.push(("create", small_create?, large_create?));
    for (name, small_requests, large_requests) in both {
        let connections = if name == "create" { 64 } else { CONNECTIONS };
        let base = bench.load(small.address, &small_requests, connections);
        let ours = bench.load(large.address, &large_requests, connections);
        let compared = bench.compare(&base, &ours)?;
        let measure = format!("{name}, {} tasks of {}", large.seeded.tasks, small.seeded.tasks);
        bench.tell(measure, compared.ratio, "ratio", KEPT);
        bench.tell(format!("{name}, {} tasks", large.seeded.tasks), compared.ours.rate(), "/s", Goal::None);
    }
    Ok(())
}

/// Someone who sees ten of all tasks asks for lists that hold most of them.
fn guest(bench: &mut Bench, world: &World) -> anyhow::Result<()> {
    let seeded = &world.seeded;
    let lists = [
        ("own tasks", format!("/tasks?assignee=me&workspace={}&limit=100", seeded.workspace)),
        ("tasks of a tag that most have", format!("/tags/{}/tasks?limit=100", seeded.tag)),
    ];
    for (name, path) in lists {
        let requests: Requests = vec![load::get(&path, &seeded.guest_token)].into();
        let load = Load { connections: 1, ..bench.load(world.address, &requests, 1) };
        let mut run = bench.run(&load)?;
        bench.tell(format!("a guest's {name}, p99"), run.percentile(0.99), "ms", Goal::AtMost(20.0));
    }
    Ok(())
}
