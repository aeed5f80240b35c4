//! The OpenAPI document that the server hands out is whole and agrees with the contract.

use std::collections::BTreeSet;

use conformance::Contract;
use engine::openapi::document;
use serde_json::Value as Json;
use testkit::Engine;

use crate::built::operations;
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
