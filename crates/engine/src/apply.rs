//! The part of a write that happens inside its transaction.

use serde_json::Value as Json;

use crate::access::Name;
use crate::api::{not_recognized, target_name};
use crate::body::{Encoding, accept};
use crate::call::Call;
use crate::error::{Error, Result};
use crate::operation::{Action, Method, Operation, Outcome, Rule};
use crate::parameter::Parameters;
use crate::route::{Routes, Target};

/// A write that has been read from its request and has not seen the database yet.
pub(crate) struct Ready {
    operation: &'static Operation,
    rule: Rule,
    /// The object in the path, and what to say when there is none of that name.
    target: Option<(Target, Name, Error)>,
}

impl Ready {
    pub fn new(
        operation: &'static Operation,
        rule: Rule,
        target: Option<&(Target, Name)>,
        parameters: &Parameters<'_>,
    ) -> Ready {
        let target = target.map(|(target, name)| (*target, name.clone(), not_recognized(target, parameters)));
        Ready { operation, rule, target }
    }

    /// Checks what the caller may do, and runs the rule. The call has the body.
    pub fn run(self, call: &mut Call<'_>) -> Result<Outcome> {
        if let Some((target, name, refusal)) = self.target {
            call.target = call.named(&name)?.ok_or(refusal)?;
            call.require_target(target.resource, call.target, self.operation.level)?;
        }
        call.resolve_body()?;
        (self.rule)(call)
    }
}

/// Runs an operation that writes inside a transaction that is open, as the call's viewer and at its time: for whoever
/// writes many things that are to be there together or not at all. `data` is what a body has under that name. After an
/// error the transaction has to be given up: what the operation wrote before is not undone by itself.
///
/// # Errors
///
/// As the API would refuse the same request.
pub fn apply(routes: &Routes, call: &mut Call<'_>, method: Method, path: &str, data: &Json) -> Result<Outcome> {
    let (route, path) = routes.find(method, path).ok_or_else(Error::no_route)?;
    let operation = route.operation;
    let Action::Write(rule) = operation.action else {
        return Err(Error::no_route());
    };
    let parameters = Parameters::parse(path.clone(), "")?;
    let target = route.target.map(|target| target_name(&target, &parameters)).transpose()?;
    let body = serde_json::json!({ "data": data }).to_string();
    let resource = operation.answers.or(route.resource);
    (call.target, call.body) = (0, accept(operation, resource, Encoding::Json, body.as_bytes(), &path)?.0);
    Ready::new(operation, rule, target.as_ref(), &parameters).run(call)
}
