//! Which operation a method and a path name.

use std::collections::HashMap;

use percent_encoding::percent_decode_str;

use crate::operation::{Method, Operation};
use crate::resource::Resource;

/// An operation with what surrounds it.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// Its place in the list of all operations.
    pub number: usize,
    /// The operation.
    pub operation: &'static Operation,
    /// The resource whose table it stands in; none for the missing ones.
    pub resource: Option<&'static Resource>,
    /// The object that the path is about.
    pub target: Option<Target>,
}

impl Route {
    /// The parameter of the object that the path is about; empty when it names none.
    pub(crate) fn about(&self) -> &'static str {
        self.target.map_or("", |target| target.parameter)
    }
}

/// The object that a path is about, the last that it names: `task_gid`.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The parameter.
    pub parameter: &'static str,
    /// Its resource.
    pub resource: &'static Resource,
}

#[derive(Debug, Default)]
struct Step {
    fixed: HashMap<&'static str, Step>,
    parameter: Option<(&'static str, Box<Step>)>,
    routes: Vec<(Method, usize, &'static str)>,
}

/// All operations by method and path.
#[derive(Debug)]
pub struct Routes {
    first: Step,
    routes: Vec<Route>,
}

impl Routes {
    /// The routes of the resources' operations, and of those that are still missing.
    pub fn new(resources: &[&'static Resource], missing: &'static [Operation]) -> Self {
        let mut routes = Routes { first: Step::default(), routes: Vec::new() };
        for &resource in resources {
            for operation in resource.operations {
                routes.add(operation, Some(resource), resources);
            }
        }
        for operation in missing {
            routes.add(operation, None, resources);
        }
        routes
    }

    fn add(&mut self, operation: &'static Operation, resource: Option<&'static Resource>, all: &[&'static Resource]) {
        let target = operation.path.rsplit('/').find_map(|part| {
            let parameter = part.strip_prefix('{')?.strip_suffix('}')?;
            let kind = parameter.strip_suffix("_gid")?;
            let named = || all.iter().copied().find(|resource| resource.kind == kind);
            Some(Target { parameter, resource: operation.target.or_else(named)? })
        });
        let number = self.routes.len();
        self.routes.push(Route { number, operation, resource, target });
        for &path in std::iter::once(&operation.path).chain(operation.older) {
            let mut step = &mut self.first;
            for part in path.split('/').skip(1) {
                step = match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
                    Some(parameter) => &mut step.parameter.get_or_insert_with(|| (parameter, Box::default())).1,
                    None => step.fixed.entry(part).or_default(),
                };
            }
            step.routes.push((operation.method, number, path));
        }
    }

    /// The route and the parameters of the path. `None` for an unknown path and for a method that it does not have.
    pub fn find(&self, method: Method, path: &str) -> Option<(&Route, Vec<(&'static str, String)>)> {
        let mut parts: Vec<String> = Vec::new();
        for part in path.strip_prefix('/')?.trim_end_matches('/').split('/') {
            parts.push(percent_decode_str(part).decode_utf8().ok()?.into_owned());
        }
        let mut values = Vec::new();
        let (number, pattern) = find_in(&self.first, &parts, method, &mut values)?;
        let route = &self.routes[number];
        let names = pattern.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        Some((route, names.zip(values).collect()))
    }

    /// All routes, in the order of their numbers.
    pub fn all(&self) -> &[Route] {
        &self.routes
    }
}

fn find_in(step: &Step, parts: &[String], method: Method, values: &mut Vec<String>) -> Option<(usize, &'static str)> {
    let Some((part, rest)) = parts.split_first() else {
        return step.routes.iter().find(|(known, ..)| *known == method).map(|(_, number, path)| (*number, *path));
    };
    let fixed = step.fixed.get(part.as_str()).and_then(|next| find_in(next, rest, method, values));
    if fixed.is_some() {
        return fixed;
    }
    let (_, next) = step.parameter.as_ref()?;
    if part.is_empty() || part.contains('\0') {
        return None;
    }
    values.push(part.clone());
    let found = find_in(next, rest, method, values);
    if found.is_none() {
        values.pop();
    }
    found
}
