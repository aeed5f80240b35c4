//! Every operation is called and every value of its answers compared with the contract; and both databases give the
//! same answers, byte for byte, and end with the same content.

use std::collections::BTreeSet;

use conformance::{Contract, Field};
use engine::field::Shown;
use engine::operation::Method;
use serde_json::{Map, Value as Json};
use testkit::{Answer, Engine};

use crate::built::{self, operations};
use crate::call::call;
use crate::committed;
use crate::database::{difference, dump};
use crate::world::place;

#[test]
fn every_value_of_every_answer_is_as_the_contract_says() {
    testkit::run(async {
        let contract = Contract::read();
        let mut judge = Judge::new(&contract);
        let here = place(Engine::Embedded).await;
        let there = place(Engine::Server).await;
        let before = [dump(&here.world.api).await, dump(&there.world.api).await];
        assert_eq!(before[0], before[1], "both begin the same: {}", difference(&before[0], &before[1]));
        let states = [here.world.api.db.snapshot().await.unwrap(), there.world.api.db.snapshot().await.unwrap()];
        for built in operations() {
            let plain = call(&here, built.operation);
            let all = plain.with(&format!("opt_fields={}", built::paths(built.answers(), 2).join(",")));
            for (asked, whole) in [(&plain, false), (&all, true)] {
                let answer = asked.send(&here.admin).await;
                let same = asked.send(&there.admin).await;
                assert_eq!(
                    (answer.response.status, String::from_utf8_lossy(&answer.response.body)),
                    (same.response.status, String::from_utf8_lossy(&same.response.body)),
                    "{} {} answers alike on both databases",
                    built.operation.id,
                    asked.query
                );
                assert_eq!(answer.response.location, same.response.location);
                let expected = &contract.operations[built.operation.id];
                if answer.response.status != expected.success {
                    judge.wrong.insert(format!("{}: {} {}", built.operation.id, answer.response.status, answer.json));
                } else {
                    judge.answer(expected, &answer);
                    if whole {
                        judge.complete(built, &answer.json["data"]);
                    }
                }
                if built.operation.method != Method::Get {
                    let after = [dump(&here.world.api).await, dump(&there.world.api).await];
                    assert_eq!(after[0], after[1], "{}: {}", built.operation.id, difference(&after[0], &after[1]));
                    crate::invariants::check(&here.world.api).await;
                    here.world.restore(&states[0]).await;
                    there.world.restore(&states[1]).await;
                }
            }
        }
        assert!(judge.wrong.is_empty(), "{:#?}", judge.wrong);
        committed::only_shrinks(
            "nulls.txt",
            "Values that were null in an answer although the contract does not say that they may be: shape, path.",
            &judge.nulls,
        );
        committed::only_shrinks(
            "other_types.txt",
            "Values of another type than the contract's: shape, path, ours.",
            &judge.types,
        );
    });
}

/// Compares answers with the contract's shapes.
struct Judge<'a> {
    contract: &'a Contract,
    extra: BTreeSet<String>,
    /// Words beyond the contract's: shape, path, +word.
    choices: Vec<String>,
    nulls: BTreeSet<String>,
    types: BTreeSet<String>,
    wrong: BTreeSet<String>,
}

impl<'a> Judge<'a> {
    fn new(contract: &'a Contract) -> Self {
        let extra = committed::read("extra_paths.txt").lines().map(str::to_owned).collect();
        let listed = committed::read("other_choices.txt");
        let choices = listed.lines().flat_map(|line| {
            let (place, words) = line.split_at(line.find(" +").unwrap_or(line.len()));
            words.split_whitespace().map(|word| format!("{place} {word}")).collect::<Vec<_>>()
        });
        let choices = choices.collect();
        Judge { contract, extra, choices, nulls: BTreeSet::new(), types: BTreeSet::new(), wrong: BTreeSet::new() }
    }

    fn answer(&mut self, operation: &conformance::Operation, answer: &Answer) {
        let place = operation.id;
        let Some(members) = answer.json.as_object() else {
            self.wrong.insert(format!("{place}: not an object"));
            return;
        };
        for name in members.keys() {
            if name != "data" && !(name == "next_page" && operation.list) {
                self.wrong.insert(format!("{place}: {name} beside data"));
            }
        }
        match (&answer.json["data"], operation.list) {
            (Json::Array(items), true) => {
                for item in items {
                    self.value(place, operation.shape, item);
                }
            }
            (value, false) => self.value(place, operation.shape, value),
            (value, true) => {
                self.wrong.insert(format!("{place}: not a list: {value}"));
            }
        }
    }

    fn value(&mut self, place: &str, shape: &str, value: &Json) {
        match value {
            Json::Object(members) if shape == "EmptyResponse" => {
                if !members.is_empty() {
                    self.wrong.insert(format!("{place}: more than nothing: {value}"));
                }
            }
            // opt_fields asks a compact shape for all that its whole one has.
            Json::Object(members) => self.object(place, self.whole(shape), "", members),
            _ => {
                self.wrong.insert(format!("{place}: not an object: {value}"));
            }
        }
    }

    /// The shape that has all fields of a resource: `TaskResponse` for `TaskCompact`.
    fn whole<'s>(&self, shape: &'s str) -> &'s str
    where
        'a: 's,
    {
        let stem = shape.trim_end_matches("Compact").trim_end_matches("Response").trim_end_matches("Base");
        let names = [format!("{stem}Response"), format!("{stem}NormalResponse")];
        let known = |name: &String| self.contract.shapes.keys().find(|known| **known == *name).copied();
        names.iter().find_map(known).unwrap_or(shape)
    }

    fn object(&mut self, place: &str, shape: &str, prefix: &str, members: &Map<String, Json>) {
        for (name, value) in members {
            let path = format!("{prefix}{name}");
            let known = self.contract.shapes.get(shape).and_then(|fields| fields.get(path.as_str()));
            match known {
                Some(field) => self.field(place, shape, field, value),
                None if self.extra.contains(&format!("{shape} {path}")) => {}
                None => {
                    self.wrong.insert(format!("{place}: {shape} has no {path}"));
                }
            }
        }
    }

    fn field(&mut self, place: &str, shape: &str, field: &Field, value: &Json) {
        let path = field.path;
        if value.is_null() {
            if field.kind.starts_with("array") {
                self.wrong.insert(format!("{place}: {shape} {path} is a list and null"));
            } else if !field.nullable && !field.values.contains(&"null") {
                self.nulls.insert(format!("{shape} {path}"));
            }
            return;
        }
        let fits = match field.kind {
            "string" | "string:uri" | "string:email" => value.is_string(),
            "string:date" => value.as_str().is_some_and(|text| model::time::parse_date(text).is_some()),
            "string:date-time" => value.as_str().is_some_and(|text| {
                model::time::parse_time(text).is_some() && text.len() == "2026-03-02T10:00:00.000Z".len()
            }),
            "integer" if value.is_f64() => {
                self.types.insert(format!("{shape} {path} number"));
                true
            }
            "integer" => value.is_i64(),
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            "object" | "map" => value.is_object(),
            "array<string>" | "array<string:uri>" => {
                value.as_array().is_some_and(|items| items.iter().all(Json::is_string))
            }
            "array<object>" => value.as_array().is_some_and(|items| items.iter().all(Json::is_object)),
            _ => true,
        };
        if !fits {
            self.wrong.insert(format!("{place}: {shape} {path} is no {}: {value}", field.kind));
            return;
        }
        if let (Some(text), false) = (value.as_str(), field.values.is_empty())
            && !field.values.contains(&text)
            && !self.choices.iter().any(|known| *known == format!("{shape} {path} +{text}"))
        {
            self.wrong.insert(format!("{place}: {shape} {path} does not know {text}"));
        }
        let inner: Vec<&Map<String, Json>> = match value {
            Json::Object(members) if field.kind == "object" => vec![members],
            Json::Array(items) => items.iter().filter_map(Json::as_object).collect(),
            _ => Vec::new(),
        };
        let whole = self.whole(field.of);
        for members in inner {
            if self.contract.shapes.contains_key(whole) {
                self.object(place, whole, "", members);
            } else {
                self.object(place, shape, &format!("{path}."), members);
            }
        }
    }

    /// Everything that was asked for is there.
    fn complete(&mut self, built: built::Built, data: &Json) {
        if built.operation.empty {
            return;
        }
        let records: Vec<&Json> = data.as_array().map_or_else(|| vec![data], |items| items.iter().collect());
        if records.is_empty() {
            self.wrong.insert(format!("{}: an empty list shows nothing", built.operation.id));
        }
        for record in records {
            for field in built.answers().fields.iter().filter(|field| field.shown != Shown::Never) {
                if field.only.is_empty() && record.get(field.name).is_none() {
                    self.wrong.insert(format!("{}: {} was asked for and is not there", built.operation.id, field.name));
                }
            }
        }
    }
}
