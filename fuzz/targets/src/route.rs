//! Methods and paths: a route is found or not, its parameters are those of the path, and what is put in comes out.

use std::sync::LazyLock;

use engine::access::Name;
use engine::operation::{FilterKind, Method, QueryKind};
use engine::page::filter_value;
use engine::parameter::Parameters;
use engine::route::Routes;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use resources::{RESOURCES, missing::MISSING};

use crate::first_line;

static ROUTES: LazyLock<Routes> = LazyLock::new(|| Routes::new(RESOURCES, MISSING));

/// A request line, `GET /tasks/1?limit=5`; then texts that take the places of a route's parameters, one per line.
pub fn run(data: &[u8]) {
    let (line, rest) = first_line(data);
    let (method, target) = line.split_once(' ').unwrap_or(("GET", &line));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if let Some(method) = Method::parse(method) {
        find(method, path, query);
    }
    fill(&line, rest);
}

fn find(method: Method, path: &str, query: &str) {
    let Some((route, values)) = ROUTES.find(method, path) else {
        return;
    };
    assert_eq!(route.operation.method, method);
    // An older path may name in itself what a parameter of the query names otherwise.
    let mut patterns = std::iter::once(&route.operation.path).chain(route.operation.older);
    let names: Vec<String> = values.iter().map(|(name, _)| format!("{{{name}}}")).collect();
    let fits = |pattern: &&'static str| pattern.split('/').filter(|part| part.starts_with('{')).eq(&names);
    assert!(patterns.any(fits), "{path}: {names:?}");
    for (_, value) in &values {
        assert!(!value.is_empty() && !value.contains('\0'), "{path}");
    }
    let target = route.target.map(|target| (target, values.iter().any(|(name, _)| *name == target.parameter)));
    let parameters = match Parameters::parse(values, query) {
        Ok(parameters) => parameters,
        Err(error) => return assert_eq!(error.status, 400),
    };
    if let Some((target, found)) = target {
        assert!(found, "{path} has no {}", target.parameter);
        drop(Name::parse(target.resource.names, parameters.get(target.parameter).expect("is there")));
    }
    for (name, kind) in route.operation.query() {
        let (Some(value), QueryKind::Filter(kind)) = (parameters.query_value(name), kind) else {
            continue;
        };
        read_filter(kind, name, value);
    }
    for kind in [FilterKind::Bool, FilterKind::Time, FilterKind::Gid] {
        read_filter(kind, "x", query);
    }
}

fn read_filter(kind: FilterKind, name: &str, value: &str) {
    if let Err(error) = filter_value(kind, name, value, 0) {
        assert_eq!(error.status, 400);
        assert!(error.message.starts_with(name));
    }
}

/// Fills a route's path with values and looks for it.
fn fill(line: &str, rest: &[u8]) {
    let all = ROUTES.all();
    let number = line.bytes().fold(rest.len(), |number, byte| number.wrapping_mul(31).wrapping_add(byte.into()));
    let route = &all[number % all.len()];
    let text = String::from_utf8_lossy(rest);
    let mut values = text.lines().filter(|value| !value.is_empty() && !value.contains('\0')).map(str::to_owned).cycle();
    let mut given = Vec::new();
    let parts = route.operation.path.split('/').map(|part| match part.starts_with('{') {
        true => {
            given.push(values.next().unwrap_or_else(|| "1".to_owned()));
            utf8_percent_encode(given.last().expect("just pushed"), NON_ALPHANUMERIC).to_string()
        }
        false => part.to_owned(),
    });
    let path = parts.collect::<Vec<_>>().join("/");
    let (found, values) = ROUTES.find(route.operation.method, &path).expect(&path);
    if found.number == route.number {
        let values: Vec<String> = values.into_iter().map(|(_, value)| value).collect();
        assert_eq!(values, given, "{path}");
    } else {
        // A value may be a word that stands for itself in another path: `/x/search` beside `/x/{gid}`.
        let fixed = |path: &str| path.split('/').filter(|part| !part.is_empty() && !part.starts_with('{')).count();
        assert!(fixed(found.operation.path) >= fixed(route.operation.path), "{path}: {}", found.operation.path);
    }
}

/// Methods and the parts of paths.
pub fn words() -> Vec<String> {
    let marks = [
        "GET ",
        "POST ",
        "PUT ",
        "DELETE ",
        "/",
        "//",
        "?",
        "&",
        "=",
        "%2F",
        "%00",
        "%C3%A4",
        "%ff",
        "%",
        "me",
        "external:",
        "1",
        "limit=",
        "offset=",
        "opt_fields=",
        "completed_since=now",
        "2026-03-02T10:00:00Z",
        "true",
        "..",
    ];
    let paths = ROUTES.all().iter().map(|route| route.operation.path.replace(['{', '}'], ""));
    paths.chain(marks.map(str::to_owned)).collect()
}
