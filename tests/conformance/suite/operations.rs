//! Every operation of the contract is built as the contract says, or listed as missing.

use std::collections::{BTreeMap, BTreeSet};

use conformance::Contract;
use engine::operation::{Action, BodyFields, Method, Operation};
use resources::missing::MISSING;

use crate::built::operations;

#[test]
fn every_operation_is_built_or_missing() {
    let contract = Contract::read();
    let mut known: BTreeMap<&str, &Operation> = BTreeMap::new();
    for operation in operations().iter().map(|built| built.operation).chain(MISSING) {
        assert!(known.insert(operation.id, operation).is_none(), "{} is built and missing, or twice", operation.id);
        let expected = contract.operations.get(operation.id);
        let expected = expected.unwrap_or_else(|| panic!("{} is not in the contract", operation.id));
        assert_eq!(
            (operation.method.name(), operation.path),
            (expected.method, expected.path),
            "{} is where the contract says",
            operation.id
        );
        if let Action::Missing = operation.action {
            assert_eq!(operation.status, 501, "{}", operation.id);
        } else {
            assert_eq!(operation.status, expected.success, "the status of {}", operation.id);
        }
    }
    let absent: Vec<_> = contract.operations.keys().filter(|id| !known.contains_key(*id)).collect();
    assert!(absent.is_empty(), "neither built nor listed as missing: {absent:?}");
    assert!(MISSING.iter().map(|operation| operation.id).is_sorted(), "MISSING is sorted");
}

#[test]
fn every_operation_has_the_form_of_the_contract() {
    let contract = Contract::read();
    let mut wrong = Vec::new();
    for built in operations() {
        let operation = built.operation;
        let expected = &contract.operations[operation.id];
        let list = matches!(operation.action, Action::List(_) | Action::ListOneOf(_));
        let write = matches!(operation.action, Action::Write(_));
        let body = operation.fields != BodyFields::None || !operation.inputs.is_empty();
        if list != expected.list {
            wrong.push(format!("{} answers with a list: {list}", operation.id));
        }
        if write != (operation.method != Method::Get) {
            wrong.push(format!("{} writes: {write}", operation.id));
        }
        if operation.empty != (expected.shape == "EmptyResponse") {
            wrong.push(format!("{} answers with nothing: {}", operation.id, operation.empty));
        }
        if body != expected.body {
            wrong.push(format!("{} takes a body: {body}", operation.id));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Parameters of the contract that an operation does not know are listed; unknown ones are ignored by the server, so an
/// unknown filter would silently return too much.
#[test]
fn every_parameter_is_known_or_listed() {
    let contract = Contract::read();
    let mut later = BTreeSet::new();
    for built in operations() {
        let operation = built.operation;
        let query: Vec<&str> = operation.query().into_iter().map(|(name, _)| name).collect();
        for name in &contract.operations[operation.id].query {
            if !query.contains(name) && !["opt_fields", "opt_pretty"].contains(name) {
                later.insert(format!("{} {name}", operation.id));
            }
        }
    }
    crate::committed::only_shrinks(
        "later_parameters.txt",
        "Query parameters of the contract that are not read yet. This list may only shrink.",
        &later,
    );
}
