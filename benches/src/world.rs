//! A database filled with invented work, served.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::ensure;
use engine::{Api, Limits};
use model::{Clock, Random};
use resources::RESOURCES;
use resources::missing::MISSING;
use sample::seed::{Seed, Seeded, seed};
use serde_json::{Value as Json, json};
use store::{Db, Location, Options, Query, Statement, Type};

use crate::load::{self, Connection, Requests};
use crate::served;

/// The fields of a page: twelve, all of them of objects within the task.
const NESTED: &str = "assignee.name,assignee.email,completed_by.name,projects.name,projects.color,\
                      memberships.project.name,memberships.section.name,tags.name,followers.name,parent.name,\
                      custom_fields.name,custom_fields.display_value";

pub struct World {
    pub api: Arc<Api>,
    pub db: Db,
    pub address: SocketAddr,
    pub seeded: Seeded,
}

impl World {
    /// A new database of so many tasks in a file of this directory.
    pub async fn in_file(directory: &Path, tasks: u64) -> anyhow::Result<World> {
        let path = directory.join(format!("{tasks}.db"));
        World::new(Location::SqliteFile(path), tasks).await
    }

    /// A new database of so many tasks.
    pub async fn new(location: Location, tasks: u64) -> anyhow::Result<World> {
        let db = Db::open(Options::new(location)).await?;
        let seeded = seed(&db, &Seed::of(tasks), Clock::system().now(), &Random::system(), |_| {}).await?;
        World::of(db, seeded).await
    }

    /// Serves a database.
    pub async fn of(db: Db, seeded: Seeded) -> anyhow::Result<World> {
        let (clock, random) = (Clock::system(), Random::system());
        let api = Api::new(db.clone(), RESOURCES, MISSING, Limits::default(), clock, random, vec![7; 32]);
        let api = Arc::new(api);
        Ok(World { address: served::ours(Arc::clone(&api)).await?, api, db, seeded })
    }

    /// Refuses a server that answers before what it wrote is on the disk.
    pub async fn require_durable_server(&self) -> anyhow::Result<()> {
        let text = "SELECT current_setting('fsync'), current_setting('synchronous_commit')";
        let settings = Statement::new(text, &[Type::Text, Type::Text]);
        let settings = self.db.begin_read().await?.one(Query::new(&settings, vec![])).await?;
        ensure!(
            [0, 1].map(|column| settings.text(0, column)) == [Some("on"); 2],
            "fsync and synchronous_commit are on"
        );
        Ok(())
    }

    /// Requests that the administrator makes.
    pub fn get(&self, path: &str) -> Requests {
        self.get_each([path.to_owned()])
    }

    pub fn get_each(&self, paths: impl IntoIterator<Item = String>) -> Requests {
        Arc::new(paths.into_iter().map(|path| load::get(&path, &self.seeded.admin_token)).collect())
    }

    /// Reads the tasks that have everything.
    pub fn full_tasks(&self) -> Requests {
        self.get_each(self.seeded.full_tasks.iter().map(|gid| format!("/tasks/{gid}")))
    }

    /// Reads a page of a hundred tasks with what is around them.
    pub fn nested_page(&self) -> Requests {
        self.get(&self.nested_page_path())
    }

    pub fn nested_page_path(&self) -> String {
        format!("/projects/{}/tasks?limit=100&opt_fields={NESTED}", self.seeded.project)
    }

    /// The answer to a request.
    pub async fn answer(&self, request: &[u8]) -> anyhow::Result<Vec<u8>> {
        Ok(Connection::open(self.address).await?.exchange(request).await?.to_vec())
    }

    /// The answer to a request, as JSON.
    pub async fn json(&self, request: &[u8]) -> anyhow::Result<Json> {
        Ok(serde_json::from_slice(&self.answer(request).await?)?)
    }

    /// Creates a task that has everything that the full task has.
    pub async fn create(&self) -> anyhow::Result<Requests> {
        let body = self.create_body().await?;
        Ok(Arc::new(vec![load::send("POST", "/tasks", &self.seeded.admin_token, &body)]))
    }

    pub async fn create_body(&self) -> anyhow::Result<String> {
        let full =
            self.json(&load::get(&format!("/tasks/{}", self.seeded.full_task), &self.seeded.admin_token)).await?;
        let full = &full["data"];
        let gids = |name: &str| -> Vec<Json> {
            full[name].as_array().into_iter().flatten().map(|object| object["gid"].clone()).collect()
        };
        let memberships: Vec<Json> = full["memberships"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|at| json!({"project": at["project"]["gid"], "section": at["section"]["gid"]}))
            .collect();
        let body = json!({"data": {
            "name": full["name"], "notes": full["notes"], "due_on": full["due_on"],
            "assignee": full["assignee"]["gid"], "memberships": memberships, "tags": gids("tags"),
            "followers": gids("followers"), "parent": full["parent"]["gid"], "custom_fields": custom_values(full),
        }});
        Ok(body.to_string())
    }

    /// Renames tasks: a small write.
    pub fn rename(&self) -> Requests {
        let body = json!({"data": {"name": "A name that this task did not have before"}}).to_string();
        let paths = self.seeded.full_tasks.iter().map(|gid| format!("/tasks/{gid}"));
        Arc::new(paths.map(|path| load::send("PUT", &path, &self.seeded.admin_token, &body)).collect())
    }

    /// The gids of so many tasks, spread over all.
    pub async fn some_tasks(&self, count: usize) -> anyhow::Result<Vec<i64>> {
        let ends = Statement::new("SELECT min(gid), max(gid) FROM tasks", &[Type::Int, Type::Int]);
        let next = Statement::new("SELECT min(gid) FROM tasks WHERE gid >= ?1 AND deleted_at IS NULL", &[Type::Int]);
        let mut read = self.db.begin_read().await?;
        let ends = read.one(Query::new(&ends, vec![])).await?;
        let (first, last) = (ends.int(0, 0).unwrap_or_default(), ends.int(0, 1).unwrap_or_default());
        let mut gids = Vec::with_capacity(count);
        for at in 0..count {
            // Neither in order nor twice the same: the golden ratio.
            let share = (at as f64 * 0.618_033_988_749_895).fract();
            let from = first + ((last - first) as f64 * share) as i64;
            gids.extend(read.one(Query::new(&next, vec![from.into()])).await?.int(0, 0));
        }
        ensure!(gids.len() == count, "there are tasks");
        Ok(gids)
    }

    /// Reads of the first, the middle and the last page of the large project.
    pub async fn pages(&self) -> anyhow::Result<[Requests; 3]> {
        let first = format!("/projects/{}/tasks?limit=100", self.seeded.large_project);
        let mut pages = vec![first.clone()];
        let mut connection = Connection::open(self.address).await?;
        while let Some(page) = pages.last() {
            let request = load::get(page, &self.seeded.admin_token);
            let answer: Json = serde_json::from_slice(connection.exchange(&request).await?)?;
            match answer["next_page"]["offset"].as_str() {
                Some(offset) => pages.push(format!("{first}&offset={offset}")),
                None => break,
            }
        }
        // The last page may hold a single task: the last full one is before it.
        let last = pages.len().saturating_sub(2);
        Ok([0, pages.len() / 2, last].map(|at| self.get(&pages[at])))
    }
}

/// The values of a task's custom fields, as a body names them.
fn custom_values(task: &Json) -> Json {
    let values = task["custom_fields"].as_array().into_iter().flatten().filter_map(|field| {
        let gid = field["gid"].as_str()?.to_owned();
        let value = match field["resource_subtype"].as_str()? {
            "text" => field["text_value"].clone(),
            "number" => field["number_value"].clone(),
            "enum" => field["enum_value"]["gid"].clone(),
            "multi_enum" => field["multi_enum_values"].as_array()?.iter().map(|option| option["gid"].clone()).collect(),
            "date" => json!({"date": field["date_value"]["date"]}),
            _ => return None,
        };
        Some((gid, value))
    });
    Json::Object(values.collect())
}
