//! Measures the store: `cargo run --release -p store --example measure -- sqlite:/tmp/measure.db [tasks to load]`.
//!
//! The database must be one that may be filled with nonsense.

#![expect(clippy::disallowed_methods, reason = "measures")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use store::{Db, Error, Options, Query, Statement, Type, Value};

const TASKS: i64 = 20_000;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let location = arguments.next().unwrap_or_else(|| "sqlite::memory:".into()).parse()?;
    let started = Instant::now();
    let db = Db::open(Options::new(location)).await?;
    println!("open: {:?}, resident: {} kB", started.elapsed(), resident());
    if let Some(tasks) = arguments.next() {
        let tasks = tasks.parse().map_err(|_| Error::Location(tasks))?;
        load(&db, tasks).await?;
        return Ok(());
    }
    inserts(&db).await?;
    reads(&db).await?;
    commits(&db).await?;
    println!("resident: {} kB", resident());
    db.close().await;
    Ok(())
}

/// The memory of the process, in kB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
}

fn report(what: &str, count: i64, time: Duration) {
    let each = time.as_secs_f64() * 1e6 / count as f64;
    println!("{what}: {each:.2} us, {:.0} a second", 1e6 / each);
}

/// The columns of a task, and how each is filled.
const COLUMNS: &[(&str, Type)] = &[
    ("gid", Type::Int),
    ("workspace_id", Type::Int),
    ("name", Type::Text),
    ("resource_subtype", Type::Text),
    ("notes", Type::Text),
    ("html_notes", Type::Text),
    ("assignee_id", Type::Int),
    ("assignee_status", Type::Text),
    ("assigned_by_id", Type::Int),
    ("approval_status", Type::Text),
    ("completed", Type::Bool),
    ("completed_at", Type::Int),
    ("completed_by_id", Type::Int),
    ("start_on", Type::Text),
    ("start_at", Type::Int),
    ("due_on", Type::Text),
    ("due_at", Type::Int),
    ("parent_id", Type::Int),
    ("rank", Type::Text),
    ("is_rendered_as_separator", Type::Bool),
    ("created_at", Type::Int),
    ("created_by_id", Type::Int),
    ("modified_at", Type::Int),
    ("deleted_at", Type::Int),
];

fn task(gid: i64, row: &mut Vec<Value>) {
    row.extend([
        gid.into(),
        1.into(),
        format!("Task number {gid}").into(),
        "default_task".into(),
        "Some notes that say what is to be done, in a sentence or two.".into(),
        Value::Null,
        (gid % 100).into(),
        "upcoming".into(),
        Value::Null,
        Value::Null,
        (gid % 3 == 0).into(),
        Value::Null,
        Value::Null,
        Value::Null,
        Value::Null,
        "2026-11-22".into(),
        Value::Null,
        Value::Null,
        format!("a{gid:08}").into(),
        false.into(),
        1_790_000_000_000.into(),
        (gid % 100).into(),
        1_790_000_000_000.into(),
        Value::Null,
    ]);
}

fn insert_into(table: &str, columns: &[(&str, Type)]) -> Arc<Statement> {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let marks: Vec<String> = (1..=columns.len()).map(|number| format!("?{number}")).collect();
    Statement::new(format!("INSERT INTO {table} ({}) VALUES ({})", names.join(", "), marks.join(", ")), &[])
}

async fn inserts(db: &Db) -> Result<(), Error> {
    let statement = insert_into("tasks", COLUMNS);
    let started = Instant::now();
    let gids = db
        .write(move |write| {
            let mut row = Vec::new();
            for _ in 0..TASKS {
                row.clear();
                task(write.gid()?, &mut row);
                write.execute(&statement, &row)?;
            }
            write.gid()
        })
        .await?;
    report("insert of 24 columns with its gid", TASKS, started.elapsed());
    let statement = Statement::new("INSERT INTO objects (gid, kind, workspace_id) VALUES (?1, ?2, ?3)", &[]);
    let started = Instant::now();
    db.write(move |write| {
        (gids - TASKS..gids)
            .try_for_each(|gid| write.execute(&statement, &[gid.into(), "task".into(), 1.into()]).map(drop))
    })
    .await?;
    report("insert of 3 columns", TASKS, started.elapsed());
    Ok(())
}

async fn reads(db: &Db) -> Result<(), Error> {
    let first = Statement::new("SELECT min(gid) FROM tasks", &[Type::Int]);
    let first = db.begin_read().await?.one(Query::new(&first, Vec::new())).await?.int(0, 0).unwrap_or(0);
    let (mut names, mut types): (Vec<&str>, Vec<Type>) = COLUMNS.iter().copied().unzip();
    names.push("gid");
    types.push(Type::Int);
    let statement = Statement::new(format!("SELECT {} FROM tasks WHERE gid = ?1", names.join(", ")), &types);
    let query = |number: i64| Query::new(&statement, vec![(first + number * 7919 % TASKS).into()]);
    const READS: i64 = 50_000;
    for round in ["cold", "warm"] {
        let started = Instant::now();
        for number in 0..READS {
            db.begin_read().await?.one(query(number)).await?;
        }
        report(&format!("point read of 25 columns, {round}"), READS, started.elapsed());
    }
    let started = Instant::now();
    let mut read = db.begin_read().await?;
    for number in 0..READS {
        read.one(query(number)).await?;
    }
    report("the same within a transaction", READS, started.elapsed());
    drop(read);
    let started = Instant::now();
    for number in 0..READS / 10 {
        let queries: Vec<Query> = (0..7).map(|offset| query(number + offset)).collect();
        db.begin_read().await?.level(&queries).await?;
    }
    report("a level of seven of them", READS / 10, started.elapsed());
    let started = Instant::now();
    let tasks: Vec<_> = (0..2)
        .map(|_| {
            let (db, statement) = (db.clone(), Arc::clone(&statement));
            tokio::spawn(async move {
                for number in 0..READS {
                    let query = Query::new(&statement, vec![(first + number * 7919 % TASKS).into()]);
                    db.begin_read().await?.one(query).await?;
                }
                Ok::<_, Error>(())
            })
        })
        .collect();
    for task in tasks {
        task.await.map_err(|error| Error::Panicked(error.to_string()))??;
    }
    report("point reads on two threads", 2 * READS, started.elapsed());
    Ok(())
}

async fn commits(db: &Db) -> Result<(), Error> {
    let statement = Statement::new("INSERT INTO objects (gid, kind, workspace_id) VALUES (?1, ?2, ?3)", &[]);
    let one = |db: Db, statement: Arc<Statement>| async move {
        db.write(move |write| {
            (0..3).try_for_each(|_| {
                let gid = write.gid()? + 1_000_000;
                write.execute(&statement, &[gid.into(), "task".into(), 1.into()]).map(drop)
            })
        })
        .await
    };
    let started = Instant::now();
    for _ in 0..500 {
        one(db.clone(), Arc::clone(&statement)).await?;
    }
    report("write of three rows, one after the other", 500, started.elapsed());
    let (started, commits) = (Instant::now(), db.commits());
    let writes: Vec<_> = (0..256)
        .map(|_| {
            let (db, statement) = (db.clone(), Arc::clone(&statement));
            tokio::spawn(async move {
                for _ in 0..100 {
                    one(db.clone(), Arc::clone(&statement)).await?;
                }
                Ok::<_, Error>(())
            })
        })
        .collect();
    for write in writes {
        write.await.map_err(|error| Error::Panicked(error.to_string()))??;
    }
    report("the same from 256 clients", 25_600, started.elapsed());
    println!("  in {} commits", db.commits() - commits);
    Ok(())
}

/// About 20 rows for each task, as a seeder would write them.
async fn load(db: &Db, tasks: i64) -> Result<(), Error> {
    const CHUNK: i64 = 10_000;
    let started = Instant::now();
    let rows = db
        .load(move |write| {
            let mut count = 0;
            for chunk in 0..tasks / CHUNK {
                let gids = (0..CHUNK).map(|_| write.gid()).collect::<Result<Vec<i64>, Error>>()?;
                let mut rows = Vec::new();
                gids.iter().for_each(|gid| task(*gid, &mut rows));
                count += write.insert_rows("tasks", COLUMNS, &rows)?;
                let numbers = |table: &str, names: &[&str], of: &dyn Fn(i64, i64) -> i64, each: i64| {
                    let columns: Vec<(&str, Type)> = names.iter().map(|name| (*name, Type::Int)).collect();
                    let mut rows = Vec::new();
                    for gid in &gids {
                        for number in 0..each {
                            rows.push(Value::Int(*gid));
                            rows.push(Value::Int(of(*gid, number)));
                        }
                    }
                    (table.to_owned(), columns.iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>(), rows)
                };
                let edges = [
                    numbers("task_scopes", &["task_id", "scope_id"], &|gid, number| (gid + number) % 1000, 2),
                    numbers("task_followers", &["task_id", "user_id"], &|gid, number| (gid + number) % 100, 3),
                    numbers("task_tags", &["task_id", "tag_id"], &|gid, number| (gid * 7 + number) % 500, 1),
                ];
                for (table, names, rows) in &edges {
                    let columns: Vec<(&str, Type)> = names.iter().map(|name| (&**name, Type::Int)).collect();
                    count += write.insert_rows(table, &columns, rows)?;
                }
                let mut rows = Vec::new();
                for gid in &gids {
                    rows.extend([(*gid).into(), (gid % 1000).into(), (gid % 5000).into(), format!("a{gid:08}").into()]);
                }
                let columns = [
                    ("task_id", Type::Int),
                    ("project_id", Type::Int),
                    ("section_id", Type::Int),
                    ("rank", Type::Text),
                ];
                count += write.insert_rows("task_projects", &columns, &rows)?;
                let (mut objects, mut values, mut stories) = (Vec::new(), Vec::new(), Vec::new());
                for gid in &gids {
                    objects.extend([(*gid).into(), "task".into(), 1.into()]);
                    for number in 0..4 {
                        values.extend([write.gid()?.into(), (*gid).into(), number.into(), "a value".into()]);
                    }
                    for number in 0..4i64 {
                        let story = write.gid()?;
                        objects.extend([story.into(), "story".into(), 1.into()]);
                        stories.extend([
                            story.into(),
                            1.into(),
                            (*gid).into(),
                            "comment".into(),
                            "comment_added".into(),
                            "What somebody had to say about it.".into(),
                            false.into(),
                            false.into(),
                            "web".into(),
                            (1_790_000_000_000 + number).into(),
                            (gid % 100).into(),
                        ]);
                    }
                }
                let columns = [("gid", Type::Int), ("kind", Type::Text), ("workspace_id", Type::Int)];
                count += write.insert_rows("objects", &columns, &objects)?;
                let columns = [
                    ("gid", Type::Int),
                    ("object_id", Type::Int),
                    ("custom_field_id", Type::Int),
                    ("text_value", Type::Text),
                ];
                count += write.insert_rows("custom_field_values", &columns, &values)?;
                let columns = [
                    ("gid", Type::Int),
                    ("workspace_id", Type::Int),
                    ("target_id", Type::Int),
                    ("type", Type::Text),
                    ("resource_subtype", Type::Text),
                    ("text", Type::Text),
                    ("is_pinned", Type::Bool),
                    ("is_edited", Type::Bool),
                    ("source", Type::Text),
                    ("created_at", Type::Int),
                    ("created_by_id", Type::Int),
                ];
                count += write.insert_rows("stories", &columns, &stories)?;
                if chunk % 10 == 9 {
                    println!("  {} tasks", (chunk + 1) * CHUNK);
                }
            }
            Ok::<_, Error>(count)
        })
        .await?;
    report(&format!("load of {rows} rows in {:?}", started.elapsed()), rows as i64, started.elapsed());
    let started = Instant::now();
    db.close().await;
    println!("closed in {:?}, resident: {} kB", started.elapsed(), resident());
    Ok(())
}
