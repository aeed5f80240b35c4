//! The body of a request: read by the tables, before anything touches the database.
//!
//! A property is absent, `null` or a value; every refusal names the property, with the index inside a list:
//! `projects: [0]: Not a recognized ID: x`.

use model::time::{parse_date, parse_time};
use serde_json::{Map, Value as Json};

use crate::access::Name;
use crate::error::{Error, Result};
use crate::field::{Field, Kind, Source, Writable};
use crate::input::{Input, InputKind};
use crate::operation::{BodyFields, Operation};
use crate::parameter::{Parameters, bool_value, parse_pairs, shortened};
use crate::resource::{Names, Resource};

/// A property that a body gave.
#[derive(Clone, Debug, PartialEq)]
pub enum Given {
    /// `null`: clear it.
    Null,
    /// Text; also one of a few words.
    Text(String),
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Real(f64),
    /// A moment, in milliseconds.
    Time(i64),
    /// A calendar date.
    Date(String),
    /// An object, by what the caller calls it. Rules never see it: it has become a gid by then.
    Name(Name, String),
    /// A list of objects, by what the caller calls them.
    Names(Vec<(Name, String)>),
    /// The gid of an object that exists and is visible.
    Gid(i64),
    /// The gids of objects that exist and are visible.
    Gids(Vec<i64>),
    /// A JSON object.
    Object(Body),
    /// A list of JSON objects.
    Objects(Vec<Body>),
    /// JSON that a rule reads.
    Json(Json),
    /// A file.
    Upload(Upload),
}

/// A file that came with a request and has been stored, to stay there if the request succeeds.
#[derive(Clone, Debug, PartialEq)]
pub struct Upload {
    /// The name under which the server keeps it.
    pub file: String,
    /// What its sender calls it; empty when the sender does not say.
    pub name: String,
    /// Its media type.
    pub content_type: String,
    /// Its size in bytes.
    pub size: i64,
}

/// The properties that a body gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Body {
    given: Vec<(&'static str, Pointed, Given)>,
}

/// The resource whose objects a property names, for resolving names.
type Pointed = Option<&'static Resource>;

/// `options` of a JSON body, and `opt_` properties of a form.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// `opt_fields`.
    pub fields: Option<String>,
    /// `opt_pretty`.
    pub pretty: bool,
}

/// An `opt_fields` text longer than this is refused.
const LONGEST_OPT_FIELDS: usize = 16_384;

impl Options {
    /// Adds what the query string says; it wins.
    pub fn read_query(&mut self, parameters: &Parameters<'_>) -> Result<()> {
        if let Some(fields) = parameters.query_value("opt_fields") {
            self.fields = Some(fields.to_owned());
        }
        if let Some(pretty) = parameters.query_value("opt_pretty") {
            self.pretty = !pretty.eq_ignore_ascii_case("false");
        }
        match &self.fields {
            Some(fields) if fields.len() > LONGEST_OPT_FIELDS => {
                Err(Error::field("opt_fields", format_args!("Value is longer than {LONGEST_OPT_FIELDS} characters")))
            }
            _ => Ok(()),
        }
    }
}

impl Body {
    /// The property, if it was given.
    pub fn get(&self, name: &str) -> Option<&Given> {
        self.given.iter().find(|(known, ..)| *known == name).map(|(.., given)| given)
    }

    /// Whether the property was given, be it `null`.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Whether the property was given as `null`.
    pub fn is_null(&self, name: &str) -> bool {
        self.get(name) == Some(&Given::Null)
    }

    /// Adds what the path names beside the object that it is about. Nobody has looked whether it is there.
    pub(crate) fn name_in_path(&mut self, parameter: &'static str, gid: i64) {
        self.given.push((parameter, None, Given::Int(gid)));
    }

    /// Its text or date.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Given::Text(value) | Given::Date(value)) => Some(value),
            _ => None,
        }
    }

    /// Its truth value.
    pub fn bool(&self, name: &str) -> Option<bool> {
        match self.get(name) {
            Some(Given::Bool(value)) => Some(*value),
            _ => None,
        }
    }

    /// Its number or moment.
    pub fn int(&self, name: &str) -> Option<i64> {
        match self.get(name) {
            Some(Given::Int(value) | Given::Time(value)) => Some(*value),
            _ => None,
        }
    }

    /// The object it names.
    pub fn gid(&self, name: &str) -> Option<i64> {
        match self.get(name) {
            Some(Given::Gid(value)) => Some(*value),
            _ => None,
        }
    }

    /// The objects it names; none when it is absent.
    pub fn gids(&self, name: &str) -> &[i64] {
        match self.get(name) {
            Some(Given::Gids(value)) => value,
            _ => &[],
        }
    }

    /// Its object.
    pub fn object(&self, name: &str) -> Option<&Body> {
        match self.get(name) {
            Some(Given::Object(value)) => Some(value),
            _ => None,
        }
    }

    /// Its objects; none when it is absent.
    pub fn objects(&self, name: &str) -> &[Body] {
        match self.get(name) {
            Some(Given::Objects(value)) => value,
            _ => &[],
        }
    }

    /// Its JSON object.
    pub fn json(&self, name: &str) -> Option<&Map<String, Json>> {
        match self.get(name) {
            Some(Given::Json(Json::Object(value))) => Some(value),
            _ => None,
        }
    }

    /// Its file.
    pub fn upload(&self, name: &str) -> Option<&Upload> {
        match self.get(name) {
            Some(Given::Upload(value)) => Some(value),
            _ => None,
        }
    }

    /// Adds the file that came with the request.
    pub(crate) fn attach(&mut self, operation: &Operation, upload: Upload) -> Result<()> {
        let input = operation.upload().ok_or_else(|| Error::unsupported_type("multipart/form-data"))?;
        self.given.push((input.name, None, Given::Upload(upload)));
        Ok(())
    }

    /// The columns of the resource's plain fields that were given, with their values.
    pub fn columns(&self, resource: &'static Resource) -> Vec<(&'static str, store::Value)> {
        let columns = self.given.iter().filter_map(|(name, _, given)| {
            let column = resource.field(name)?.stored_in()?;
            Some((column, given.value()?))
        });
        columns.collect()
    }

    /// Names each object that the body names by its gid.
    pub(crate) fn each_gid(&self, name: &mut dyn FnMut(&'static Resource, i64)) {
        for (_, resource, given) in &self.given {
            match (given, resource) {
                (Given::Name(Name::Gid(gid), _), Some(resource)) => name(resource, *gid),
                (Given::Names(names), Some(resource)) => {
                    for (called, _) in names {
                        if let Name::Gid(gid) = called {
                            name(resource, *gid);
                        }
                    }
                }
                (Given::Object(body), _) => body.each_gid(name),
                (Given::Objects(bodies), _) => bodies.iter().for_each(|body| body.each_gid(name)),
                _ => {}
            }
        }
    }

    /// Tells the names under a property, or one within its objects: `projects`, `memberships.project`.
    pub(crate) fn each_name(&self, property: &str, tell: &mut dyn FnMut(&Name)) {
        let (name, within) = property.split_once('.').unwrap_or((property, ""));
        match self.get(name) {
            Some(Given::Name(called, _)) => tell(called),
            Some(Given::Names(names)) => names.iter().for_each(|(called, _)| tell(called)),
            Some(Given::Object(body)) => body.each_name(within, tell),
            Some(Given::Objects(bodies)) => bodies.iter().for_each(|body| body.each_name(within, tell)),
            _ => {}
        }
    }

    /// Replaces names by gids. `resolve` gets the resource, the property's path, and the name.
    pub fn resolve(
        &mut self,
        path: &str,
        resolve: &mut dyn FnMut(&'static Resource, &str, &Name, &str) -> Result<i64>,
    ) -> Result<()> {
        for (name, resource, given) in &mut self.given {
            let path = if path.is_empty() { (*name).to_owned() } else { format!("{path}: {name}") };
            match (&mut *given, resource) {
                (Given::Name(called, text), Some(resource)) => {
                    *given = Given::Gid(resolve(resource, &path, called, text)?);
                }
                (Given::Names(names), Some(resource)) => {
                    let gids = names
                        .iter()
                        .enumerate()
                        .map(|(at, (called, text))| resolve(resource, &format!("{path}: [{at}]"), called, text));
                    let mut gids = gids.collect::<Result<Vec<i64>>>()?;
                    let mut seen = Vec::new();
                    gids.retain(|gid| {
                        !seen.contains(gid) && {
                            seen.push(*gid);
                            true
                        }
                    });
                    *given = Given::Gids(gids);
                }
                (Given::Object(body), _) => body.resolve(&path, resolve)?,
                (Given::Objects(bodies), _) => {
                    for (at, body) in bodies.iter_mut().enumerate() {
                        body.resolve(&format!("{path}: [{at}]"), resolve)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl Given {
    /// As a column's value; none for what is not a plain value.
    pub fn value(&self) -> Option<store::Value> {
        Some(match self {
            Given::Null => store::Value::Null,
            Given::Text(value) | Given::Date(value) => value.as_str().into(),
            Given::Bool(value) => (*value).into(),
            Given::Int(value) | Given::Time(value) | Given::Gid(value) => (*value).into(),
            Given::Real(value) => (*value).into(),
            _ => return None,
        })
    }
}

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `{"data":{..},"options":{..}}`.
    Json,
    /// Flat pairs.
    Form,
}

impl Encoding {
    /// The encoding that a Content-Type header names; JSON when there is none.
    pub fn of(content_type: Option<&str>) -> Result<Self> {
        let media_type = content_type.unwrap_or("").split(';').next().unwrap_or("").trim();
        if media_type.is_empty()
            || media_type.eq_ignore_ascii_case("application/json")
            || media_type.eq_ignore_ascii_case("text/json")
            || media_type.eq_ignore_ascii_case("text/plain")
            || media_type.eq_ignore_ascii_case("application/octet-stream")
            || media_type.to_ascii_lowercase().ends_with("+json")
        {
            Ok(Encoding::Json)
        } else if media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            Ok(Encoding::Form)
        } else {
            Err(Error::unsupported_type(&shortened(media_type)))
        }
    }
}

/// Reads a body for an operation that writes.
pub fn accept(
    operation: &'static Operation,
    resource: Option<&'static Resource>,
    encoding: Encoding,
    bytes: &[u8],
    path: &[(&'static str, String)],
) -> Result<(Body, Options)> {
    let (mut data, options) = match encoding {
        Encoding::Json => json_data(bytes)?,
        Encoding::Form => form_data(bytes)?,
    };
    // An older path may name in itself what a property names otherwise, and has the last word.
    for (name, value) in path.iter().filter(|(name, _)| !name.ends_with("_gid")) {
        data.insert((*name).to_owned(), Json::String(value.clone()));
    }
    let lenient = encoding == Encoding::Form;
    let mut body = Body::default();
    let fields = match operation.fields {
        BodyFields::None => &[][..],
        BodyFields::Create | BodyFields::Update => resource.map_or(&[][..], |resource| resource.fields),
    };
    for (name, value) in &data {
        if let Some(input) = operation.inputs.iter().find(|input| input.name == name) {
            body.push(input.name, &input.kind, input.nullable, value, lenient)?;
        } else if let Some(field) = fields.iter().find(|field| field.name == name) {
            match input_kind(field) {
                Some(kind) if writes(operation.fields, field) => {
                    body.push(field.name, &kind, field.nullable, value, lenient)?
                }
                _ => return Err(Error::not_writable(name)),
            }
        }
    }
    match operation.inputs.iter().find(|input| input.required && !body.has(input.name)) {
        Some(input) => Err(Error::missing(input.name)),
        None => Ok((body, options)),
    }
}

fn writes(fields: BodyFields, field: &Field) -> bool {
    match field.writable {
        Writable::No => false,
        Writable::Always => fields != BodyFields::None,
        Writable::OnCreate => fields == BodyFields::Create,
        Writable::OnUpdate => fields == BodyFields::Update,
    }
}

/// Every property that a body may carry: the operation's own inputs, then those of the fields of `resource`.
pub fn properties(operation: &Operation, resource: Option<&'static Resource>) -> Vec<Input> {
    let mut all = operation.inputs.to_vec();
    for field in resource.map_or(&[][..], |resource| resource.fields) {
        let known = operation.inputs.iter().any(|input| input.name == field.name);
        if let (false, true, Some(kind)) = (known, writes(operation.fields, field), input_kind(field)) {
            all.push(Input { name: field.name, kind, required: false, nullable: field.nullable });
        }
    }
    all
}

/// How a body writes a field.
pub fn input_kind(field: &Field) -> Option<InputKind> {
    if field.input.is_some() {
        return field.input;
    }
    Some(match field.source {
        Source::Column(_, Kind::Text(longest)) => InputKind::Text(longest),
        Source::Column(_, Kind::Bool) => InputKind::Bool,
        Source::Column(_, Kind::Int) => InputKind::Int(i64::MIN, i64::MAX),
        Source::Column(_, Kind::Real) => InputKind::Real,
        Source::Column(_, Kind::Time) => InputKind::Time,
        Source::Column(_, Kind::Date) => InputKind::Date,
        Source::Column(_, Kind::Choice(choices)) => InputKind::Choice(choices),
        Source::One { target, .. } => InputKind::Gid(target),
        Source::Many { target, .. } => InputKind::Gids(target),
        _ => return None,
    })
}

impl Body {
    fn push(
        &mut self,
        name: &'static str,
        kind: &InputKind,
        nullable: bool,
        value: &Json,
        lenient: bool,
    ) -> Result<()> {
        let given = if value.is_null() || (lenient && nullable && value == "") {
            if !nullable {
                return Err(Error::field(name, "Value must not be null"));
            }
            Given::Null
        } else {
            given(name, kind, value, lenient)?
        };
        let resource = match kind {
            InputKind::Gid(resource) | InputKind::GidOrNew(resource, _) | InputKind::Gids(resource) => Some(*resource),
            _ => None,
        };
        self.given.push((name, resource, given));
        Ok(())
    }
}

/// The most items of a list. Each name is looked up while the transaction is open and everybody else waits.
const MOST_ITEMS: usize = 1_000;

/// Reads one value of a body. Rules do so with what stands inside [`InputKind::Json`], whose names nobody has resolved.
/// `lenient`: numbers, truth values and lists may be written as strings, as forms write them.
pub fn given(path: &str, kind: &InputKind, value: &Json, lenient: bool) -> Result<Given> {
    let not = |what: &str| Error::field(path, format_args!("Value is not {what}: {}", shown(value)));
    let count = |items: &[Json]| match items.len() {
        0..=MOST_ITEMS => Ok(()),
        _ => Err(Error::field(path, format_args!("Value has more than {MOST_ITEMS} items"))),
    };
    Ok(match kind {
        InputKind::Text(longest) => Given::Text(text(path, value, *longest)?),
        InputKind::Bool => match value {
            Json::Bool(value) => Given::Bool(*value),
            Json::String(value) if lenient => Given::Bool(bool_value(path, value)?),
            _ => return Err(not("a boolean")),
        },
        InputKind::Int(least, most) => {
            let number = match value {
                Json::String(value) if lenient => value.parse().ok(),
                _ => value.as_i64().or_else(|| {
                    value.as_f64().filter(|value| value.fract() == 0.0 && value.abs() < 9e15).map(|value| value as i64)
                }),
            };
            match number {
                Some(number) if number < *least || number > *most => {
                    return Err(Error::field(path, format_args!("Value must be between {least} and {most}")));
                }
                Some(number) => Given::Int(number),
                None => return Err(not("a whole number")),
            }
        }
        InputKind::Real => {
            let number = match value {
                Json::String(value) if lenient => value.parse().ok(),
                _ => value.as_f64(),
            };
            match number.filter(|number: &f64| number.is_finite()) {
                Some(number) => Given::Real(number),
                None => return Err(not("a number")),
            }
        }
        InputKind::Time => match value.as_str().and_then(parse_time) {
            Some(time) => Given::Time(time),
            None => {
                let value = shown(value);
                return Err(Error::field(
                    path,
                    format_args!("Time must be in ISO-8601 (yyyy-mm-ddThh:mm:ssZ) format, not: {value}"),
                ));
            }
        },
        InputKind::Date => match value.as_str().and_then(parse_date) {
            Some(date) => Given::Date(date.to_owned()),
            None => {
                let value = shown(value);
                return Err(Error::field(
                    path,
                    format_args!("Date must be in ISO-8601 (yyyy-mm-dd) format, not: {value}"),
                ));
            }
        },
        InputKind::Choice(choices) => match value.as_str() {
            Some(value) if choices.contains(&value) => Given::Text(value.to_owned()),
            _ => {
                let value = shown(value);
                let choices = choices.join(", ");
                return Err(Error::field(path, format_args!("Not a recognized value: {value}. Use one of: {choices}")));
            }
        },
        InputKind::GidOrNew(_, inputs) if value.is_object() => Given::Object(object(path, inputs, value, lenient)?),
        InputKind::Gid(resource) | InputKind::GidOrNew(resource, _) => {
            let (name, called) = object_name(path, resource, value, "Not a Long")?;
            Given::Name(name, called)
        }
        InputKind::Gids(resource) => {
            let separated: Vec<Json>;
            let items = match value {
                Json::Array(items) => items,
                Json::String(list) if lenient || !list.is_empty() => {
                    separated = list.split(',').map(|item| Json::from(item.trim())).collect();
                    &separated
                }
                _ => return Err(not("an array")),
            };
            count(items)?;
            let names = items
                .iter()
                .enumerate()
                .map(|(at, item)| object_name(&format!("{path}: [{at}]"), resource, item, "Not a recognized ID"));
            Given::Names(names.collect::<Result<_>>()?)
        }
        InputKind::Object(inputs) => Given::Object(object(path, inputs, value, lenient)?),
        InputKind::Objects(inputs) => match value {
            Json::Array(items) => {
                count(items)?;
                let bodies = items
                    .iter()
                    .enumerate()
                    .map(|(at, item)| object(&format!("{path}: [{at}]"), inputs, item, lenient));
                Given::Objects(bodies.collect::<Result<_>>()?)
            }
            _ => return Err(not("an array")),
        },
        InputKind::Json => match value {
            Json::Object(_) => Given::Json(value.clone()),
            Json::String(text) if lenient => match serde_json::from_str(text) {
                Ok(object @ Json::Object(_)) => Given::Json(object),
                _ => return Err(not("a JSON object")),
            },
            _ => return Err(not("a JSON object")),
        },
        InputKind::Upload => return Err(not("a file")),
    })
}

/// A text of at most `longest` characters, without NUL.
pub fn text(path: &str, value: &Json, longest: usize) -> Result<String> {
    let Some(text) = value.as_str() else {
        return Err(Error::field(path, format_args!("Value is not a string: {}", shown(value))));
    };
    if text.contains('\0') {
        return Err(Error::field(path, "Value must not contain NUL characters"));
    }
    if text.len() > longest && text.chars().count() > longest {
        return Err(Error::field(path, format_args!("Value is longer than {longest} characters")));
    }
    Ok(text.to_owned())
}

fn object_name(path: &str, resource: &Resource, value: &Json, otherwise: &str) -> Result<(Name, String)> {
    let Some(text) = value.as_str() else {
        return Err(Error::field(path, format_args!("Not a valid GID type: {}", type_name(value))));
    };
    match Name::parse(resource.names, text) {
        Some(name) => Ok((name, text.to_owned())),
        None if resource.names == Names::User => Err(Error::not_a_user(path, shortened(text))),
        None => Err(Error::field(path, format_args!("{otherwise}: {}", shortened(text)))),
    }
}

fn object(path: &str, inputs: &'static [Input], value: &Json, lenient: bool) -> Result<Body> {
    let Json::Object(members) = value else {
        return Err(Error::field(path, format_args!("Value is not a JSON object: {}", shown(value))));
    };
    let mut body = Body::default();
    for (name, value) in members {
        if let Some(input) = inputs.iter().find(|input| input.name == name) {
            body.push(input.name, &input.kind, input.nullable, value, lenient)
                .map_err(|error| Error { message: format!("{path}: {}", error.message), ..error })?;
        }
    }
    match inputs.iter().find(|input| input.required && !body.has(input.name)) {
        Some(input) => Err(Error::field(format_args!("{path}: {}", input.name), "Missing required field")),
        None => Ok(body),
    }
}

fn shown(value: &Json) -> String {
    match value {
        Json::String(text) => shortened(text),
        _ => shortened(&value.to_string()),
    }
}

fn type_name(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}

fn json_data(bytes: &[u8]) -> Result<(Map<String, Json>, Options)> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Default::default());
    }
    let invalid = || Error::bad("Could not parse request data, invalid JSON");
    let Json::Object(members) = serde_json::from_slice(bytes).map_err(|_| invalid())? else {
        return Err(invalid());
    };
    let mut data = Map::new();
    let mut options = Options::default();
    for (name, value) in members {
        match (name.as_str(), value) {
            ("data", Json::Object(members)) => data = members,
            ("data", Json::Null) => {}
            ("data", value) => {
                return Err(Error::field("data", format_args!("Value is not a JSON object: {}", shown(&value))));
            }
            ("options", value) => options = json_options(&value),
            _ => {
                return Err(Error::bad(format!(
                    "Unrecognized request field `{}`. The only allowed keys at the top level are: data, options. \
                     Is it possible you did not wrap object properties in a `data` object?",
                    shortened(&name)
                )));
            }
        }
    }
    Ok((data, options))
}

fn json_options(value: &Json) -> Options {
    let fields = match value.get("fields") {
        Some(Json::String(fields)) => Some(fields.clone()),
        Some(Json::Array(fields)) => Some(fields.iter().filter_map(Json::as_str).collect::<Vec<_>>().join(",")),
        _ => None,
    };
    Options { fields, pretty: value.get("pretty").and_then(Json::as_bool).unwrap_or(false) }
}

/// Reads a form: `name=x&projects[0]=1&external[gid]=2&opt_fields=name`.
fn form_data(bytes: &[u8]) -> Result<(Map<String, Json>, Options)> {
    let text = std::str::from_utf8(bytes).map_err(|_| Error::bad("Could not parse request data, invalid UTF-8"))?;
    let mut data = Map::new();
    let mut options = Options::default();
    for (name, value) in parse_pairs(text)? {
        match name.as_str() {
            "opt_fields" => options.fields = Some(value),
            "opt_pretty" => options.pretty = bool_value("opt_pretty", &value).unwrap_or(true),
            _ if name.starts_with("opt_") => {}
            _ => {
                let mut steps = name.split('[').map(|step| step.trim_end_matches(']'));
                let first = steps.next().unwrap_or_default();
                let steps: Vec<&str> = steps.take(4).collect();
                put(data.entry(first).or_insert(Json::Null), &steps, value);
            }
        }
    }
    Ok((data, options))
}

fn put(place: &mut Json, steps: &[&str], value: String) {
    let Some((&step, rest)) = steps.split_first() else {
        *place = Json::String(value);
        return;
    };
    if step.is_empty() || step.bytes().all(|byte| byte.is_ascii_digit()) && step.len() <= 4 {
        if !place.is_array() {
            *place = Json::Array(Vec::new());
        }
        if let Json::Array(items) = place {
            // Indexes only say which properties belong together: they come in order.
            let at = step.parse::<usize>().unwrap_or(items.len()).min(items.len());
            if at == items.len() {
                items.push(Json::Null);
            }
            put(&mut items[at], rest, value);
        }
    } else {
        if !place.is_object() {
            *place = Json::Object(Map::new());
        }
        if let Json::Object(members) = place {
            put(members.entry(step).or_insert(Json::Null), rest, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_an_end() {
        static THING: Resource = Resource::new("thing", "things");
        let list = |count: usize| Json::from(vec!["1"; count]);
        for kind in [InputKind::Gids(&THING), InputKind::Objects(&[])] {
            let items = |count: usize| match kind {
                InputKind::Objects(_) => Json::from(vec![serde_json::json!({}); count]),
                _ => list(count),
            };
            assert!(given("x", &kind, &items(1_000), false).is_ok());
            let refusal = given("x", &kind, &items(1_001), false);
            assert_eq!(refusal, Err(Error::field("x", "Value has more than 1000 items")));
        }
        let written = Json::from("1,".repeat(1_000) + "1");
        assert!(given("x", &InputKind::Gids(&THING), &written, true).is_err());
    }
}
