//! The body of a request, for every operation that writes: accepted or refused with a message, never anything else.

use std::sync::LazyLock;

use engine::body::{Body, Encoding, Given, accept, properties};
use engine::input::{Input, InputKind};
use engine::operation::{Action, Operation};
use engine::parameter::Parameters;
use engine::resource::Resource;
use engine::{Error, Result};
use resources::RESOURCES;

use crate::{choose, first_line, names};

/// The operations that take a body, with the resource whose fields it may carry.
static WRITES: LazyLock<Vec<(&'static Operation, &'static Resource)>> = LazyLock::new(|| {
    let all =
        RESOURCES.iter().flat_map(|resource| resource.operations.iter().map(move |operation| (operation, *resource)));
    all.filter(|(operation, _)| matches!(operation.action, Action::Write(_)))
        .map(|(operation, resource)| (operation, operation.answers.unwrap_or(resource)))
        .collect()
});

/// An operation on the first line; a second word is the content type, JSON when there is none. Then the body.
pub fn run(data: &[u8]) {
    let (first, bytes) = first_line(data);
    let (name, content_type) = first.split_once(' ').unwrap_or((&first, ""));
    let &(operation, resource) = choose(&WRITES, name, |(operation, _)| operation.id);
    let encoding = match Encoding::of(Some(content_type)) {
        Ok(encoding) => encoding,
        Err(error) => {
            assert_eq!(error.status, 415);
            // As bytes of either form, it is read all the same.
            if content_type.len() % 2 == 0 { Encoding::Json } else { Encoding::Form }
        }
    };
    read(operation, resource, encoding, bytes).unwrap_or_else(|error| refused(&error));
}

fn read(operation: &'static Operation, resource: &'static Resource, encoding: Encoding, bytes: &[u8]) -> Result<()> {
    let (body, mut options) = accept(operation, Some(resource), encoding, bytes, &[])?;
    let again = accept(operation, Some(resource), encoding, bytes, &[]).expect("accepted once");
    assert_eq!(format!("{:?}", (&body, &options)), format!("{again:?}"));
    options.read_query(&Parameters::default())?;
    for property in properties(operation, Some(resource)) {
        let given = body.get(property.name);
        assert!(given.is_some() || !property.required, "{} is required and absent", property.name);
        assert!(given != Some(&Given::Null) || property.nullable, "{} is null", property.name);
        if let (Some(Given::Text(text)), InputKind::Text(longest)) = (given, property.kind) {
            assert!(text.chars().count() <= longest && !text.contains('\0'), "{} is a wrong text", property.name);
        }
    }
    for (_, value) in body.columns(resource) {
        assert!(!matches!(value, store::Value::Real(number) if !number.is_finite()));
    }
    // Whoever is named is there, or nobody is.
    let mut next = 0;
    let mut resolved = body.clone();
    let found = resolved.resolve("", &mut |_, path, _, _| {
        assert!(!path.is_empty());
        next += 1;
        Ok(next)
    });
    assert_eq!(found, Ok(()));
    assert!(!has_names(&resolved, &properties(operation, Some(resource))), "a name is left: {resolved:?}");
    let refusal = body.clone().resolve("", &mut |_, path, _, name| Err(Error::unknown_object(path, name)));
    assert_eq!(refusal.is_err(), next > 0);
    refusal
}

/// Whether a name is left that is no gid yet.
fn has_names(body: &Body, properties: &[Input]) -> bool {
    properties.iter().any(|property| match (body.get(property.name), property.kind) {
        (Some(Given::Name(..) | Given::Names(_)), _) => true,
        (Some(Given::Object(body)), InputKind::Object(inputs)) => has_names(body, inputs),
        (Some(Given::Objects(bodies)), InputKind::Objects(inputs)) => bodies.iter().any(|body| has_names(body, inputs)),
        _ => false,
    })
}

fn refused(error: &Error) {
    assert_eq!(error.status, 400, "{error:?}");
    assert!(!error.message.is_empty() && error.message.len() < 4_096, "{error:?}");
}

/// Names of operations and properties, and pieces of both encodings.
pub fn words() -> Vec<String> {
    let marks = [
        "{\"data\":{",
        "}}",
        "\"options\":{\"fields\":[\"",
        "\"options\":{\"pretty\":true}",
        "\":",
        "\"",
        "{",
        "}",
        "[",
        "]",
        ",",
        "null",
        "true",
        "false",
        "0",
        "-1",
        "1e999",
        "9007199254740993",
        "1.5",
        "\\u0000",
        "\\ud800",
        "\"123\"",
        "\"me\"",
        "\"external:x\"",
        "\"2026-03-02\"",
        "\"2026-03-02T10:00:00.000Z\"",
        "\"2026-02-29\"",
        " application/json\n",
        " application/x-www-form-urlencoded\n",
        "&",
        "=",
        "%00",
        "%C3%A4",
        "%ff",
        "+",
        "[]=",
        "[0]",
        "[x]=",
        "opt_fields=",
        "opt_pretty=",
        "data",
        "options",
    ];
    let operations = WRITES.iter().map(|(operation, _)| operation.id.to_owned());
    let quoted = names().into_iter().flat_map(|name| [format!("\"{name}\":"), format!("{name}=")]);
    operations.chain(quoted).chain(marks.map(str::to_owned)).collect()
}
