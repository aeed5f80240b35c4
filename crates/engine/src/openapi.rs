//! The OpenAPI document of what is served, read off the tables. The contract's prose is not repeated here: names, types,
//! choices and statuses are what programs need.

use serde_json::{Map, Value as Json, json};

use crate::api::{Api, PREFIX};
use crate::body::properties;
use crate::field::{Field, Kind, Shown, Source};
use crate::input::InputKind;
use crate::operation::{Action, FilterKind, Method, Operation, QueryKind};
use crate::resource::Resource;
use crate::route::Route;

/// Resources without a name of their own are written out where they stand, at most this deep.
const DEEPEST: usize = 6;

/// The document, as JSON. `base` is the address that callers use, without a slash at the end; empty when it is
/// wherever the document came from.
pub fn document(api: &Api, base: &str) -> String {
    let document = Document { api };
    let mut paths = Map::new();
    for route in api.routes.all() {
        if matches!(route.operation.action, Action::Missing) || route.operation.is_own() {
            continue;
        }
        let path = paths.entry(route.operation.path).or_insert_with(|| json!({}));
        path[route.operation.method.name().to_lowercase()] = document.operation(route);
    }
    let mut schemas = Map::new();
    let is_own = |resource: &Resource| resource.operations.iter().any(Operation::is_own);
    for resource in api.resources.iter().copied().filter(|resource| resource.has_gid() && !is_own(resource)) {
        let name = schema_name(resource);
        schemas.insert(format!("{name}Compact"), document.object(resource, 0, |shown| shown == Shown::Compact));
        schemas.insert(name, document.object(resource, 0, |shown| shown != Shown::Never));
    }
    schemas.insert("Empty".to_owned(), json!({ "type": "object", "additionalProperties": false }));
    schemas.insert("Error".to_owned(), error());
    schemas.insert("NextPage".to_owned(), next_page());
    let bearer = json!({ "type": "http", "scheme": "bearer" });
    let basic = json!({ "type": "http", "scheme": "basic" });
    let document = json!({
        "openapi": "3.0.3",
        "info": { "title": "Vinyasa", "version": env!("CARGO_PKG_VERSION") },
        "servers": [{ "url": format!("{base}{PREFIX}") }],
        "security": [{ "bearer": [] }, { "basic": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": { "bearer": bearer, "basic": basic },
            "responses": {
                "Refused": {
                    "description": "The request was refused, or the server failed.",
                    "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } }
                }
            }
        }
    });
    document.to_string()
}

struct Document<'a> {
    api: &'a Api,
}

impl Document<'_> {
    fn operation(&self, route: &Route) -> Json {
        let operation = route.operation;
        let resource = operation.answers.or(route.resource);
        let mut parameters: Vec<Json> = Vec::new();
        for part in operation.path.split('/') {
            if let Some(name) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
                parameters.push(json!({
                    "name": name, "in": "path", "required": true, "schema": { "type": "string" }
                }));
            }
        }
        let mut query = |name: &str, schema: Json| {
            parameters.push(json!({ "name": name, "in": "query", "schema": schema }));
        };
        for (name, kind) in operation.query() {
            query(name, self.parameter(kind));
        }
        query("opt_fields", json!({ "type": "string" }));
        query("opt_pretty", json!({ "type": "boolean" }));

        let mut described = json!({
            "operationId": operation.id,
            "tags": route.resource.map_or(vec![], |resource| vec![resource.kind]),
            "parameters": parameters,
            "responses": self.responses(route, resource),
        });
        if matches!(operation.action, Action::Write(_)) && operation.method != Method::Delete {
            let mut members = Map::new();
            let mut required = Vec::new();
            for property in properties(operation, resource) {
                members.insert(property.name.to_owned(), nullable(input(&property.kind), property.nullable));
                if property.required {
                    required.push(property.name);
                }
            }
            let mut data = json!({ "type": "object", "properties": members });
            if !required.is_empty() {
                data["required"] = json!(required);
            }
            let options = json!({
                "type": "object",
                "properties": {
                    "fields": { "type": "array", "items": { "type": "string" } },
                    "pretty": { "type": "boolean" }
                }
            });
            let form = data.clone();
            let schema = json!({
                "type": "object", "properties": { "data": data, "options": options }, "additionalProperties": false
            });
            described["requestBody"] =
                json!({ "required": true, "content": { "application/json": { "schema": schema } } });
            if operation.upload().is_some() {
                described["requestBody"]["content"]["multipart/form-data"] = json!({ "schema": form });
            }
        }
        described
    }

    fn parameter(&self, kind: QueryKind) -> Json {
        match kind {
            QueryKind::Any | QueryKind::Object(_) | QueryKind::Filter(FilterKind::Text) | QueryKind::Offset => {
                json!({ "type": "string" })
            }
            QueryKind::Filter(FilterKind::Bool) => json!({ "type": "boolean" }),
            QueryKind::Filter(FilterKind::Time) => json!({ "type": "string", "format": "date-time" }),
            QueryKind::Filter(FilterKind::Gid) => json!({ "type": "string" }),
            QueryKind::Limit => json!({ "type": "integer", "minimum": 1, "maximum": self.api.limits.page }),
        }
    }

    fn responses(&self, route: &Route, resource: Option<&'static Resource>) -> Json {
        let operation = route.operation;
        let empty = || reference("Empty");
        let whole = |resource: &'static Resource| self.target(resource, 0, |shown| shown != Shown::Never, "");
        let schema = match (operation.action, resource) {
            (Action::List(_) | Action::ListOneOf(_), Some(resource)) => {
                let items = self.target(resource, 0, |shown| shown == Shown::Compact, "Compact");
                json!({
                    "type": "object",
                    "properties": {
                        "data": { "type": "array", "items": items },
                        "next_page": { "type": "object", "nullable": true, "allOf": [reference("NextPage")] }
                    },
                    "required": ["data"]
                })
            }
            (Action::Write(_) | Action::Get | Action::Find(_), Some(resource)) if !operation.empty => {
                json!({ "type": "object", "properties": { "data": whole(resource) }, "required": ["data"] })
            }
            _ => json!({ "type": "object", "properties": { "data": empty() }, "required": ["data"] }),
        };
        let mut responses = Map::new();
        let success = json!({ "description": "Success.", "content": { "application/json": { "schema": schema } } });
        responses.insert(operation.status.to_string(), success);
        for status in [400, 401, 403, 404, 500] {
            responses.insert(status.to_string(), json!({ "$ref": "#/components/responses/Refused" }));
        }
        Json::Object(responses)
    }

    /// A resource that something points at: by its name when it has one, else written out.
    fn target(
        &self,
        resource: &'static Resource,
        depth: usize,
        shown: impl Fn(Shown) -> bool + Copy,
        form: &str,
    ) -> Json {
        if resource.has_gid() && self.api.resources.contains(&resource) {
            reference(&format!("{}{form}", schema_name(resource)))
        } else {
            self.object(resource, depth, shown)
        }
    }

    fn object(&self, resource: &'static Resource, depth: usize, shown: impl Fn(Shown) -> bool + Copy) -> Json {
        let mut members = Map::new();
        let mut required = Vec::new();
        if resource.has_gid() {
            members.insert("gid".to_owned(), json!({ "type": "string" }));
            required.push("gid");
        }
        if resource.typed {
            members.insert("resource_type".to_owned(), json!({ "type": "string", "enum": [resource.kind] }));
        }
        self.add_fields(resource.fields, depth, shown, &mut members);
        let mut schema = json!({ "type": "object", "properties": members });
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        schema
    }

    fn add_fields(
        &self,
        fields: &'static [Field],
        depth: usize,
        shown: impl Fn(Shown) -> bool,
        members: &mut Map<String, Json>,
    ) {
        if depth < DEEPEST {
            for field in fields.iter().filter(|field| shown(field.shown)) {
                members.insert(field.name.to_owned(), self.field(field, depth + 1));
            }
        }
    }

    fn field(&self, field: &'static Field, depth: usize) -> Json {
        let whole = |shown| matches!(shown, Shown::Compact | Shown::Full);
        let compact = |target: &'static Resource| {
            if target.has_gid() {
                self.target(target, depth, |shown| shown == Shown::Compact, "Compact")
            } else {
                self.target(target, depth, whole, "")
            }
        };
        match field.source {
            Source::Column(_, kind) | Source::Sql(_, kind) | Source::Computed { kind, .. } => {
                let always = matches!(kind, Kind::Bool | Kind::Int | Kind::Json) && !field.nullable;
                nullable(value(kind), !always)
            }
            Source::Null(kind) | Source::Member { kind, .. } => nullable(value(kind), true),
            Source::One { target, .. } => json!({ "type": "object", "nullable": true, "allOf": [compact(target)] }),
            Source::OneOf { targets, .. } => {
                let each: Vec<Json> = targets.iter().map(|target| compact(target)).collect();
                json!({ "type": "object", "nullable": true, "anyOf": each })
            }
            Source::Many { target, .. } | Source::Listed { target, .. } => {
                json!({ "type": "array", "items": compact(target) })
            }
            // Never shown.
            Source::RefsIn { .. } => json!({}),
            Source::Object(fields) => {
                let mut members = Map::new();
                self.add_fields(fields, depth, |shown| shown != Shown::Never, &mut members);
                json!({ "type": "object", "nullable": true, "properties": members })
            }
        }
    }
}

fn schema_name(resource: &Resource) -> String {
    let mut name = String::new();
    for word in resource.kind.split('_') {
        let mut letters = word.chars();
        name.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        name.extend(letters);
    }
    name
}

fn reference(name: &str) -> Json {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// `null` has to stand among the choices too.
fn nullable(mut schema: Json, nullable: bool) -> Json {
    if nullable {
        if let Some(choices) = schema.get_mut("enum").and_then(Json::as_array_mut) {
            choices.push(Json::Null);
        }
        schema["nullable"] = Json::Bool(true);
    }
    schema
}

fn value(kind: Kind) -> Json {
    match kind {
        Kind::Text(_) | Kind::Gid => json!({ "type": "string" }),
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Int => json!({ "type": "integer" }),
        Kind::Real => json!({ "type": "number" }),
        Kind::Time => json!({ "type": "string", "format": "date-time" }),
        Kind::Date => json!({ "type": "string", "format": "date" }),
        Kind::Choice(choices) => json!({ "type": "string", "enum": choices }),
        Kind::Json => json!({}),
    }
}

fn input(kind: &InputKind) -> Json {
    match kind {
        InputKind::Text(longest) => json!({ "type": "string", "maxLength": longest }),
        InputKind::Bool => json!({ "type": "boolean" }),
        InputKind::Int(i64::MIN, i64::MAX) => json!({ "type": "integer" }),
        InputKind::Int(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        InputKind::Real => json!({ "type": "number" }),
        InputKind::Time => json!({ "type": "string", "format": "date-time" }),
        InputKind::Date => json!({ "type": "string", "format": "date" }),
        InputKind::Choice(choices) => json!({ "type": "string", "enum": choices }),
        InputKind::Gid(_) => json!({ "type": "string" }),
        InputKind::GidOrNew(_, inputs) => json!({ "oneOf": [{ "type": "string" }, object_input(inputs)] }),
        InputKind::Gids(_) => json!({ "type": "array", "items": { "type": "string" } }),
        InputKind::Object(inputs) => object_input(inputs),
        InputKind::Objects(inputs) => json!({ "type": "array", "items": object_input(inputs) }),
        InputKind::Json => json!({ "type": "object" }),
        InputKind::Upload => json!({ "type": "string", "format": "binary" }),
    }
}

fn object_input(inputs: &[crate::input::Input]) -> Json {
    let members: Map<String, Json> = inputs
        .iter()
        .map(|property| (property.name.to_owned(), nullable(input(&property.kind), property.nullable)))
        .collect();
    let required: Vec<&str> =
        inputs.iter().filter(|property| property.required).map(|property| property.name).collect();
    let mut schema = json!({ "type": "object", "properties": members });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

fn error() -> Json {
    let text = || json!({ "type": "string" });
    let each = json!({
        "type": "object",
        "properties": { "message": text(), "help": text(), "error": text(), "phrase": text() },
        "required": ["message"]
    });
    json!({ "type": "object", "properties": { "errors": { "type": "array", "items": each } }, "required": ["errors"] })
}

fn next_page() -> Json {
    let text = || json!({ "type": "string" });
    json!({
        "type": "object",
        "properties": { "offset": text(), "path": text(), "uri": text() },
        "required": ["offset", "path", "uri"]
    })
}
