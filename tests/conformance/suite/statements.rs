//! Every statement that the tables give rise to is prepared and run on both databases, and no operation needs a query
//! per row.

use std::fmt::Write as _;
use std::sync::Arc;

use engine::access::{Levels, Viewer};
use engine::kept::Kept;
use engine::operation::{Action, FilterKind, Method};
use engine::page::{Listed, Listings, Position};
use engine::plan::Plan;
use engine::read::{Scene, load};
use engine::resource::Resource;
use engine::select::Selection;
use resources::RESOURCES;
use serde_json::json;
use store::{Snapshot, Value};
use testkit::{Engine, both};

use crate::built::{self, operations};
use crate::call::{Call, call};
use crate::committed;
use crate::world::{Place, place};

both!(every_plan_and_listing_runs, place, |place: Place| async move {
    let user: i64 = place.gid("ann").parse().unwrap();
    let workspace: i64 = place.gid("workspace_gid").parse().unwrap();
    let viewer =
        Arc::new(Viewer { user, principals: vec![workspace, user], workspaces: vec![workspace], ..Viewer::default() });
    let scene = Scene {
        viewer: Arc::clone(&viewer),
        base: "http://localhost".into(),
        now: testkit::START,
        links: Arc::clone(&place.world.api.links),
        limits: place.world.api.limits,
    };
    let api = &place.world.api;
    let mut read = api.read().await.unwrap();
    let mut resources: Vec<&'static Resource> = RESOURCES.to_vec();
    resources.extend(operations().iter().map(|built| built.answers()));
    for resource in resources {
        let selections = [
            Selection::full(resource),
            Selection::compact(resource),
            Selection::of(resource, &built::paths(resource, 2).join(",")),
        ];
        for selection in &selections {
            for (guarded, single) in [(true, true), (false, true), (false, false)] {
                let plan = Plan::new(resource, selection, guarded, single);
                let ids: Vec<i64> = place.gids.values().map(|gid| gid.parse().unwrap()).collect();
                for ids in [&ids[..1], &ids[..]] {
                    load(&plan, &mut read, &scene, ids, &Kept::default(), None)
                        .await
                        .unwrap_or_else(|error| panic!("a plan of {}: {error}", resource.kind));
                }
            }
        }
        let level = Levels::new(resource).query(&viewer, &[user]);
        read.one(level).await.unwrap_or_else(|error| panic!("levels on {}: {error}", resource.kind));
    }
    let listings = Listings::default();
    for built in operations() {
        for listing in built.operation.listings() {
            let parents: Vec<_> = listing
                .parents
                .iter()
                .map(|parent| (parent.parameter.strip_suffix("_gid").unwrap_or(parent.parameter), Value::Int(user)))
                .collect();
            let filters: Vec<(usize, Value)> = listing
                .filters
                .iter()
                .enumerate()
                .map(|(at, filter)| match filter.kind {
                    FilterKind::Bool => (at, Value::Bool(true)),
                    FilterKind::Time | FilterKind::Gid => (at, Value::Int(1)),
                    FilterKind::Text => (at, Value::from("x")),
                })
                .collect();
            let keys = listing.order.iter().map(|key| if key.text { Value::from("a0") } else { Value::Int(0) });
            let after = Position { keys: keys.collect() };
            for (after, filters) in
                [(None, vec![]), (Some(after.clone()), vec![]), (None, filters.clone()), (Some(after), filters)]
            {
                let list = Listed {
                    listing,
                    resource: built.answers(),
                    viewer: &viewer,
                    now: testkit::START,
                    parents: parents.clone(),
                    filters,
                    after,
                    limit: 3,
                };
                let page = listings.page(&mut read, &list, Vec::new()).await;
                page.unwrap_or_else(|error| panic!("a listing of {}: {error}", built.operation.id));
            }
        }
    }
    read.finish().await;
});

/// How many statements a call needs. A slow read is stopped and run again elsewhere, which counts twice: the best of three.
async fn statements(place: &Place, call: &Call, state: &Snapshot) -> u64 {
    let db = &place.world.api.db;
    let mut best = u64::MAX;
    for _ in 0..3 {
        // What is remembered from request to request is there from the first one on.
        place.admin.get("/users/me").await.ok();
        let before = db.statements();
        let answer = call.send(&place.admin).await;
        best = best.min(db.statements() - before);
        assert!(answer.response.status < 300, "{}: {}", call.id, answer.json);
        if call.method != Method::Get {
            place.world.restore(state).await;
        }
    }
    best
}

/// A write needs as many statements whatever hangs below the task.
#[test]
fn writes_do_not_grow_with_what_hangs_below() {
    testkit::run(async {
        let place = place(Engine::Embedded).await;
        let db = &place.world.api.db;
        let task = place.gid("task_gid");
        let mut counts: Vec<Vec<u64>> = Vec::new();
        for _ in 0..2 {
            for number in 0..20 {
                let data = json!({"name": format!("subtask {number}")});
                place.admin.post(&format!("/tasks/{task}/subtasks"), data).await.created();
            }
            let state = db.snapshot().await.unwrap();
            let mut each = Vec::new();
            for built in operations().iter().filter(|built| built.operation.method != Method::Get) {
                each.push(statements(&place, &call(&place, built.operation), &state).await);
            }
            counts.push(each);
        }
        let writes = operations().into_iter().filter(|built| built.operation.method != Method::Get);
        let grown: Vec<String> = writes
            .enumerate()
            .filter(|(at, _)| counts[1][*at] > counts[0][*at])
            .map(|(at, built)| format!("{}: {} then {}", built.operation.id, counts[0][at], counts[1][at]))
            .collect();
        assert!(grown.is_empty(), "{grown:#?}");
    });
}

/// A page of 60 needs hardly more statements than one of 20: none has a query per row. All fields are asked for, two
/// relations deep, in all columns but the first.
#[test]
fn statements_are_counted() {
    testkit::run(async {
        let place = place(Engine::Embedded).await;
        let project = place.gid("project_gid").to_owned();
        let workspace = place.gid("workspace_gid").to_owned();
        for number in 0..60 {
            let name = format!("task {number}");
            let data = json!({"projects": [project], "name": name, "assignee": place.gid("ann"), "tags": [place.gid("tag_gid")]});
            place.admin.post("/tasks", data).await.created();
            let path = format!("/tasks/{}", place.gid("task_gid"));
            place.admin.post(&format!("{path}/subtasks"), json!({"name": name})).await.created();
            if number < 20 {
                place.admin.post("/tags", json!({"workspace": workspace, "name": name})).await.created();
                let data = json!({"workspace": workspace, "name": name, "team": place.gid("team_gid")});
                place.admin.post("/projects", data).await.created();
            }
        }
        let db = &place.world.api.db;
        let state = db.snapshot().await.unwrap();
        let mut table = "operation\tdefault\tall fields\tpage of 20\tpage of 60\n".to_owned();
        let mut growing = Vec::new();
        for built in operations() {
            let asked = call(&place, built.operation);
            let all = asked.with(&format!("opt_fields={}", built::paths(built.answers(), 2).join(",")));
            let list = matches!(built.operation.action, Action::List(_) | Action::ListOneOf(_));
            let variants = if list {
                vec![asked.with("limit=1"), all.with("limit=1"), all.with("limit=20"), all.with("limit=60")]
            } else {
                vec![asked, all]
            };
            write!(table, "{}", built.operation.id).unwrap();
            let mut counts = Vec::new();
            for variant in variants {
                let count = statements(&place, &variant, &state).await;
                counts.push(count);
                write!(table, "\t{count}").unwrap();
            }
            table.push_str(if list { "\n" } else { "\t-\t-\n" });
            if list {
                // Objects further on may have relations that the first ones lack: a few more, not one per row.
                if counts[3] > counts[2] + 12 {
                    growing.push(format!("{}: {counts:?}", built.operation.id));
                }
            }
        }
        assert!(growing.is_empty(), "a query per row? {growing:#?}");
        committed::agree("statements.tsv", &table);
    });
}
