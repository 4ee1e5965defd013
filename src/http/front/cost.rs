//! What an operation may cost: one for each field, times what the lists around it may hold. The document is within its
//! bounds already, so walking it with all its fragments spread is cheap.

use apollo_compiler::{
    ExecutableDocument,
    ast::Value,
    executable::{Field, Operation, Selection, SelectionSet},
    response::JsonMap,
    validation::Valid,
};

/// The page that a list has where none is asked for.
const PAGE: usize = 20;
/// What a list that is no page holds: the players of a team, the standings of a user.
const LIST: usize = 4;
/// The largest page that any list gives.
const PAGE_MAX: usize = 100;

/// The cost of an operation.
pub fn of(
    document: &Valid<ExecutableDocument>,
    operation: &Operation,
    variables: &Valid<JsonMap>,
) -> usize {
    set(document, &operation.selection_set, variables)
}

fn set(document: &ExecutableDocument, selections: &SelectionSet, variables: &JsonMap) -> usize {
    let in_connection = selections.ty.ends_with("Connection");
    selections.selections.iter().fold(0, |total, selection| {
        let cost = match selection {
            Selection::Field(field) => {
                let times = if in_connection { 1 } else { times(field, variables) };
                let inner = set(document, &field.selection_set, variables);
                times.saturating_mul(inner).saturating_add(1)
            }
            Selection::InlineFragment(inner) => set(document, &inner.selection_set, variables),
            Selection::FragmentSpread(spread) => document
                .fragments
                .get(&spread.fragment_name)
                .map_or(0, |inner| set(document, &inner.selection_set, variables)),
        };
        total.saturating_add(cost)
    })
}

/// How often what is inside a field may be there.
fn times(field: &Field, variables: &JsonMap) -> usize {
    let asked = field.arguments.iter().find_map(|argument| match argument.name.as_str() {
        "first" | "last" => count(&argument.value, variables),
        "ids" => length(&argument.value, variables),
        _ => None,
    });
    let paged = field.definition.arguments.iter().any(|argument| argument.name == "first");
    let ty = &field.definition.ty;
    match asked {
        Some(count) => count.min(PAGE_MAX),
        None if paged => PAGE,
        None if ty.is_list() => LIST,
        None => 1,
    }
}

fn count(value: &Value, variables: &JsonMap) -> Option<usize> {
    match value {
        Value::Int(_) => usize::try_from(value.to_i32()?).ok(),
        Value::Variable(name) => {
            variables.get(name.as_str())?.as_u64().and_then(|n| usize::try_from(n).ok())
        }
        _ => None,
    }
}

fn length(value: &Value, variables: &JsonMap) -> Option<usize> {
    match value {
        Value::List(items) => Some(items.len()),
        Value::Variable(name) => Some(variables.get(name.as_str())?.as_array()?.len()),
        _ => None,
    }
}
