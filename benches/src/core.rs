//! What an answer costs without HTTP: the processor's time in the engine and the store, however busy the machine is.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use engine::operation::Method;
use engine::{Api, Request};
use tokio::task::JoinSet;

use crate::Bench;
use crate::figure::Goal;
use crate::world::World;

/// Writers at once, so that they share commits.
const WRITERS: usize = 64;

pub fn measure(bench: &mut Bench, world: &World) -> anyhow::Result<()> {
    let time = Duration::from_secs_f64(bench.arguments.seconds);
    let full: Vec<String> = world.seeded.full_tasks.iter().map(|gid| format!("/tasks/{gid}")).collect();
    let reads = [
        ("users/me", vec!["/users/me".to_owned()]),
        ("full task", full),
        ("page of 100 with 12 nested fields", vec![world.nested_page_path()]),
    ];
    for (name, paths) in &reads {
        let asked = Asked { method: Method::Get, token: world.seeded.admin_token.clone(), body: String::new() };
        // The first answer also loads who asks.
        bench.servers.block_on(cost(&world.api, asked.clone(), &paths[..1], 1, Duration::ZERO))?;
        let statements = world.db.statements();
        bench.servers.block_on(cost(&world.api, asked.clone(), &paths[..1], 1, Duration::ZERO))?;
        let statements = world.db.statements() - statements;
        let cost = bench.servers.block_on(cost(&world.api, asked, paths, 1, time))?;
        bench.tell(format!("{name}, processor time without HTTP"), cost, "us", Goal::None);
        bench.tell(format!("{name}, statements"), statements as f64, "", Goal::None);
    }
    let body = bench.servers.block_on(world.create_bodies())?.swap_remove(0);
    let asked = Asked { method: Method::Post, token: world.seeded.admin_token.clone(), body };
    let paths = vec!["/tasks".to_owned()];
    let tasks = bench.servers.block_on(world.tasks())? as f64;
    let before = (world.db.statements(), world.db.commits(), written()?);
    let created = bench.servers.block_on(cost(&world.api, asked, &paths, WRITERS, time))?;
    let count = bench.servers.block_on(world.tasks())? as f64 - tasks;
    let of = |before: u64, now: u64| (now - before) as f64 / count;
    bench.tell("full task created, statements", of(before.0, world.db.statements()), "", Goal::None);
    bench.tell("full task created, commits", of(before.1, world.db.commits()), "", Goal::None);
    bench.tell("full task created, written to files", of(before.2, written()?) / 1_000.0, "kB", Goal::None);
    bench.tell("full task created, processor time without HTTP", created, "us", Goal::None);
    Ok(())
}

#[derive(Clone)]
struct Asked {
    method: Method,
    token: String,
    body: String,
}

/// Microseconds of the processor for an answer.
async fn cost(api: &Arc<Api>, asked: Asked, paths: &[String], tasks: usize, time: Duration) -> anyhow::Result<f64> {
    let before = processor_time()?;
    let start = Instant::now();
    let mut asking = JoinSet::new();
    for _ in 0..tasks {
        let (api, asked, paths) = (Arc::clone(api), asked.clone(), paths.to_vec());
        asking.spawn(async move {
            let digest = auth::token::digest(&asked.token);
            let mut count = 0;
            loop {
                let whole: &str = &paths[count % paths.len()];
                let (path, query) = whole.split_once('?').unwrap_or((whole, ""));
                let request = Request {
                    method: Some(asked.method),
                    path,
                    query,
                    token: Some(digest),
                    content_type: Some("application/json"),
                    body: asked.body.as_bytes(),
                    base: "http://localhost".into(),
                    upload: None,
                };
                let response = api.respond(&request).await;
                ensure!(response.status < 300, "{whole}: {}", String::from_utf8_lossy(&response.body));
                count += 1;
                if start.elapsed() >= time {
                    break;
                }
            }
            Ok(count)
        });
    }
    let mut count = 0;
    while let Some(done) = asking.join_next().await {
        count += done??;
    }
    Ok((processor_time()? - before) / 1_000.0 / count.max(1) as f64)
}

/// Nanoseconds that the threads of this process have run.
fn processor_time() -> anyhow::Result<f64> {
    let mut sum = 0.0;
    for thread in fs::read_dir("/proc/self/task")? {
        let times = fs::read_to_string(thread?.path().join("schedstat"))?;
        sum += times.split(' ').next().unwrap_or_default().parse::<f64>()?;
    }
    Ok(sum)
}

/// Bytes that this process has written.
fn written() -> anyhow::Result<u64> {
    let counters = fs::read_to_string("/proc/self/io")?;
    let line = counters.lines().find_map(|line| line.strip_prefix("wchar: "));
    Ok(line.unwrap_or_default().parse()?)
}
