//! Bad input, made from the tables: every property of every body gets every kind of wrong value, and every parameter too.
//! The answer is a 4xx in the error shape that names the property, and nothing changes.

use std::collections::BTreeSet;

use engine::body::properties;
use engine::input::{Input, InputKind};
use engine::operation::{FilterKind, Method, QueryKind};
use serde_json::{Value as Json, json};
use testkit::{Answer, Engine, both};

use crate::built::operations;
use crate::call::call;
use crate::database::{difference, dump};
use crate::world::{Place, place};

/// Values that no property of this kind takes.
fn wrong_values(kind: &InputKind) -> Vec<Json> {
    let nested = |inner: Json| json!([inner]);
    match kind {
        InputKind::Text(longest) => {
            vec![json!(7), json!(true), json!({}), json!([]), json!("a\0b"), json!("ä".repeat(longest + 1))]
        }
        InputKind::Bool => vec![json!("yes"), json!(1), json!({}), json!([]), json!("")],
        InputKind::Int(..) => vec![json!("x"), json!(1.5), json!({}), json!([]), json!(1e300), json!(true)],
        InputKind::Real => vec![json!("x"), json!({}), json!([]), json!(true)],
        InputKind::Time => vec![json!(7), json!("yesterday"), json!({}), json!("2026-13-01T00:00:00Z"), json!([])],
        InputKind::Date => {
            vec![json!(7), json!("2026-02-30"), json!("2026-2-3"), json!({}), json!([]), json!("20260203"), json!("")]
        }
        InputKind::Choice(_) => vec![json!(7), json!("no such word"), json!({}), json!([]), json!("")],
        InputKind::Gid(_) => vec![
            json!(7),
            json!({}),
            json!([]),
            json!(true),
            json!("x"),
            json!(""),
            json!("1 OR 1=1"),
            json!("99999999999999999999999"),
            json!("-1"),
            json!("12\0"),
            json!("4503599627999999"),
        ],
        InputKind::GidOrNew(..) => {
            vec![json!(7), json!([]), json!(true), json!("x"), json!(""), json!("4503599627999999")]
        }
        InputKind::Gids(_) => vec![
            json!(7),
            json!({}),
            json!(true),
            nested(json!(7)),
            nested(json!({})),
            nested(json!([])),
            nested(json!("x")),
            nested(Json::Null),
            nested(json!("4503599627999999")),
        ],
        InputKind::Object(_) => vec![json!(7), json!("x"), json!([]), json!(true)],
        InputKind::Objects(_) => vec![json!(7), json!("x"), json!({}), nested(json!(7)), nested(Json::Null)],
        InputKind::Json => vec![json!(7), json!("x"), json!([]), json!(true)],
        InputKind::Upload => vec![json!(7), json!("x"), json!([]), json!({})],
    }
}

/// Bodies in which one property, at any depth, has a wrong value; with the first name on the way.
fn wrong_bodies(inputs: &[Input]) -> Vec<(String, Json)> {
    let mut bodies = Vec::new();
    for input in inputs {
        let mut values = wrong_values(&input.kind);
        if !input.nullable {
            values.push(Json::Null);
        }
        bodies.extend(values.into_iter().map(|value| (input.name.to_owned(), value)));
        let inside = match input.kind {
            InputKind::Object(inside) => {
                wrong_bodies(inside).into_iter().map(|(name, value)| json!({ name: value })).collect()
            }
            InputKind::Objects(inside) => {
                wrong_bodies(inside).into_iter().map(|(name, value)| json!([{ name: value }])).collect()
            }
            _ => Vec::new(),
        };
        bodies.extend(inside.into_iter().map(|value| (input.name.to_owned(), value)));
    }
    bodies
}

fn is_refusal(answer: &Answer) -> bool {
    let error = &answer.json["errors"][0];
    (400..500).contains(&answer.response.status)
        && error["message"].as_str().is_some_and(|message| !message.is_empty())
        && error["help"].is_string()
        && answer.json.as_object().is_some_and(|members| members.len() == 1)
}

both!(every_wrong_value_is_refused_by_name, place, |place: Place| async move {
    let mut wrong = BTreeSet::new();
    let mut tried = 0;
    let before = dump(&place.world.api).await;
    for built in operations().iter().filter(|built| built.operation.method != Method::Get) {
        let asked = call(&place, built.operation);
        for (name, value) in wrong_bodies(&properties(built.operation, Some(built.answers()))) {
            let mut data = asked.data.clone().unwrap_or_else(|| json!({}));
            data[&name] = value.clone();
            let answer = asked.data(data).send(&place.admin).await;
            tried += 1;
            let message = answer.json["errors"][0]["message"].as_str().unwrap_or_default();
            let shown: String = value.to_string().chars().take(60).collect();
            if !is_refusal(&answer) || !message.starts_with(&name) {
                let status = answer.response.status;
                wrong.insert(format!("{} {name}={shown}: {status} {message}", built.operation.id));
            }
        }
        let after = dump(&place.world.api).await;
        if before != after {
            wrong.insert(format!("{} changed something: {}", built.operation.id, difference(&before, &after)));
            break;
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(tried > 1_500, "{tried} wrong values");
});

both!(every_wrong_parameter_is_refused_by_name, place, |place: Place| async move {
    let mut wrong = BTreeSet::new();
    for built in operations() {
        for (name, kind) in built.operation.query() {
            let values: &[&str] = match kind {
                QueryKind::Any | QueryKind::Filter(FilterKind::Text) => &[],
                QueryKind::Object(_) => &["x", "", "-1", "99999999999999999999", "1%00", "4503599627999999"],
                QueryKind::Filter(FilterKind::Bool) => &["yes", "", "2"],
                QueryKind::Filter(FilterKind::Time) => &["yesterday", "", "2026-02-30"],
                QueryKind::Filter(FilterKind::Gid) => &["x", "", "-1"],
                QueryKind::Limit => &["0", "101", "-1", "x", "", "1.5", "99999999999999999999"],
                QueryKind::Offset => &["x", "a.b.c", "eyJ.e.A", "%F0%9F%92%A9"],
            };
            for value in values {
                let mut asked = call(&place, built.operation);
                // Alone: two objects at once choose another list, or none.
                if let QueryKind::Object(_) = kind {
                    asked.query = String::new();
                    if name == "assignee" {
                        asked.query = format!("workspace={}", place.gid("workspace_gid"));
                    } else if name == "workspace" && built.operation.id == "getTasks" {
                        asked.query = "assignee=me".to_owned();
                    } else if name == "user" && built.operation.id == "getTeamMemberships" {
                        asked.query = format!("workspace={}", place.gid("workspace_gid"));
                    } else if name == "workspace" && built.operation.id == "getTeamMemberships" {
                        asked.query = "user=me".to_owned();
                    } else if name == "target" {
                        asked.query = "emoji_base=x".to_owned();
                    }
                }
                let answer = asked.with(&format!("{name}={value}")).send(&place.admin).await;
                let message = answer.json["errors"][0]["message"].as_str().unwrap_or_default();
                let named = message.starts_with(name) || value.contains('%');
                if !is_refusal(&answer) || !named {
                    let status = answer.response.status;
                    wrong.insert(format!("{} {name}={value}: {status} {message}", built.operation.id));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
});

both!(every_wrong_path_is_refused, place, |place: Place| async move {
    let mut wrong = BTreeSet::new();
    let never = [
        "x",
        "-1",
        "0",
        "99999999999999999999",
        "4503599627999999",
        "%00",
        "%FF",
        "%F0%9F%92%A9",
        ".",
        "..",
        "%2e%2e",
        "1;2",
        "a%2Fb",
    ];
    for built in operations().iter().filter(|built| built.operation.path.contains('{')) {
        let asked = call(&place, built.operation);
        let gid = asked.path.split('/').nth(2).unwrap().to_owned();
        for value in never {
            let mut other = asked.clone();
            other.path = asked.path.replace(&gid, value);
            let answer = other.send(&place.admin).await;
            if !is_refusal(&answer) {
                wrong.insert(format!("{} {value}: {} {}", built.operation.id, answer.response.status, answer.json));
            }
        }
        // An object of another kind.
        let kind = built.operation.path.split('/').nth(1).unwrap();
        for (name, other) in place.gids.iter().filter(|(name, _)| ["tag_gid", "user_gid", "section_gid"].contains(name))
        {
            if !kind.starts_with(name.trim_end_matches("_gid")) {
                let mut asked = asked.clone();
                asked.path = asked.path.replace(&gid, other);
                let answer = asked.send(&place.admin).await;
                if answer.response.status != 404 {
                    wrong.insert(format!("{} of a {name}: {} {}", asked.id, answer.response.status, answer.json));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
});

#[test]
fn malformed_bodies_are_refused() {
    testkit::run(async {
        let place = place(Engine::Embedded).await;
        let before = dump(&place.world.api).await;
        let deep = |open: &str, close: &str| format!("{}{}", open.repeat(10_000), close.repeat(10_000));
        let bodies: Vec<Vec<u8>> = vec![
            b"{".to_vec(),
            b"[]".to_vec(),
            b"7".to_vec(),
            b"null".to_vec(),
            b"\"x\"".to_vec(),
            b"{\"data\":7}".to_vec(),
            b"{\"data\":[]}".to_vec(),
            b"{\"data\":\"x\"}".to_vec(),
            b"{\"name\":\"x\"}".to_vec(),
            b"{\"data\":{},\"more\":1}".to_vec(),
            b"{\"data\":{}} x".to_vec(),
            b"{\"data\":{\"name\":\"\\ud800\"}}".to_vec(),
            b"{\"data\":{\"name\":\"\xff\"}}".to_vec(),
            b"\xef\xbb\xbf\x00".to_vec(),
            deep("[", "]").into_bytes(),
            "[".repeat(10_000).into_bytes(),
            format!("{{\"data\":{}}}", deep("[", "]")).into_bytes(),
            format!("{{\"data\":{{\"name\":{}}}}}", deep("{\"a\":[", "]}")).into_bytes(),
            "{\"data\":{\"name\":1e999}}".into(),
        ];
        let mut wrong = BTreeSet::new();
        for built in operations().iter().filter(|built| [Method::Post, Method::Put].contains(&built.operation.method)) {
            let asked = call(&place, built.operation);
            for body in &bodies {
                let answer = place.admin.send(asked.method, &asked.path, body, Some("application/json")).await;
                if answer.response.status != 400 || !is_refusal(&answer) {
                    let body: String = String::from_utf8_lossy(body).chars().take(60).collect();
                    wrong.insert(format!("{} {body}: {} {}", asked.id, answer.response.status, answer.json));
                }
            }
            let form = b"name=%FF&x=%00".as_slice();
            let answer =
                place.admin.send(asked.method, &asked.path, form, Some("application/x-www-form-urlencoded")).await;
            if !is_refusal(&answer) {
                wrong.insert(format!("{} form: {} {}", asked.id, answer.response.status, answer.json));
            }
            for kind in ["image/png", "multipart/form-data; boundary=x", "text/html"] {
                let answer = place.admin.send(asked.method, &asked.path, b"{}", Some(kind)).await;
                if answer.response.status != 415 || !is_refusal(&answer) {
                    wrong.insert(format!("{} {kind}: {} {}", asked.id, answer.response.status, answer.json));
                }
            }
        }
        let after = dump(&place.world.api).await;
        assert_eq!(before, after, "{}", difference(&before, &after));
        assert!(wrong.is_empty(), "{wrong:#?}");
    });
}

#[test]
fn odd_opt_fields_never_fail() {
    testkit::run(async {
        let place = place(Engine::Embedded).await;
        let texts = [
            ",",
            "....",
            "(",
            ")",
            "((((",
            "a|b",
            "(a|b).(c|d)",
            "this",
            "this.this.this",
            "name,name",
            "gid",
            "*",
            "%2B",
            "%20name%20",
            "parent.parent.parent.parent.parent.parent.parent.parent.name",
            "name.name",
            "followers.followers",
            "'",
            "%22",
            "memberships.(project|section).gid",
        ];
        for built in operations().iter().filter(|built| built.operation.method == Method::Get) {
            for text in texts {
                let answer = call(&place, built.operation).with(&format!("opt_fields={text}")).send(&place.admin).await;
                assert_eq!(answer.response.status, 200, "{} {text}: {}", built.operation.id, answer.json);
            }
        }
        let long = "name,".repeat(4_000);
        place
            .admin
            .get(&format!("/users/me?opt_fields={long}"))
            .await
            .refused(400, "opt_fields: Value is longer than 16384 characters");
    });
}
