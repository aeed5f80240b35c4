//! The facts of the published contract as tables of our own: what stands in them is names, types and status codes, no
//! descriptions. The tables are committed, the published file is not; tests compare the server with the tables.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

pub const DIRECTORY: &str = "tests/conformance/contract";

/// How many names a field path may have.
const DEPTH: usize = 3;

const METHODS: &[&str] = &["get", "post", "put", "patch", "delete", "head", "options", "trace"];

/// File names and contents, in a stable order.
pub fn tables(document: &Value) -> Result<Vec<(&'static str, String)>> {
    let contract = Contract { document };
    let operations = contract.operations()?;
    let mut shapes = BTreeSet::new();
    let mut rows = [const { Vec::new() }; 3];
    for operation in operations.values() {
        let [summary, parameters, body] = &mut rows;
        summary.push(operation.row.clone());
        parameters.extend(operation.parameters.iter().cloned());
        body.extend(operation.body.iter().cloned());
        shapes.insert(operation.shape.clone());
    }
    let [summary, parameters, body] = rows;
    let mut fields = Vec::new();
    for shape in shapes {
        let schema = contract.component("schemas", &shape)?;
        for field in contract.fields(&schema, Some(&shape))? {
            let note = [(field.opt_in, "opt-in"), (field.conditional, "conditional"), (field.deprecated, "deprecated")];
            fields.push(vec![
                shape.clone(),
                field.path,
                field.kind,
                field.of,
                mark(field.nullable, "nullable"),
                note.iter().filter(|(holds, _)| *holds).map(|(_, word)| *word).collect::<Vec<_>>().join("|"),
                field.values.join("|"),
            ]);
        }
    }
    Ok(vec![
        ("operations.tsv", table(OPERATIONS, summary)?),
        ("parameters.tsv", table(PARAMETERS, parameters)?),
        ("bodies.tsv", table(BODIES, body)?),
        ("shapes.tsv", table(SHAPES, fields)?),
    ])
}

const OPERATIONS: &[&str] =
    &["operation", "method", "path", "tag", "success", "errors", "query", "body", "shape", "list", "envelope"];
const PARAMETERS: &[&str] =
    &["operation", "in", "parameter", "required", "type", "minimum", "maximum", "default", "values"];
const BODIES: &[&str] = &["operation", "property", "type", "of", "required", "readonly", "nullable", "values"];
const SHAPES: &[&str] = &["shape", "field", "type", "of", "nullable", "note", "values"];

/// Where two tables part, as `line: what is wanted`.
pub fn first_difference(committed: &str, wanted: &str) -> Option<String> {
    let mut pairs = committed.lines().zip(wanted.lines()).enumerate();
    if let Some((index, (_, wanted))) = pairs.find(|(_, (committed, wanted))| committed != wanted) {
        return Some(format!("{}: the published contract says: {wanted}", index + 1));
    }
    let (has, wants) = (committed.lines().count(), wanted.lines().count());
    (committed != wanted).then(|| format!("{}: has {has} lines, the published contract makes {wants}", has.min(wants)))
}

fn table(columns: &[&str], rows: Vec<Vec<String>>) -> Result<String> {
    let mut text = columns.join("\t") + "\n";
    for row in rows {
        ensure!(row.len() == columns.len(), "a row of {} cells for {} columns: {row:?}", row.len(), columns.len());
        ensure!(!row.iter().any(|cell| cell.contains(['\t', '\n'])), "a cell with a tab or a newline: {row:?}");
        let cells: Vec<&str> = row.iter().map(|cell| if cell.is_empty() { "-" } else { cell }).collect();
        writeln!(text, "{}", cells.join("\t"))?;
    }
    Ok(text)
}

fn mark(holds: bool, word: &str) -> String {
    if holds { word.to_owned() } else { String::new() }
}

struct Contract<'a> {
    document: &'a Value,
}

struct Operation {
    row: Vec<String>,
    parameters: Vec<Vec<String>>,
    body: Vec<Vec<String>>,
    shape: String,
}

/// One property, at any depth.
#[derive(Debug, Clone, PartialEq)]
struct Field {
    path: String,
    kind: String,
    of: String,
    nullable: bool,
    read_only: bool,
    required: bool,
    opt_in: bool,
    conditional: bool,
    deprecated: bool,
    values: Vec<String>,
}

/// A schema with its references followed and its parts put together.
#[derive(Default, Clone)]
struct Schema<'a> {
    /// The component that it refers to.
    name: Option<String>,
    kinds: BTreeSet<&'a str>,
    format: Option<&'a str>,
    nullable: bool,
    read_only: bool,
    opt_in: bool,
    conditional: bool,
    deprecated: bool,
    any_key: bool,
    values: Vec<String>,
    required: BTreeSet<&'a str>,
    properties: BTreeMap<&'a str, Vec<&'a Value>>,
    items: Option<&'a Value>,
    bounds: [Option<&'a Value>; 3],
}

impl<'a> Contract<'a> {
    fn component(&self, kind: &str, name: &str) -> Result<Schema<'a>> {
        let value = self.document.pointer(&format!("/components/{kind}/{name}"));
        self.schema(value.with_context(|| format!("no {name} among the {kind}"))?)
    }

    fn follow(&self, value: &'a Value) -> Result<&'a Value> {
        let Some(reference) = value.get("$ref").and_then(Value::as_str) else { return Ok(value) };
        let pointer = reference.strip_prefix('#').with_context(|| format!("{reference} leads elsewhere"))?;
        self.document.pointer(pointer).with_context(|| format!("{reference} leads nowhere"))
    }

    /// By id, so that the order of the file does not matter.
    fn operations(&self) -> Result<BTreeMap<String, Operation>> {
        let paths = self.document.get("paths").and_then(Value::as_object).context("no paths: not an OpenAPI file?")?;
        let mut operations = BTreeMap::new();
        for (path, item) in paths {
            let shared = item.get("parameters").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            for (method, operation) in METHODS.iter().filter_map(|method| Some((method, item.get(*method)?))) {
                let id =
                    text(operation, "operationId").with_context(|| format!("{method} {path} has no operationId"))?;
                let read = self.operation(id, method, path, shared, operation);
                let read = read.with_context(|| format!("in {id}"))?;
                ensure!(operations.insert(id.to_owned(), read).is_none(), "{id} stands twice");
            }
        }
        Ok(operations)
    }

    fn operation(
        &self,
        id: &str,
        method: &str,
        path: &str,
        shared: &'a [Value],
        operation: &'a Value,
    ) -> Result<Operation> {
        let own = operation.get("parameters").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let parameters = self.parameters(id, shared, own)?;
        let query = parameters.iter().filter(|row| row[1] == "query");
        let query: Vec<String> =
            query.map(|row| format!("{}{}", row[2], if row[3].is_empty() { "" } else { "!" })).collect();
        let (encoding, body) = self.body(id, operation)?;

        let responses = operation.get("responses").and_then(Value::as_object).context("no responses")?;
        let (success, errors): (Vec<&String>, Vec<&String>) = responses.keys().partition(|code| code.starts_with('2'));
        let [success] = success[..] else { bail!("not exactly one success: {success:?}") };
        let response = self.follow(&responses[success])?;
        let schema = json_schema(response).context("a success without a JSON schema")?;
        let envelope = self.schema(schema)?;
        let data = envelope.properties.get("data").and_then(|parts| parts.first()).context("an answer without data")?;
        let data = self.schema(data)?;
        let (list, data) = match data.items {
            Some(items) => ("list", self.schema(items)?),
            None => ("one", data),
        };
        let shape = data.name.context("data is no component")?;
        let tags = operation.get("tags").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let join = |words: &[&String]| words.iter().map(|word| word.as_str()).collect::<Vec<_>>().join(",");
        let row = vec![
            id.to_owned(),
            method.to_uppercase(),
            path.to_owned(),
            tags.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
            success.clone(),
            join(&errors),
            query.join(","),
            encoding,
            shape.clone(),
            list.to_owned(),
            envelope.properties.keys().copied().collect::<Vec<_>>().join(","),
        ];
        Ok(Operation { row, parameters, body, shape })
    }

    /// Path parameters in the path's order first, then the rest by name.
    fn parameters(&self, id: &str, shared: &'a [Value], own: &'a [Value]) -> Result<Vec<Vec<String>>> {
        let mut found = BTreeMap::new();
        for parameter in shared.iter().chain(own) {
            let parameter = self.follow(parameter)?;
            let name = text(parameter, "name").context("a parameter without a name")?;
            let place = text(parameter, "in").with_context(|| format!("{name} is nowhere"))?;
            let schema = self.schema(parameter.get("schema").with_context(|| format!("{name} has no schema"))?)?;
            let mut kind = schema.kind(self)?;
            let mut values = schema.values.clone();
            if let Some(items) = schema.items.map(|items| self.schema(items)).transpose()? {
                values.extend(items.values);
            }
            if name == "opt_fields" {
                // What may be asked for is the shape's field paths; the lists repeat them.
                values.clear();
                kind = "array<string>".to_owned();
            }
            let required = parameter.get("required").and_then(Value::as_bool) == Some(true);
            let [minimum, maximum, default] = schema.bounds.map(|bound| bound.map_or(String::new(), plain));
            let row = vec![
                id.to_owned(),
                place.to_owned(),
                name.to_owned(),
                mark(required, "required"),
                kind,
                minimum,
                maximum,
                default,
                values.join("|"),
            ];
            // An operation's own parameter takes the place of the path's.
            found.insert((place != "path", name), row);
        }
        Ok(found.into_values().collect())
    }

    fn body(&self, id: &str, operation: &'a Value) -> Result<(String, Vec<Vec<String>>)> {
        let Some(body) = operation.get("requestBody") else { return Ok((String::new(), Vec::new())) };
        let body = self.follow(body)?;
        let content = body.get("content").and_then(Value::as_object).context("a body without content")?;
        let Some((media, content)) = content.iter().next().filter(|_| content.len() == 1) else {
            bail!("a body in several encodings: {:?}", content.keys().collect::<Vec<_>>());
        };
        let encoding = match media.split(';').next().unwrap_or(media) {
            "application/json" => "json",
            "multipart/form-data" => "multipart",
            other => bail!("a body as {other}"),
        };
        let schema = self.schema(content.get("schema").context("a body without a schema")?)?;
        let wrapped = schema.properties.get("data").filter(|_| encoding == "json").and_then(|parts| parts.first());
        let data = wrapped.map(|data| self.schema(data)).transpose()?.unwrap_or(schema);
        let name = data.name.clone();
        let rows = self.fields(&data, name.as_deref())?.into_iter().map(|field| {
            vec![
                id.to_owned(),
                field.path,
                field.kind,
                field.of,
                mark(field.required, "required"),
                mark(field.read_only, "readonly"),
                mark(field.nullable, "nullable"),
                field.values.join("|"),
            ]
        });
        let needed = body.get("required").and_then(Value::as_bool) == Some(true);
        Ok((format!("{encoding}{}", if needed { "!" } else { "" }), rows.collect()))
    }

    /// Every field path of a schema, down to [`DEPTH`] names, and into no component twice on the way.
    fn fields(&self, schema: &Schema<'a>, name: Option<&str>) -> Result<Vec<Field>> {
        let mut fields = Vec::new();
        let mut way: Vec<String> = name.map(str::to_owned).into_iter().collect();
        self.collect(schema, "", &mut way, &mut fields)?;
        Ok(fields)
    }

    fn collect(&self, schema: &Schema<'a>, above: &str, way: &mut Vec<String>, fields: &mut Vec<Field>) -> Result<()> {
        for (name, parts) in &schema.properties {
            let property = self.property(parts)?;
            let inner = match property.items {
                Some(items) => self.schema(items)?,
                None => property.clone(),
            };
            let path = format!("{above}{name}");
            fields.push(Field {
                path: path.clone(),
                kind: property.kind(self)?,
                of: inner.name.clone().unwrap_or_default(),
                nullable: property.nullable,
                read_only: property.read_only,
                required: schema.required.contains(name),
                opt_in: property.opt_in,
                conditional: property.conditional,
                deprecated: property.deprecated,
                values: inner.values.clone(),
            });
            let again = inner.name.as_ref().is_some_and(|name| way.contains(name));
            if path.split('.').count() < DEPTH && !again {
                let depth = way.len();
                way.extend(inner.name.clone());
                self.collect(&inner, &format!("{path}."), way, fields)?;
                way.truncate(depth);
            }
        }
        Ok(())
    }

    /// A property that several parts of a schema describe: the last one says what it is, flags of all hold.
    fn property(&self, parts: &[&'a Value]) -> Result<Schema<'a>> {
        let mut all = Schema::default();
        for part in parts {
            let mut next = self.schema(part)?;
            next.nullable |= all.nullable;
            next.read_only |= all.read_only;
            next.opt_in |= all.opt_in;
            next.conditional |= all.conditional;
            next.deprecated |= all.deprecated;
            all = next;
        }
        Ok(all)
    }

    fn schema(&self, value: &'a Value) -> Result<Schema<'a>> {
        let mut schema = Schema::default();
        self.add(&mut schema, value, true)?;
        Ok(schema)
    }

    /// `outermost`: the description is that of the property, not of the component that it refers to.
    fn add(&self, schema: &mut Schema<'a>, value: &'a Value, outermost: bool) -> Result<()> {
        if let Some(reference) = text(value, "$ref") {
            let name = reference.rsplit('/').next().unwrap_or(reference);
            schema.name.get_or_insert_with(|| name.to_owned());
            self.add(schema, self.follow(value)?, false)?;
        }
        for key in ["allOf", "anyOf", "oneOf"] {
            for part in value.get(key).and_then(Value::as_array).into_iter().flatten() {
                self.add(schema, part, outermost)?;
            }
        }
        let holds = |key: &str| value.get(key).and_then(Value::as_bool) == Some(true);
        schema.kinds.extend(text(value, "type"));
        schema.format = text(value, "format").or(schema.format);
        schema.nullable |= holds("nullable");
        schema.read_only |= holds("readOnly");
        schema.deprecated |= holds("deprecated");
        schema.any_key |= value.get("additionalProperties").is_some_and(|value| value != &Value::Bool(false));
        if let Some(values) = value.get("enum").and_then(Value::as_array) {
            schema.values = values.iter().map(plain).collect();
        }
        if let (true, Some(description)) = (outermost, text(value, "description")) {
            schema.opt_in |= description.starts_with("[Opt In]");
            schema.opt_in |= description.contains("only returned when requesting it via opt_fields");
            schema.conditional |= description.contains("*Conditional");
            schema.deprecated |= description.starts_with("*Deprecated");
        }
        schema
            .required
            .extend(value.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str));
        for (name, property) in value.get("properties").and_then(Value::as_object).into_iter().flatten() {
            schema.properties.entry(name).or_default().push(property);
        }
        schema.items = value.get("items").or(schema.items);
        for (bound, key) in schema.bounds.iter_mut().zip(["minimum", "maximum", "default"]) {
            *bound = value.get(key).or(*bound);
        }
        Ok(())
    }
}

impl<'a> Schema<'a> {
    /// `string:date`, `array<object>`, `string|object` when it may be either.
    fn kind(&self, contract: &Contract<'a>) -> Result<String> {
        if let Some(items) = self.items {
            return Ok(format!("array<{}>", contract.schema(items)?.kind(contract)?));
        }
        let mut kinds: Vec<String> = self.kinds.iter().map(|kind| (*kind).to_owned()).collect();
        if kinds.is_empty() {
            kinds.push(if self.properties.is_empty() && !self.any_key { "any" } else { "object" }.to_owned());
        }
        let mut kind = kinds.join("|");
        if let Some(format) = self.format {
            write!(kind, ":{format}")?;
        }
        if self.any_key && self.properties.is_empty() {
            kind = "map".to_owned();
        }
        Ok(kind)
    }
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key)?.as_str()
}

/// A JSON value as it stands in a cell: strings without quotes.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn json_schema(response: &Value) -> Option<&Value> {
    let content = response.get("content")?.as_object()?;
    content.iter().find(|(media, _)| media.starts_with("application/json"))?.1.get("schema")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document() -> Value {
        json!({
            "paths": {
                "/things/{thing_gid}": {
                    "parameters": [{"$ref": "#/components/parameters/thing"}],
                    "put": {
                        "operationId": "updateThing",
                        "tags": ["Things"],
                        "parameters": [
                            {"name": "opt_fields", "in": "query",
                             "schema": {"type": "array", "items": {"type": "string", "enum": ["name"]}}},
                            {"name": "limit", "in": "query", "required": true,
                             "schema": {"type": "integer", "minimum": 1, "maximum": 100}}
                        ],
                        "requestBody": {"required": true, "content": {"application/json": {"schema": {
                            "type": "object", "properties": {"data": {"$ref": "#/components/schemas/ThingRequest"}}}}}},
                        "responses": {
                            "200": {"content": {"application/json": {"schema": {"type": "object", "properties": {
                                "data": {"$ref": "#/components/schemas/ThingResponse"}}}}}},
                            "404": {"description": "x"}
                        }
                    }
                },
                "/things": {"get": {
                    "operationId": "getThings",
                    "responses": {"200": {"content": {"application/json": {"schema": {"properties": {
                        "data": {"type": "array", "items": {"$ref": "#/components/schemas/ThingCompact"}},
                        "next_page": {"type": "object"}}}}}}}
                }}
            },
            "components": {
                "parameters": {"thing": {"name": "thing_gid", "in": "path", "required": true,
                                         "schema": {"type": "string"}}},
                "schemas": {
                    "ThingCompact": {"type": "object", "properties": {
                        "gid": {"type": "string", "readOnly": true},
                        "name": {"type": "string"}}},
                    "ThingResponse": {"allOf": [{"$ref": "#/components/schemas/ThingCompact"}, {"properties": {
                        "parent": {"allOf": [{"$ref": "#/components/schemas/ThingResponse"}, {"nullable": true}]},
                        "things": {"type": "array", "items": {"$ref": "#/components/schemas/ThingCompact"},
                                   "description": "[Opt In](x). Text."},
                        "due": {"type": "string", "format": "date", "nullable": true},
                        "color": {"type": "string", "enum": ["red", "blue", null]}}}]},
                    "ThingRequest": {"required": ["name"], "allOf": [
                        {"$ref": "#/components/schemas/ThingCompact"},
                        {"properties": {"values": {"type": "object", "additionalProperties": {"type": "string"}},
                                        "target": {"oneOf": [{"type": "string"},
                                                             {"$ref": "#/components/schemas/ThingCompact"}]}}}]}
                }
            }
        })
    }

    #[test]
    fn facts_become_rows() {
        let document = document();
        let tables = tables(&document).unwrap();
        let rows = |name: &str| {
            let table = &tables.iter().find(|(file, _)| *file == name).unwrap().1;
            table.lines().skip(1).map(|line| line.replace('\t', " ")).collect::<Vec<_>>()
        };
        assert_eq!(
            rows("operations.tsv"),
            [
                "getThings GET /things - 200 - - - ThingCompact list data,next_page",
                "updateThing PUT /things/{thing_gid} Things 200 404 limit!,opt_fields json! ThingResponse one data",
            ]
        );
        assert_eq!(
            rows("parameters.tsv"),
            [
                "updateThing path thing_gid required string - - - -",
                "updateThing query limit required integer 1 100 - -",
                "updateThing query opt_fields - array<string> - - - -",
            ]
        );
        assert_eq!(
            rows("bodies.tsv"),
            [
                "updateThing gid string - - readonly - -",
                "updateThing name string - required - - -",
                "updateThing target object|string ThingCompact - - - -",
                "updateThing target.gid string - - readonly - -",
                "updateThing target.name string - - - - -",
                "updateThing values map - - - - -",
            ]
        );
        assert_eq!(
            rows("shapes.tsv"),
            [
                "ThingCompact gid string - - - -",
                "ThingCompact name string - - - -",
                "ThingResponse color string - - - red|blue|null",
                "ThingResponse due string:date - nullable - -",
                "ThingResponse gid string - - - -",
                "ThingResponse name string - - - -",
                "ThingResponse parent object ThingResponse nullable - -",
                "ThingResponse things array<object> ThingCompact - opt-in -",
                "ThingResponse things.gid string - - - -",
                "ThingResponse things.name string - - - -",
            ]
        );
    }

    #[test]
    fn what_is_not_a_contract_is_refused() {
        let message = |document: Value| format!("{:#}", tables(&document).unwrap_err());
        assert_eq!(message(json!({})), "no paths: not an OpenAPI file?");
        let mut lost = document();
        lost["components"]["schemas"] = json!({});
        assert!(message(lost).contains("leads nowhere"));
    }

    #[test]
    fn a_difference_has_a_place() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(first_difference("a\nb\n", "a\nc\n").unwrap(), "2: the published contract says: c");
        assert_eq!(first_difference("a\n", "a\nb\n").unwrap(), "1: has 1 lines, the published contract makes 2");
    }
}
