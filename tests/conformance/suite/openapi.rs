//! The OpenAPI document that the server hands out is whole and agrees with the contract.

use std::collections::BTreeSet;

use conformance::Contract;
use engine::openapi::document;
use engine::operation::Method;
use serde_json::Value as Json;
use testkit::Engine;

use crate::built::{self, operations};
use crate::call::call;
use crate::world::place;

#[test]
fn the_document_is_whole() {
    testkit::run(async {
        let place = place(Engine::Embedded).await;
        let text = document(&place.world.api, "http://localhost:8080");
        assert_eq!(text, document(&place.world.api, "http://localhost:8080"), "the same each time");
        let document: Json = serde_json::from_str(&text).unwrap();
        assert_eq!(document["openapi"], "3.0.3");
        assert_eq!(document["servers"][0]["url"], "http://localhost:8080/api/1.0");
        let mut wrong = Vec::new();
        references(&document, &document, &mut wrong);

        let contract = Contract::read();
        let mut ids = BTreeSet::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let id = operation["operationId"].as_str().unwrap();
                assert!(ids.insert(id.to_owned()), "{id} is there once");
                let expected = &contract.operations[id];
                assert_eq!((method.to_uppercase().as_str(), path.as_str()), (expected.method, expected.path));
                if !operation["responses"][expected.success.to_string()].is_object() {
                    wrong.push(format!("{id} does not answer {}", expected.success));
                }
                let parameters = operation["parameters"].as_array().unwrap();
                let named = |place: &str| -> Vec<&str> {
                    let those = parameters.iter().filter(|parameter| parameter["in"] == place);
                    those.filter_map(|parameter| parameter["name"].as_str()).collect()
                };
                let in_path = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
                assert_eq!(named("path"), in_path.collect::<Vec<_>>(), "{id}");
                let query: BTreeSet<&str> = named("query").into_iter().collect();
                assert_eq!(query.len(), named("query").len(), "{id} names each parameter once");
            }
        }
        let built: BTreeSet<String> = operations().iter().map(|built| built.operation.id.to_owned()).collect();
        assert_eq!(ids, built, "what is built is described, and nothing else");
        assert!(wrong.is_empty(), "{wrong:#?}");
    });
}

/// Every `$ref` leads somewhere, every schema has a form, every list its items.
fn references(document: &Json, value: &Json, wrong: &mut Vec<String>) {
    match value {
        Json::Object(members) => {
            if let Some(Json::String(reference)) = members.get("$ref") {
                if document.pointer(reference.trim_start_matches('#')).is_none() {
                    wrong.push(format!("{reference} leads nowhere"));
                }
                if members.len() > 1 {
                    wrong.push(format!("{reference} has siblings"));
                }
            }
            if members.get("type").and_then(Json::as_str) == Some("array") && !members.contains_key("items") {
                wrong.push(format!("a list without items: {value}"));
            }
            if let (Some(Json::Array(required)), Some(properties)) =
                (members.get("required"), members.get("properties"))
            {
                wrong.extend(
                    required
                        .iter()
                        .filter_map(Json::as_str)
                        .filter(|name| properties.get(name).is_none())
                        .map(|name| format!("{name} is required and not described")),
                );
            }
            members.values().for_each(|inner| references(document, inner, wrong));
        }
        Json::Array(items) => items.iter().for_each(|inner| references(document, inner, wrong)),
        _ => {}
    }
}

/// Every answer, refusals too, is what the document says of it.
#[test]
fn answers_are_as_described() {
    testkit::run(async {
        let place = place(Engine::Embedded).await;
        let text = document(&place.world.api, "http://localhost:8080");
        let document: Json = serde_json::from_str(&text).unwrap();
        let db = &place.world.api.db;
        let state = db.snapshot().await.unwrap();
        let mut wrong = BTreeSet::new();
        for built in operations() {
            let operation = built.operation;
            let described = &document["paths"][operation.path][operation.method.name().to_lowercase()];
            let plain = call(&place, operation);
            let all = plain.with(&format!("opt_fields={}", built::paths(built.answers(), 2).join(",")));
            for (asked, client) in [(&plain, &place.admin), (&all, &place.admin), (&plain, &place.stranger)] {
                let answer = asked.send(client).await;
                let response = &described["responses"][answer.response.status.to_string()];
                let response = match response["$ref"].as_str() {
                    Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
                    None => response,
                };
                let schema = &response["content"]["application/json"]["schema"];
                if let Err(problem) = fits(&document, schema, &answer.json) {
                    wrong.insert(format!("{} {}: {problem}", operation.id, answer.response.status));
                }
                if operation.method != Method::Get && answer.response.status < 300 {
                    place.world.restore(&state).await;
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    });
}

/// Whether a value is what a schema says, or why not.
fn fits(document: &Json, schema: &Json, value: &Json) -> Result<(), String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = document.pointer(reference.trim_start_matches('#'));
        return fits(document, target.ok_or("a reference that leads nowhere")?, value);
    }
    let Some(form) = schema.as_object().filter(|form| !form.is_empty()) else {
        return if schema.is_object() { Ok(()) } else { Err("not described".to_owned()) };
    };
    if value.is_null() {
        let nullable = form.get("nullable") == Some(&Json::Bool(true));
        return if nullable { Ok(()) } else { Err("null".to_owned()) };
    }
    if let Some(choices) = form.get("enum").and_then(Json::as_array)
        && !choices.contains(value)
    {
        return Err(format!("{value} is none of {choices:?}"));
    }
    let is = match form.get("type").and_then(Json::as_str) {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        _ => true,
    };
    if !is {
        return Err(format!("{value} is no {}", form["type"]));
    }
    for part in form.get("allOf").and_then(Json::as_array).into_iter().flatten() {
        fits(document, part, value)?;
    }
    if let Some(parts) = form.get("anyOf").and_then(Json::as_array)
        && !parts.iter().any(|part| fits(document, part, value).is_ok())
    {
        return Err(format!("{value} fits none of several"));
    }
    for (item, at) in value.as_array().into_iter().flatten().zip(0..) {
        fits(document, &form["items"], item).map_err(|problem| format!("[{at}] {problem}"))?;
    }
    for (name, inner) in value.as_object().into_iter().flatten() {
        match form.get("properties").and_then(|properties| properties.get(name)) {
            Some(schema) => fits(document, schema, inner).map_err(|problem| format!("{name}: {problem}"))?,
            None if form.get("additionalProperties") == Some(&Json::Bool(false)) => {
                return Err(format!("{name} is one too many"));
            }
            None => {}
        }
    }
    let required = form.get("required").and_then(Json::as_array);
    match required.into_iter().flatten().filter_map(Json::as_str).find(|name| value.get(name).is_none()) {
        Some(name) => Err(format!("{name} is not there")),
        None => Ok(()),
    }
}
