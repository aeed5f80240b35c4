//! The server is killed under load again and again. Whatever was acknowledged is there when it has gone, whatever was on
//! its way is there as a whole or not at all, and nothing is half-written. Backups are taken under the same load, and hold
//! the same of the moment that they show.

use std::collections::BTreeMap;
use std::fs;
use std::sync::mpsc;
use std::thread;

use serde_json::{Value as Json, json};
use store::{Block, Db, Location, Options, Query, Statement, Type};
use testkit::consistency::{ties, violations};

use crate::process::{Client, Engine, Place};

const WRITERS: usize = 4;
/// Rounds on the same database; checking takes longer the more there is.
const ROUNDS_ON_ONE: usize = 50;

/// How often the server is killed: `KILL_ROUNDS` says it to a test that may take its time.
fn rounds(usual: usize) -> usize {
    #[expect(clippy::disallowed_methods, reason = "a setting of the test, not of the server")]
    let wanted = std::env::var("KILL_ROUNDS");
    wanted.ok().and_then(|wanted| wanted.parse().ok()).unwrap_or(usual)
}

#[test]
fn what_was_acknowledged_outlives_kill_9_in_a_file() {
    kill_rounds(Engine::Embedded, rounds(20));
}

#[test]
fn what_was_acknowledged_outlives_kill_9_on_a_server() {
    // Here it is the database that keeps what was acknowledged, and it is not killed.
    kill_rounds(Engine::Server, rounds(100) / 20);
}

/// What a task or a comment looks like.
#[derive(Clone, Debug, PartialEq)]
struct Fact {
    /// Also the text of a comment.
    name: String,
    section: i64,
    completed: bool,
    deleted: bool,
    value: Option<String>,
}

type Facts = BTreeMap<i64, Fact>;

/// What a request is to bring about.
#[derive(Clone, Debug)]
enum Step {
    Create(Fact),
    Change(Facts),
}

/// Somebody who writes, and remembers what was acknowledged.
struct Writer {
    client: Client,
    number: usize,
    count: usize,
    project: i64,
    sections: [i64; 2],
    field: i64,
    user: i64,
    /// What was acknowledged.
    known: Facts,
    /// What each acknowledged request brought about, in their order.
    history: Vec<Facts>,
    /// What was asked for and not answered.
    asked: Option<Step>,
    task: i64,
    subtask: i64,
}

impl Writer {
    /// Writes until the server is gone. Each acknowledgement is counted.
    fn write(mut self, counted: &mpsc::Sender<usize>) -> Self {
        loop {
            let (path, method, data, step) = self.next_request();
            self.asked = Some(step.clone());
            let body = (method != "DELETE").then(|| json!({ "data": data }).to_string());
            let Ok(answer) = self.client.try_send(method, &format!("/api/1.0{path}"), body.as_deref()) else {
                return self;
            };
            assert!(answer.status < 300, "{method} {path}: {answer:?}");
            self.asked = None;
            match step {
                Step::Create(fact) => {
                    let gid = answer.data()["gid"].as_str().and_then(|gid| gid.parse().ok()).expect("a gid");
                    match self.count % 8 {
                        0 => self.task = gid,
                        1 => self.subtask = gid,
                        _ => {}
                    }
                    assert!(self.known.insert(gid, fact.clone()).is_none(), "{gid} was given twice");
                    self.history.push([(gid, fact)].into());
                }
                Step::Change(facts) => {
                    self.known.extend(facts.clone());
                    self.history.push(facts);
                }
            }
            self.count += 1;
            counted.send(self.number).expect("is counted");
        }
    }

    fn next_request(&self) -> (String, &'static str, Json, Step) {
        let [first, second] = self.sections;
        let (task, subtask) = (self.task, self.subtask);
        let name = format!("writer {} count {}", self.number, self.count);
        let new = |section: i64, value: Option<&str>| Fact {
            name: name.clone(),
            section,
            completed: false,
            deleted: false,
            value: value.map(str::to_owned),
        };
        let changed = |gid: i64, change: &dyn Fn(&mut Fact)| {
            let mut fact = self.known[&gid].clone();
            change(&mut fact);
            (gid, fact)
        };
        let only = |gid: i64, change: &dyn Fn(&mut Fact)| Step::Change([changed(gid, change)].into());
        match self.count % 8 {
            0 => {
                let memberships = json!([{"project": self.project.to_string(), "section": first.to_string()}]);
                let data = json!({"name": name, "memberships": memberships, "assignee": self.user.to_string(),
                    "due_on": "2026-03-02", "custom_fields": {self.field.to_string(): name}});
                ("/tasks".into(), "POST", data, Step::Create(new(first, Some(&name))))
            }
            1 => (format!("/tasks/{task}/subtasks"), "POST", json!({"name": name}), Step::Create(new(0, None))),
            2 => (format!("/tasks/{task}"), "PUT", json!({"name": name}), only(task, &|fact| fact.name = name.clone())),
            3 => {
                let step = only(task, &|fact| fact.section = second);
                (format!("/sections/{second}/addTask"), "POST", json!({"task": task.to_string()}), step)
            }
            4 => (format!("/tasks/{task}/stories"), "POST", json!({"text": name}), Step::Create(new(0, None))),
            5 => {
                let step = only(subtask, &|fact| fact.completed = true);
                (format!("/tasks/{subtask}"), "PUT", json!({"completed": true}), step)
            }
            6 => {
                let data = json!({"custom_fields": {self.field.to_string(): name}});
                (format!("/tasks/{task}"), "PUT", data, only(task, &|fact| fact.value = Some(name.clone())))
            }
            // Every other task goes again, with its subtask.
            7 if self.count % 16 == 7 => {
                let both = [task, subtask].map(|gid| changed(gid, &|fact| fact.deleted = true));
                (format!("/tasks/{task}"), "DELETE", Json::Null, Step::Change(both.into()))
            }
            _ => {
                let data = json!({"section": null, "project": self.project.to_string(), "insert_after": null});
                (format!("/tasks/{task}/addProject"), "POST", data, only(task, &|_| ()))
            }
        }
    }

    /// Compares what is there with what was acknowledged, and takes it over.
    fn check(&mut self, there: &Facts, round: usize) {
        let mut expected = self.known.clone();
        let found = |facts: &Facts| facts.iter().all(|(gid, fact)| there.get(gid) == Some(fact));
        match self.asked.take() {
            Some(Step::Create(fact)) => {
                let known = |gid: &i64| self.known.contains_key(gid);
                if let Some((gid, made)) = there.iter().find(|(gid, made)| made.name == fact.name && !known(gid)) {
                    assert_eq!(made, &fact, "round {round}: {gid} is half-written");
                    expected.insert(*gid, fact);
                }
            }
            Some(Step::Change(facts)) if found(&facts) => expected.extend(facts),
            _ => {}
        }
        for (gid, fact) in &expected {
            assert_eq!(there.get(gid), Some(fact), "round {round}: {gid} is not as it was acknowledged");
        }
        self.known = expected;
        // It begins with a new task.
        self.count = self.count.next_multiple_of(8);
    }
}

/// Backups of one database under load.
const BACKUPS: usize = 4;

#[test]
fn a_backup_under_load_shows_one_moment_of_a_file() {
    back_up_under_load(Engine::Embedded);
}

#[test]
fn a_backup_under_load_shows_one_moment_of_a_server() {
    back_up_under_load(Engine::Server);
}

/// How many requests of each writer were acknowledged.
type Tally = [usize; WRITERS];

fn back_up_under_load(engine: Engine) {
    let place = Place::new(engine);
    let founded = place.init(&[]);
    let server = place.serve(&[]);
    let writers = prepare(&mut server.client(&founded["token"]), &founded);
    let (counted, acknowledged) = mpsc::channel();
    let running: Vec<_> = writers
        .into_iter()
        .map(|writer| {
            let counted = counted.clone();
            thread::spawn(move || writer.write(&counted))
        })
        .collect();
    drop(counted);
    let mut tally: Tally = [0; WRITERS];
    // Reads what has been acknowledged, and waits until everybody has written so many more.
    let mut write_on = |more: usize| -> Tally {
        acknowledged.try_iter().for_each(|writer| tally[writer] += 1);
        let enough = tally.map(|count| count + more);
        while tally.iter().zip(enough).any(|(count, enough)| *count < enough) {
            tally[acknowledged.recv().expect("writers write on")] += 1;
        }
        tally
    };
    let mut backups = Vec::new();
    for number in 0..BACKUPS {
        let before = write_on(10);
        let file = place.path(&format!("{number}.backup")).display().to_string();
        let ended = place.run(&["backup", "--to", &file]);
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
        backups.push((file, before, write_on(0)));
    }
    write_on(1);
    server.kill();
    let writers: Vec<Writer> =
        running.into_iter().map(|writer| writer.join().expect("every answer is a success")).collect();
    let beside = backups.iter().map(|(_, before, after)| after.iter().sum::<usize>() - before.iter().sum::<usize>());
    assert!(beside.sum::<usize>() > 0, "nobody wrote while the backups were taken");
    for (number, (file, before, after)) in backups.iter().enumerate() {
        // The last one on both engines.
        let engines = [Engine::Embedded, Engine::Server];
        for engine in engines.into_iter().take(if number + 1 == BACKUPS { 2 } else { 1 }) {
            let restored = Place::new(engine);
            let ended = restored.run(&["restore", file]);
            assert_eq!(ended.code, Some(0), "{ended:?}");
            let there = look(&restored, number, place.url().is_none());
            let shown: usize = writers.iter().map(|writer| writer.find_moment(&there, before, after)).sum();
            assert_eq!(there.len(), shown, "backup {number}: something is there that nobody wrote");
        }
    }
}

impl Writer {
    /// Sees that what is there of this writer is what it had written at one moment between the two, and answers how much
    /// that is. Its requests came one after another, so that nothing of a later one is there without the earlier ones.
    fn find_moment(&self, there: &Facts, before: &Tally, after: &Tally) -> usize {
        let own = format!("writer {} ", self.number);
        let there: Facts = there
            .iter()
            .filter(|(_, fact)| fact.name.starts_with(&own))
            .map(|(gid, fact)| (*gid, fact.clone()))
            .collect();
        let mut facts = Facts::new();
        self.history[..before[self.number]].iter().for_each(|step| facts.extend(step.clone()));
        // The request that was under way at the end may have been done already.
        let mut later = self.history[before[self.number]..].iter().take(after[self.number] + 1 - before[self.number]);
        while facts != there {
            let step =
                later.next().unwrap_or_else(|| panic!("{own}: no moment between {before:?} and {after:?}: {there:?}"));
            facts.extend(step.clone());
        }
        there.len()
    }
}

fn kill_rounds(engine: Engine, rounds: usize) {
    let mut writes = 0;
    for first in (0..rounds).step_by(ROUNDS_ON_ONE) {
        writes += kill_again_and_again(&Place::new(engine), first..rounds.min(first + ROUNDS_ON_ONE));
    }
    eprintln!("{rounds} kills, {writes} acknowledged writes, all there");
}

/// Kills the server in each of these rounds; answers how many writes were acknowledged.
fn kill_again_and_again(place: &Place, rounds: std::ops::Range<usize>) -> usize {
    let founded = place.init(&[]);
    let mut server = place.serve(&[]);
    let mut writers = prepare(&mut server.client(&founded["token"]), &founded);
    let mut writes = 0;
    for round in rounds.clone() {
        let (counted, acknowledged) = mpsc::channel();
        let running: Vec<_> = writers
            .into_iter()
            .map(|writer| {
                let writer = Writer { client: server.client(&founded["token"]), ..writer };
                let counted = counted.clone();
                thread::spawn(move || writer.write(&counted))
            })
            .collect();
        drop(counted);
        // After none, after a few, after a batch or many.
        let enough = round * 37 % 150;
        writes += acknowledged.iter().take(enough).count();
        server.kill();
        writers = running.into_iter().map(|writer| writer.join().expect("every answer is a success")).collect();
        writes += acknowledged.iter().count();
        let there = look(place, round, place.url().is_none());
        writers.iter_mut().for_each(|writer| writer.check(&there, round));
        let known: usize = writers.iter().map(|writer| writer.known.len()).sum();
        assert_eq!(there.len(), known, "round {round}: something is there that nobody wrote");
        server = place.serve(&[]);
        if (round + 1) % 10 == 0 {
            eprintln!("round {} of {}: {writes} writes", round + 1, rounds.end);
        }
    }
    server.stop();
    assert_eq!(
        look(place, rounds.end, place.url().is_none()).len(),
        writers.iter().map(|writer| writer.known.len()).sum::<usize>()
    );
    writes
}

/// A project with two sections and a custom field, and those who write in it.
fn prepare(ann: &mut Client, founded: &Json) -> Vec<Writer> {
    let gid = |record: &Json| -> i64 { record["gid"].as_str().and_then(|gid| gid.parse().ok()).expect("a gid") };
    let mut post = |path: &str, data: Json| ann.post(&format!("/api/1.0{path}"), &json!({ "data": data })).data();
    let project = gid(&post("/projects", json!({"name": "P", "team": founded["team"]})));
    let sections = ["A", "B"].map(|name| gid(&post(&format!("/projects/{project}/sections"), json!({ "name": name }))));
    let field = json!({"workspace": founded["workspace"], "name": "F", "resource_subtype": "text"});
    let field = gid(&post("/custom_fields", field));
    let setting = json!({"custom_field": field.to_string()});
    post(&format!("/projects/{project}/addCustomFieldSetting"), setting);
    let user = gid(&ann.get("/api/1.0/users/me").data());
    let writer = |number: usize| Writer {
        client: ann.another(),
        number,
        count: 0,
        project,
        sections,
        field,
        user,
        known: Facts::new(),
        history: Vec::new(),
        asked: None,
        task: 0,
        subtask: 0,
    };
    (0..WRITERS).map(writer).collect()
}

/// What is in the database, which is consistent. A file is looked at in a copy, as it was left: nobody has recovered it.
/// `alone`: whether those who wrote it did so one after another, so that each place in an order is one task's.
fn look(place: &Place, round: usize, alone: bool) -> Facts {
    let location = match place.url() {
        Some(url) => Location::Postgres(url.to_owned()),
        None => {
            let copy = place.path("copy.db");
            for suffix in ["", "-wal"] {
                let to = format!("{}{suffix}", copy.display());
                drop(fs::remove_file(&to));
                let from = place.path(&format!("data/vinyasa.db{suffix}"));
                if from.exists() {
                    fs::copy(from, to).expect("is copied");
                }
            }
            Location::SqliteFile(copy)
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime starts").block_on(async {
        let is_file = place.url().is_none();
        let db = Db::open(Options::new(location)).await.expect("opens");
        if is_file {
            let answer = select(&db, "PRAGMA integrity_check", &[Type::Text]).await;
            assert_eq!(answer.text(0, 0), Some("ok"), "round {round}");
        } else {
            // What the killed server had sent may still be at work.
            let busy = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                AND pid <> pg_backend_pid() AND state <> 'idle'";
            while select(&db, busy, &[Type::Int]).await.int(0, 0) != Some(0) {}
        }
        assert_eq!(violations(&db).await, Vec::<String>::new(), "round {round}");
        if alone {
            assert_eq!(ties(&db).await, Vec::<String>::new(), "round {round}");
        }
        let facts = read_facts(&db).await;
        db.close().await;
        facts
    })
}

async fn select(db: &Db, sql: &str, types: &[Type]) -> Block {
    let query = Query::new(&Statement::new(sql, types), Vec::new());
    db.begin_read().await.expect("begins").one(query).await.expect(sql)
}

async fn read_facts(db: &Db) -> Facts {
    let sql = "SELECT t.gid, t.name, e.section_id, t.completed, t.deleted_at, v.text_value FROM tasks t \
        LEFT JOIN task_projects e ON e.task_id = t.gid LEFT JOIN custom_field_values v ON v.object_id = t.gid \
        UNION ALL SELECT s.gid, s.text, NULL, FALSE, NULL, NULL FROM stories s WHERE s.type = 'comment'";
    let types = [Type::Int, Type::Text, Type::Int, Type::Bool, Type::Int, Type::Text];
    let block = select(db, sql, &types).await;
    let rows = (0..block.len()).map(|row| {
        let fact = Fact {
            name: block.text(row, 1).unwrap_or_default().to_owned(),
            section: block.int(row, 2).unwrap_or_default(),
            completed: block.bool(row, 3),
            deleted: block.int(row, 4).is_some(),
            value: block.text(row, 5).map(str::to_owned),
        };
        (block.int(row, 0).unwrap_or_default(), fact)
    });
    rows.collect()
}
