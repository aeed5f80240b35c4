use engine::body::Upload;
use serde_json::{Value as Json, json};
use testkit::{Client, Engine, both, gid};

use super::*;
use crate::world::{Small, small};

/// Something that has a text in two forms.
struct Place {
    /// What it is.
    kind: &'static str,
    plain: &'static str,
    html: &'static str,
    /// Where it is made, and with what beside the text.
    made: (String, Json),
    /// Whether it can be changed later.
    changes: bool,
}

/// One of each kind, all in a project that everyone sees, and on a task that the guest follows.
async fn places(small: &Small) -> Vec<Place> {
    let Small { ann, workspace, team, guest, .. } = small;
    let project = json!({"workspace": workspace, "team": team, "name": "Open"});
    let project = gid(&ann.post("/projects", project).await.created());
    ann.post(&format!("/projects/{project}/addMembers"), json!({"members": [guest.user.to_string()]})).await.ok();
    let task = json!({"projects": [project], "name": "Shared"});
    let task = gid(&ann.post("/tasks", task).await.created());
    let status = json!({"parent": project, "status_type": "on_track"});
    let notes = ("notes", "html_notes");
    let text = ("text", "html_text");
    [
        ("task", notes, ("/tasks".to_owned(), json!({"projects": [project], "name": "A"})), true),
        ("project", notes, ("/projects".to_owned(), json!({"workspace": workspace, "team": team, "name": "B"})), true),
        (
            "team",
            ("description", "html_description"),
            ("/teams".to_owned(), json!({"organization": workspace, "name": "C"})),
            true,
        ),
        ("story", text, (format!("/tasks/{task}/stories"), json!({})), true),
        ("status_update", text, ("/status_updates".to_owned(), status), false),
        ("project_status", text, (format!("/projects/{project}/project_statuses"), json!({"color": "green"})), false),
    ]
    .map(|(kind, (plain, html), made, changes)| Place { kind, plain, html, made, changes })
    .into()
}

impl Place {
    fn body(&self, more: &Json) -> Json {
        let mut body = self.made.1.clone();
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    }

    async fn make(&self, client: &Client, more: Json) -> String {
        gid(&client.post(&self.made.0, self.body(&more)).await.created())
    }

    fn path(&self, gid: &str) -> String {
        match self.kind {
            "story" => format!("/stories/{gid}"),
            "status_update" => format!("/status_updates/{gid}"),
            "project_status" => format!("/project_statuses/{gid}"),
            kind => format!("/{kind}s/{gid}"),
        }
    }

    /// Both forms, as somebody reads them.
    async fn read(&self, client: &Client, gid: &str) -> (String, String) {
        let path = format!("{}?opt_fields={},{}", self.path(gid), self.plain, self.html);
        let read = client.get(&path).await.ok();
        let text = |name: &str| read[name].as_str().unwrap_or_else(|| panic!("{read} has {name}")).to_owned();
        (text(self.plain), text(self.html))
    }
}

fn body(inside: &str) -> String {
    format!("<body>{inside}</body>")
}

both!(every_text_has_two_forms, small, |small: Small| async move {
    let ann = &small.ann;
    for place in places(&small).await {
        let Place { kind, plain, html, .. } = place;
        let made = place.make(ann, json!({ html: "<body><b>a</b> &amp; <i>b</i></body>" })).await;
        let expected = ("a & b".to_owned(), body("<strong>a</strong> &amp; <em>b</em>"));
        assert_eq!(place.read(ann, &made).await, expected, "{kind}");
        let other = place.make(ann, json!({ plain: "a < b\nc" })).await;
        assert_eq!(place.read(ann, &other).await, ("a < b\nc".to_owned(), body("a &lt; b\nc")), "{kind}");

        let both = format!("You may only provide one of {plain} or {html}!");
        let long = format!("{html}: Value is longer than 65535 characters");
        let many: String = (1..=MOST_MENTIONS + 1).map(|n| format!("<a href=\"x\" data-asana-gid=\"{n}\"/>")).collect();
        let refused = [
            (json!({ plain: "a", html: "<body>a</body>" }), &*both),
            (json!({ html: "a" }), "Rich text should be wrapped in <body> tag."),
            (json!({ html: "<body><p>a</p></body>" }), "XML is invalid"),
            (
                json!({ html: "<body>a < b</body>" }),
                "XML is invalid: Malformed rich text. Found < or > that was not part of tag.",
            ),
            (json!({ html: "<body><b>a</body>" }), "XML is invalid: Malformed rich text. XML tag was not closed."),
            (
                json!({ html: "<body><a>b</a></body>" }),
                "One of data-asana-gid or href is required in anchor attributes",
            ),
            (json!({ html: "<body><a href=\"javascript:b\">b</a></body>" }), "invalid protocol in HREF field"),
            (json!({ html: body(&"a".repeat(65_535)) }), &*long),
            (json!({ html: body(&many) }), &*format!("{html}: More than 500 objects are mentioned")),
            (json!({ html: "<body><a data-asana-gid=\"17\"/></body>" }), &*format!("{html}: Unknown object: 17")),
            (json!({ html: "<body><img data-asana-gid=\"17\"/></body>" }), &*format!("{html}: Unknown object: 17")),
            (json!({ html: "<body><img src=\"https://a.b\"/></body>" }), "XML is invalid"),
            (json!({ html: 7 }), &*format!("{html}: Value is not a string: 7")),
        ];
        for (wrong, message) in &refused {
            let answer = ann.post(&place.made.0, place.body(wrong)).await;
            match message.contains("not a string") {
                true => assert_eq!(answer.response.status, 400, "{kind}: {}", answer.json),
                false => answer.refused(400, message),
            }
            if place.changes {
                assert_eq!(ann.put(&place.path(&made), wrong.clone()).await.response.status, 400, "{kind}");
                assert_eq!(place.read(ann, &made).await, expected, "{kind} stays as it was after {wrong}");
            }
        }
        // The longest that is kept, however long it was when it came.
        let longest = place.make(ann, json!({ html: body(&"<span>a</span>".repeat(60_000)) })).await;
        assert_eq!(place.read(ann, &longest).await.0.len(), 60_000, "{kind}");
        if place.changes {
            ann.put(&place.path(&made), json!({ plain: "c" })).await.ok();
            assert_eq!(place.read(ann, &made).await, ("c".to_owned(), body("c")), "{kind}");
            ann.put(&place.path(&made), json!({ html: "<body>d<hr>e</body>" })).await.ok();
            assert_eq!(place.read(ann, &made).await, ("d\ne".to_owned(), body("d<hr />e")), "{kind}");
        }
        if place.plain != "text" {
            ann.put(&place.path(&made), json!({ html: "<body></body>" })).await.ok();
            assert_eq!(place.read(ann, &made).await, (String::new(), body("")), "{kind}");
        }
    }
});

/// What Ann mentions everywhere.
struct Mentioned {
    /// Bob.
    person: String,
    /// A project of Ann's alone, a task in it, and a tag.
    project: String,
    task: String,
    tag: String,
    /// A project that everyone in the team sees.
    open: String,
}

const SECRET: &str = "Takeover";

async fn mentioned_things(small: &Small) -> Mentioned {
    let Small { ann, bob, workspace, team, .. } = small;
    let private = json!({"workspace": workspace, "name": SECRET, "privacy_setting": "private"});
    let project = gid(&ann.post("/projects", private).await.created());
    let task = json!({"projects": [project], "name": format!("Call about the {SECRET} <now>")});
    let open = json!({"workspace": workspace, "team": team, "name": "Garden"});
    Mentioned {
        person: bob.user.to_string(),
        task: gid(&ann.post("/tasks", task).await.created()),
        tag: gid(&ann.post("/tags", json!({"workspace": workspace, "name": "urgent"})).await.created()),
        open: gid(&ann.post("/projects", open).await.created()),
        project,
    }
}

both!(mentions_are_filled_in_for_the_reader, small, |small: Small| async move {
    let Small { ann, bob, .. } = &small;
    let Mentioned { person, project, task, tag, open } = mentioned_things(&small).await;
    let sent = format!(
        "Ask <a data-asana-gid=\"{person}\"/> about <a data-asana-gid=\"{task}\" data-asana-project=\"{project}\"/> in \
         <a data-asana-gid=\"{project}\">Tomatoes</a>, <a data-asana-gid=\"{tag}\"/>, <a data-asana-gid=\"{open}\"/>; \
         <a data-asana-gid=\"{task}\" data-asana-dynamic=\"false\">this <b>one</b></a>"
    );
    let link = |to: &str, kind: &str, gid: &str, more: &str, name: &str| {
        format!(
            "<a href=\"http://localhost/0/{to}\" data-asana-accessible=\"true\" data-asana-dynamic=\"true\" \
             data-asana-type=\"{kind}\" data-asana-gid=\"{gid}\"{more}>{name}</a>"
        )
    };
    let private = |to: &str| {
        format!(
            "<a href=\"http://localhost/0/{to}\" data-asana-accessible=\"false\" data-asana-dynamic=\"true\">Private Link</a>"
        )
    };
    let ask = link(&format!("profile/{person}"), "user", &person, "", "@Bob Example");
    let urgent = link(&format!("{tag}/list"), "tag", &tag, "", "urgent");
    let garden = link(&format!("{open}/list"), "project", &open, "", "Garden");
    let to_task = format!("{project}/{task}");
    let in_project = format!(" data-asana-project=\"{project}\"");
    let called = format!("Call about the {SECRET} &lt;now&gt;");
    let for_ann = (
        format!("Ask @Bob Example about Call about the {SECRET} <now> in {SECRET}, urgent, Garden; this one"),
        body(&format!(
            "Ask {ask} about {} in {}, {urgent}, {garden}; <a href=\"http://localhost/0/0/{task}/f\" \
             data-asana-accessible=\"true\" data-asana-dynamic=\"false\" data-asana-type=\"task\" \
             data-asana-gid=\"{task}\">this <strong>one</strong></a>",
            link(&to_task, "task", &task, &in_project, &called),
            link(&format!("{project}/list"), "project", &project, "", SECRET),
        )),
    );
    let for_bob = (
        "Ask @Bob Example about Private Link in Private Link, urgent, Garden; this one".to_owned(),
        body(&format!(
            "Ask {ask} about {} in {}, {urgent}, {garden}; <a href=\"http://localhost/0/0/{task}/f\" \
             data-asana-accessible=\"false\" data-asana-dynamic=\"false\">this <strong>one</strong></a>",
            private(&to_task),
            private(&format!("0/{project}/f")),
        )),
    );
    for place in places(&small).await {
        let Place { kind, plain, html, .. } = place;
        let made = place.make(ann, json!({ html: body(&sent) })).await;
        assert_eq!(place.read(ann, &made).await, for_ann, "{kind}");
        assert_eq!(place.read(bob, &made).await, for_bob, "{kind}");
        // Either form alone, and what is shown without being asked for.
        for (field, shown) in [(plain, &for_bob.0), (html, &for_bob.1)] {
            let read = bob.get(&format!("{}?opt_fields={field}", place.path(&made))).await.ok();
            assert_eq!(read[field], json!(shown), "{kind}");
        }
        let full = bob.get(&place.path(&made)).await.ok();
        assert!(!full.to_string().contains(SECRET), "{kind}: {full}");
        // What somebody reads can be written back by the same person, and means the same to everybody.
        let shown = json!({ html: for_bob.1 });
        if place.kind == "story" {
            bob.put(&place.path(&made), shown).await.refused(403, "Forbidden");
        } else if place.changes {
            if place.kind == "team" {
                ann.post(&format!("/teams/{made}/addUser"), json!({"user": person})).await.ok();
            }
            bob.put(&place.path(&made), shown.clone()).await.ok();
            assert_eq!(place.read(ann, &made).await, for_ann, "{kind}");
        }
        let again = place.make(ann, json!({ html: for_ann.1 })).await;
        assert_eq!(place.read(bob, &again).await, for_bob, "{kind}");
        if place.changes {
            ann.put(&place.path(&made), json!({ html: for_ann.1 })).await.ok();
            assert_eq!(place.read(ann, &made).await, for_ann, "{kind}");
            // A plain text mentions nobody.
            ann.put(&place.path(&made), json!({ plain: for_bob.0 })).await.ok();
            assert_eq!(place.read(ann, &made).await, (for_bob.0.clone(), body(&for_bob.0)), "{kind}");
        }
    }
    // A new name is shown at once, and what is in the trash is as private as anything.
    let place = &places(&small).await[0];
    let made = place.make(ann, json!({ "html_notes": format!("<body><a data-asana-gid=\"{task}\"/></body>") })).await;
    ann.put(&format!("/tasks/{task}"), json!({"name": "New"})).await.ok();
    assert_eq!(place.read(ann, &made).await.0, "New");
    ann.delete(&format!("/tasks/{task}")).await.ok();
    assert_eq!(place.read(ann, &made).await.0, "Private Link");
    let violations = testkit::consistency::violations(&small.world.api.db).await;
    assert_eq!(violations, Vec::<String>::new());
});

both!(who_mentions_has_to_see_or_to_know_an_address, small, |small: Small| async move {
    let Small { ann, bob, guest, stranger, .. } = &small;
    let Mentioned { project, task, .. } = mentioned_things(&small).await;
    let place = &places(&small).await[0];
    let person = stranger.user.to_string();
    for hidden in [&project, &task, &person] {
        let bare = json!({ "html_notes": format!("<body><a data-asana-gid=\"{hidden}\"/></body>") });
        // As of a gid that nobody has.
        let message = format!("html_notes: Unknown object: {hidden}");
        bob.post("/tasks", place.body(&bare)).await.refused(400, &message);
        guest.post("/tasks", place.body(&bare)).await.refused(400, &message);
        let addressed =
            format!("<body><a href=\"https://a.b\" data-asana-type=\"task\" data-asana-gid=\"{hidden}\">x</a></body>");
        let made = place.make(bob, json!({ "html_notes": addressed })).await;
        let (text, html) = place.read(bob, &made).await;
        assert_eq!(text, "Private Link");
        assert!(!html.contains("data-asana-type") && !html.contains(SECRET), "{html}");
        // Who sees it is shown what it is called.
        let shown = place.read(ann, &made).await.0;
        assert_eq!(shown == "Private Link", *hidden == person, "{shown}");
        // Nobody follows whom the writer does not see.
        let followers = ann.get(&format!("/tasks/{made}?opt_fields=followers")).await.ok();
        assert_eq!(followers["followers"].as_array().unwrap().len(), 1);
    }
});

// A guest sees hardly anybody, and learns no name through a text either.
both!(a_guest_learns_no_name, small, |small: Small| async move {
    let Small { ann, cat, guest, team, .. } = &small;
    let Mentioned { project, task, .. } = mentioned_things(&small).await;
    let places = places(&small).await;
    let hidden = [&project, &task, &cat.user.to_string(), team].map(|gid| format!("<a data-asana-gid=\"{gid}\"/>"));
    let parent = json!({"parent": task, "resource_subtype": "asana"});
    let upload = Upload { file: "f".into(), name: format!("{SECRET}.png"), content_type: "image/png".into(), size: 1 };
    let attachment = gid(&ann.upload("/attachments", parent, upload).await.ok());
    let image = format!("<img data-asana-gid=\"{attachment}\"/><a data-asana-gid=\"{attachment}\"/>");
    let sent = body(&(hidden.concat() + &image));
    for place in &places {
        if matches!(place.kind, "project" | "team") {
            continue;
        }
        // Cat would come to follow the task, and be seen there.
        let made = match place.kind {
            "task" => {
                let made = place.make(ann, json!({ "html_notes": sent })).await;
                let followers = json!({"followers": [cat.user.to_string()]});
                ann.post(&format!("/tasks/{made}/removeFollowers"), followers).await.ok();
                made
            }
            "story" => {
                let made = place.make(ann, json!({ "html_text": sent })).await;
                let task = place.made.0.strip_suffix("/stories").unwrap();
                ann.post(&format!("{task}/removeFollowers"), json!({"followers": [cat.user.to_string()]})).await.ok();
                made
            }
            _ => place.make(ann, json!({ place.html: sent })).await,
        };
        let (text, html) = place.read(guest, &made).await;
        for name in [SECRET, "Cat", "Makers", "png", "/-/attachments/"] {
            assert!(!text.contains(name) && !html.contains(name), "{}: {text} {html}", place.kind);
        }
        assert_eq!(
            text, "Private LinkPrivate LinkPrivate LinkPrivate Link\nPrivate Link\nPrivate Link",
            "{}",
            place.kind
        );
        assert_eq!(html.matches("accessible=\"false\"").count(), 5, "{html}");
        assert!(html.contains("data-asana-deleted=\"true\" data-asana-type=\"attachment\"/>"), "{html}");
        let (text, html) = place.read(ann, &made).await;
        assert_eq!(text.matches(SECRET).count(), 4, "{text}");
        assert!(html.contains("@Cat Example") && html.contains("Makers"), "{html}");
        assert!(html.contains(&format!("src=\"http://localhost/-/attachments/{attachment}/")), "{html}");
        assert!(
            html.contains(&format!("href=\"http://localhost/app/asana/-/get_asset?asset_id={attachment}\"")),
            "{html}"
        );
    }
});

async fn followers(client: &Client, task: &str) -> Vec<i64> {
    let task = client.get(&format!("/tasks/{task}?opt_fields=followers")).await.ok();
    let followers = task["followers"].as_array().unwrap();
    let mut gids: Vec<i64> = followers.iter().map(|user| gid(user).parse().unwrap()).collect();
    gids.sort_unstable();
    gids
}

fn mention(users: &[&Client]) -> String {
    body(&users.iter().map(|user| format!("<a data-asana-gid=\"{}\"/>", user.user)).collect::<String>())
}

both!(who_is_mentioned_follows_the_task, small, |small: Small| async move {
    let Small { ann, bob, cat, guest, workspace, .. } = &small;
    let [a, b, c, g] = [ann, bob, cat, guest].map(|client| client.user);
    let private = json!({"workspace": workspace, "name": "Plan", "privacy_setting": "private"});
    let project = gid(&ann.post("/projects", private).await.created());
    let task = json!({"projects": [project], "name": "T", "html_notes": mention(&[bob, bob])});
    let task = gid(&ann.post("/tasks", task).await.created());
    assert_eq!(followers(ann, &task).await, [a, b]);
    // Bob sees it now.
    let path = format!("/tasks/{task}");
    assert_eq!(bob.get(&path).await.ok()["notes"], "@Bob Example@Bob Example");
    // Who has stopped following is not called back by a text that is no new mention.
    bob.post(&format!("{path}/removeFollowers"), json!({"followers": ["me"]})).await.ok();
    ann.put(&path, json!({"html_notes": mention(&[bob, cat])})).await.ok();
    assert_eq!(followers(ann, &task).await, [a, c]);
    let comment = ann.post(&format!("{path}/stories"), json!({"html_text": mention(&[guest])})).await.created();
    assert_eq!(followers(ann, &task).await, [a, c, g]);
    assert_eq!(comment["text"], "@Gus Guest");
    cat.post(&format!("{path}/removeFollowers"), json!({"followers": ["me"]})).await.ok();
    let story = format!("/stories/{}", gid(&comment));
    ann.put(&story, json!({"html_text": mention(&[guest, bob])})).await.ok();
    assert_eq!(followers(ann, &task).await, [a, b, g]);
    guest.post(&format!("{path}/removeFollowers"), json!({"followers": ["me"]})).await.ok();
    ann.put(&story, json!({"html_text": mention(&[bob, guest])})).await.ok();
    assert_eq!(followers(ann, &task).await, [a, b]);
    let added =
        "SELECT value FROM changes WHERE field = 'followers' AND field_action = 'added' ORDER BY set_id, number";
    assert_eq!(small.world.write(move |call| call.numbers(added, &[])).await, [c, g, b]);
    let violations = testkit::consistency::violations(&small.world.api.db).await;
    assert_eq!(violations, Vec::<String>::new());
});

/// Names are looked up for a page and not for a row, however many objects are mentioned.
#[test]
fn a_page_needs_few_statements() {
    testkit::run(async {
        let small = small(Engine::Embedded).await;
        let Small { ann, bob, cat, workspace, .. } = &small;
        let project = json!({"workspace": workspace, "name": "Many"});
        let project = gid(&ann.post("/projects", project).await.created());
        let Mentioned { task, tag, open, .. } = mentioned_things(&small).await;
        let db = &small.world.api.db;
        let mut counts = Vec::new();
        for round in 0..2 {
            for number in 0..50 {
                let other = json!({"projects": [open], "name": format!("other {round} {number}")});
                let other = gid(&ann.post("/tasks", other).await.created());
                let people = [bob, cat].map(|client| client.user.to_string());
                let gids = [&task, &tag, &open, &project, &other, &people[0], &people[1]];
                let notes: String = gids.iter().map(|gid| format!("<a data-asana-gid=\"{gid}\"/>")).collect();
                let data = json!({"projects": [project], "name": "t", "html_notes": body(&notes)});
                ann.post("/tasks", data).await.created();
            }
            let path = format!("/tasks?project={project}&limit=100&opt_fields=notes,html_notes");
            ann.get(&path).await.ok();
            let before = db.statements();
            let page = ann.get(&path).await.ok();
            counts.push(db.statements() - before);
            let page = page.as_array().unwrap();
            assert_eq!(page.len(), 50 * (round + 1));
            let named = |row: &Json| row["html_notes"].as_str().unwrap().matches("accessible=\"true\"").count();
            assert!(page.iter().all(|row| named(row) == 7), "{page:?}");
            let people = |row: &Json| row["notes"].as_str().unwrap().ends_with("@Bob Example@Cat Example");
            assert!(page.iter().all(people), "{page:?}");
        }
        // The listing, the tasks, and one for each kind of what is mentioned.
        assert_eq!(counts[0], counts[1]);
        assert!(counts[0] <= 5 + MENTIONABLE.len() as u64, "{counts:?}");
        let plain = json!({"projects": [project], "name": "t", "notes": "plain"});
        let lone = gid(&ann.post("/tasks", plain).await.created());
        let path = format!("/tasks/{lone}?opt_fields=notes,html_notes");
        ann.get(&path).await.ok();
        let before = db.statements();
        ann.get(&path).await.ok();
        assert_eq!(db.statements() - before, 2, "what mentions nobody costs nothing");
    });
}
