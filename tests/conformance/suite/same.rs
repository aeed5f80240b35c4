//! A long random sequence of requests, by everyone, sent to both databases: every answer is the same, byte for byte, and
//! so is what is stored in the end.

use engine::operation::Method;
use model::Random;
use serde_json::{Value as Json, json};
use testkit::{Client, Engine};

use crate::database::{difference, dump};
use crate::invariants;
use crate::world::{Place, has, place};

const STEPS: usize = 250;
const SEEDS: [u64; 2] = [7, 8];

/// What the sequence has seen so far and chooses from.
struct Known {
    random: Random,
    workspace: String,
    team: String,
    users: Vec<String>,
    projects: Vec<String>,
    sections: Vec<String>,
    tasks: Vec<String>,
    tags: Vec<String>,
    stories: Vec<String>,
    fields: Vec<(String, &'static str)>,
    options: Vec<String>,
}

impl Known {
    fn below(&self, most: usize) -> usize {
        (self.random.number() % most.max(1) as u64) as usize
    }

    fn one_in(&self, most: usize) -> bool {
        self.below(most) == 0
    }

    fn pick<'a, T>(&self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }

    fn task(&self) -> &str {
        self.pick(&self.tasks).as_str()
    }

    fn name(&self) -> String {
        let words =
            ["Zebra", "äpfel", "ÄPFEL", "Ünïcode", "apple", "a\"b\\c", "日本", "", "🦑", "Zz\nline", "%_", "'; --"];
        format!("{} {}", self.pick(&words), self.below(10))
    }

    fn date(&self) -> Json {
        match self.below(5) {
            0 => Json::Null,
            _ => json!(format!("2026-{:02}-{:02}", 1 + self.below(12), 1 + self.below(28))),
        }
    }

    fn request(&self) -> (Method, String, Json) {
        let (post, put) = (Method::Post, Method::Put);
        let project = || self.pick(&self.projects).as_str();
        let user = || self.pick(&self.users).as_str();
        let place = |list: &[String], mut data: Json, before: &str, after: &str| {
            match self.below(4) {
                0 => data[before] = json!(self.pick(list)),
                1 => data[after] = json!(self.pick(list)),
                _ => {}
            }
            data
        };
        match self.below(32) {
            0 => {
                let privacy = self.pick(&["private", "public_to_workspace", "private_to_team"]);
                let mut data = json!({"workspace": self.workspace, "name": self.name(), "privacy_setting": privacy});
                if self.one_in(2) {
                    data["team"] = json!(self.team);
                }
                (post, "/projects".into(), data)
            }
            1 => (
                put,
                format!("/projects/{}", project()),
                json!({"name": self.name(), "due_on": self.date(), "archived": self.one_in(2)}),
            ),
            2 => (
                post,
                format!("/projects/{}/sections", project()),
                place(&self.sections, json!({"name": self.name()}), "insert_before", "insert_after"),
            ),
            3 => (put, format!("/sections/{}", self.pick(&self.sections)), json!({"name": self.name()})),
            4 => {
                let data = json!({"section": self.pick(&self.sections)});
                (
                    post,
                    format!("/projects/{}/sections/insert", project()),
                    place(&self.sections, data, "before_section", "after_section"),
                )
            }
            5 if self.one_in(2) => (Method::Delete, format!("/sections/{}", self.pick(&self.sections)), json!({})),
            6..=8 => {
                let mut data = json!({"name": self.name(), "notes": self.name(), "due_on": self.date()});
                match self.below(4) {
                    0 => data["workspace"] = json!(self.workspace),
                    1 => data["parent"] = json!(self.task()),
                    2 => data["memberships"] = json!([{"project": project(), "section": self.pick(&self.sections)}]),
                    _ => data["projects"] = json!([project(), project()]),
                }
                if self.one_in(2) {
                    data["assignee"] = json!(user());
                }
                (post, "/tasks".into(), data)
            }
            9..=13 => {
                let data = match self.below(9) {
                    0 => json!({"name": self.name()}),
                    1 => json!({"notes": self.name()}),
                    2 => json!({"html_notes": format!("<body>{} <b>x</b></body>", self.below(9))}),
                    3 => json!({"completed": self.one_in(2)}),
                    4 => json!({"due_on": self.date(), "start_on": self.date()}),
                    5 => json!({"assignee": if self.one_in(4) { Json::Null } else { json!(user()) }}),
                    6 => json!({"liked": self.one_in(2)}),
                    7 => json!({"resource_subtype": self.pick(&["default_task", "milestone", "approval"])}),
                    _ => json!({"due_at": "2026-05-06T07:08:09.010Z", "approval_status": "approved"}),
                };
                (put, format!("/tasks/{}", self.task()), data)
            }
            14 | 15 => {
                let data = json!({"project": project()});
                (
                    post,
                    format!("/tasks/{}/addProject", self.task()),
                    place(&self.tasks, data, "insert_before", "insert_after"),
                )
            }
            16 => (post, format!("/tasks/{}/removeProject", self.task()), json!({"project": project()})),
            17 | 18 => {
                let parent = if self.one_in(4) { Json::Null } else { json!(self.task()) };
                (
                    post,
                    format!("/tasks/{}/setParent", self.task()),
                    place(&self.tasks, json!({"parent": parent}), "insert_before", "insert_after"),
                )
            }
            19 => (post, format!("/tasks/{}/addDependencies", self.task()), json!({"dependencies": [self.task()]})),
            20 => (post, format!("/tasks/{}/addDependents", self.task()), json!({"dependents": [self.task()]})),
            21 => (post, format!("/tasks/{}/removeDependencies", self.task()), json!({"dependencies": [self.task()]})),
            22 => (post, format!("/tasks/{}/addFollowers", self.task()), json!({"followers": [user(), user()]})),
            23 => (post, format!("/tasks/{}/removeFollowers", self.task()), json!({"followers": [user()]})),
            24 => (post, format!("/tasks/{}/addTag", self.task()), json!({"tag": self.pick(&self.tags)})),
            25 => (post, format!("/projects/{}/addMembers", project()), json!({"members": [user()]})),
            26 if self.one_in(2) => (Method::Delete, format!("/tasks/{}", self.task()), json!({})),
            27 => (post, format!("/tasks/{}/stories", self.task()), json!({"text": self.name()})),
            28 if !self.stories.is_empty() => {
                let story = format!("/stories/{}", self.pick(&self.stories));
                if self.one_in(4) {
                    (Method::Delete, story, json!({}))
                } else {
                    (put, story, json!({"text": self.name()}))
                }
            }
            29 => {
                let subtype = self.pick(&["text", "number", "date", "people"]);
                (
                    post,
                    "/custom_fields".into(),
                    json!({"workspace": self.workspace, "name": self.name(), "resource_subtype": subtype}),
                )
            }
            30 => (
                post,
                format!("/projects/{}/addCustomFieldSetting", project()),
                json!({"custom_field": self.pick(&self.fields).0}),
            ),
            _ => {
                let (field, subtype) = self.pick(&self.fields);
                let value = match *subtype {
                    "text" => json!(self.name()),
                    "number" => json!(self.below(1000) as f64 / 7.0),
                    "enum" => json!(self.pick(&self.options)),
                    "multi_enum" => json!([self.pick(&self.options)]),
                    "date" => json!({"date": "2026-07-08"}),
                    _ => json!([user()]),
                };
                (put, format!("/tasks/{}", self.task()), json!({"custom_fields": {field.as_str(): value}}))
            }
        }
    }

    fn learn(&mut self, answer: &Json) {
        let data = &answer["data"];
        let Some(gid) = data["gid"].as_str().map(str::to_owned) else { return };
        let list = match data["resource_type"].as_str() {
            Some("project") => &mut self.projects,
            Some("section") => &mut self.sections,
            Some("task") => &mut self.tasks,
            Some("story") => &mut self.stories,
            Some("custom_field") => {
                let subtype = data["resource_subtype"].as_str().unwrap_or_default();
                let known = ["text", "number", "date", "people"].into_iter().find(|known| *known == subtype);
                if let (Some(subtype), false) = (known, self.fields.iter().any(|(field, _)| *field == gid)) {
                    self.fields.push((gid, subtype));
                }
                return;
            }
            _ => return,
        };
        if !list.contains(&gid) {
            list.push(gid);
        }
    }
}

fn known(place: &Place, seed: u64) -> Known {
    let gids = |names: &[&str]| names.iter().map(|name| place.gid(name).to_owned()).collect::<Vec<_>>();
    let field = |name: &str, subtype| (place.gid(name).to_owned(), subtype);
    Known {
        random: Random::seeded(seed),
        workspace: place.gid("workspace_gid").to_owned(),
        team: place.gid("team_gid").to_owned(),
        users: gids(&["ann", "eve", "cora", "vic", "mel", "gus", "sam"]),
        projects: gids(&["project_gid", "other_project"]),
        sections: gids(&["section_gid", "empty_section"]),
        tasks: gids(&["task_gid", "parent_task", "first_task", "subtask", "lonely_task", "approval_task"]),
        tags: gids(&["tag_gid", "other_tag"]),
        stories: if has("createStoryForTask") { gids(&["story_gid"]) } else { Vec::new() },
        fields: vec![
            field("text_field", "text"),
            field("number_field", "number"),
            field("custom_field_gid", "enum"),
            field("multi_field", "multi_enum"),
            field("date_field", "date"),
            field("people_field", "people"),
        ],
        options: gids(&["enum_option_gid", "other_option", "multi_a", "multi_b"]),
    }
}

/// What is read after a few steps, by everyone.
fn reads(known: &Known) -> Vec<String> {
    let task = known.task();
    let project = known.pick(&known.projects);
    vec![
        format!("/tasks/{task}"),
        format!(
            "/tasks/{task}?opt_fields=parent.parent.name,dependencies.name,dependents.name,custom_fields,html_notes,likes.user.name,followers.name"
        ),
        format!("/tasks/{task}/subtasks?opt_fields=name,num_subtasks"),
        format!("/tasks/{task}/stories?opt_fields=text,html_text,resource_subtype,created_by.name"),
        format!("/projects/{project}/tasks?opt_fields=name,memberships.section.name,modified_at&limit=20"),
        format!("/projects/{project}/sections"),
        format!("/projects/{project}/task_counts?opt_fields=num_tasks,num_completed_tasks,num_incomplete_tasks"),
        format!("/tasks?assignee={}&workspace={}", known.pick(&known.users), known.workspace),
        format!("/projects?workspace={}&opt_fields=name,members.name", known.workspace),
        format!("/workspaces/{}/custom_fields", known.workspace),
        format!("/workspaces/{}/users", known.workspace),
    ]
}

async fn both_answer(clients: [&Client; 2], method: Method, path: &str, data: &Json) -> Json {
    let body = if method == Method::Get { String::new() } else { json!({ "data": data }).to_string() };
    let mut answers = Vec::new();
    for client in clients {
        answers.push(client.send(method, path, body.as_bytes(), Some("application/json")).await);
    }
    let text = |at: usize| String::from_utf8_lossy(&answers[at].response.body).into_owned();
    assert_ne!(answers[0].response.status, 500, "{path} {data}");
    assert_eq!(
        (answers[0].response.status, text(0), &answers[0].response.location),
        (answers[1].response.status, text(1), &answers[1].response.location),
        "{} {path} {data}",
        method.name()
    );
    answers.swap_remove(0).json
}

#[test]
fn random_sequences_go_alike() {
    for seed in SEEDS {
        sequence(seed);
    }
}

fn sequence(seed: u64) {
    testkit::run(async {
        let here = place(Engine::Embedded).await;
        let there = place(Engine::Server).await;
        let mut known = known(&here, seed);
        let people = |place: &Place| place.people().map(|(_, client)| client.clone());
        let (ours, theirs) = (people(&here), people(&there));
        let mut accepted = 0;
        for step in 0..STEPS {
            here.world.clock.advance(1_000);
            there.world.clock.advance(1_000);
            // The administrator more often: most others are refused.
            let who = if known.one_in(2) { 0 } else { known.below(ours.len()) };
            let (method, path, data) = known.request();
            let answer = both_answer([&ours[who], &theirs[who]], method, &path, &data).await;
            accepted += usize::from(answer.get("data").is_some());
            known.learn(&answer);
            if step % 20 == 19 {
                for path in reads(&known) {
                    let who = known.below(ours.len());
                    for who in [0, who] {
                        both_answer([&ours[who], &theirs[who]], Method::Get, &path, &Json::Null).await;
                    }
                }
            }
        }
        assert!(accepted > STEPS / 4, "most of the sequence does something: {accepted}");
        let [one, other] = [dump(&here.world.api).await, dump(&there.world.api).await];
        assert_eq!(one, other, "{}", difference(&one, &other));
        invariants::check(&here.world.api).await;
    });
}
