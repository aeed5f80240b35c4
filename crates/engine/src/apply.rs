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

    /// Checks what the caller may do, and runs the rule. The call has the body. With an `epoch`, it does nothing and
    /// answers `None` unless the access data is of that epoch: the caller's rights were read then.
    pub fn run(self, call: &mut Call<'_>, epoch: Option<i64>) -> Result<Option<Outcome>> {
        let target = match self.target {
            Some((target, name, refusal)) => {
                call.target = call.named(&name)?.ok_or(refusal)?;
                Some(target.resource)
            }
            None => None,
        };
        let found = call.look_first(self.operation, target)?;
        if epoch.is_some_and(|epoch| epoch != found.access) {
            return Ok(None);
        }
        if let Some(resource) = target {
            call.require_target(resource, call.target, self.operation.level)?;
        }
        call.resolve_body()?;
        (self.rule)(call).map(Some)
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
    let outcome = Ready::new(operation, rule, target.as_ref(), &parameters).run(call, None)?;
    outcome.ok_or_else(Error::server)
}
