//! What an operation may cost: one for each field, times what the lists around it may hold. The document is within its
//! bounds already, so walking it with all its fragments spread is cheap.

use std::collections::HashMap;

use apollo_compiler::{
    ExecutableDocument, Schema,
    ast::{Type, Value},
    executable::{Field, Operation, Selection, SelectionSet},
    response::JsonMap,
    schema::ExtendedType,
    validation::Valid,
};

use crate::{config::Settings, error::Error};

/// The page that a list has where none is asked for.
const PAGE: usize = 20;
/// The largest page that any list gives.
const PAGE_MAX: usize = 100;
/// What is looked up one by one costs as much as so many fields.
const LOOKUP: usize = 10;
/// What takes the database far longer than a field, by type and field, and as how many it counts: where somebody stood at a
/// time is worked out from everybody's points, what a queue is like from its tickets and the last minute's matches.
const DEAR: [(&str, &str, usize); 2] = [("Standing", "rankAt", 200), ("Query", "queueStats", 30)];
/// What a list of the schema's own types may hold where it is asked for beside other things.
const SCHEMA_LIST: usize = 20;

/// How long the lists can be that are no pages, by type and field.
pub struct Lists(HashMap<(String, String), usize>);

impl Lists {
    /// Those of that schema, of which some are as long as the settings make them.
    ///
    /// # Errors
    /// When the schema has a list that is neither a page nor named here.
    pub fn new(schema: &Schema, settings: &Settings) -> Result<Self, Error> {
        let modes = &settings.modes.0;
        let most = |of: fn(&crate::config::ModeSettings) -> usize| modes.iter().map(of).max();
        let teams = most(|mode| usize::from(mode.team_count)).unwrap_or(1);
        let team = most(|mode| usize::from(mode.team_size)).unwrap_or(1);
        let players = most(|mode| usize::from(mode.team_size) * usize::from(mode.team_count));
        let players = players.unwrap_or(1);
        let tiers = settings.ladder.tiers.iter().map(|tier| usize::from(tier.divisions));
        let (regions, providers) = (settings.regions.0.len(), settings.oauth.providers.len());
        let lists = [
            ("Match", "teams", teams),
            ("Party", "members", team),
            ("Query", "modes", modes.len()),
            ("Query", "regions", regions),
            ("Query", "seasons", PAGE_MAX),
            ("Query", "serverKeys", PAGE_MAX),
            ("Query", "signInProviders", providers),
            ("QueueTicket", "players", team),
            ("QueueTicket", "regions", regions),
            ("RatingExplanation", "opponents", teams),
            ("ReportMatchResultPayload", "rankChanges", players),
            ("Season", "tiers", tiers.sum()),
            ("StartSeasonPayload", "preview", modes.len()),
            ("Team", "players", team),
            ("User", "blockedUsers", 500),
            ("User", "linkedAccounts", providers),
            ("User", "notes", PAGE_MAX),
            ("User", "sessions", PAGE_MAX),
            ("User", "standings", modes.len()),
            ("WaitExplanation", "keptOut", 5),
        ];
        let key = |ty: &str, field: &str| (ty.to_owned(), field.to_owned());
        let lists = lists.map(|(ty, field, most)| (key(ty, field), most.max(1)));
        let lists = Self(lists.into_iter().collect());
        for (ty, definition) in schema.types.iter().filter(|(name, _)| !name.starts_with("__")) {
            let fields = match definition {
                ExtendedType::Object(object) => &object.fields,
                ExtendedType::Interface(interface) => &interface.fields,
                _ => continue,
            };
            for (name, field) in fields.iter().filter(|_| !ty.ends_with("Connection")) {
                let asked = |one: &str| field.argument_by_name(one).is_some();
                let holds = schema.types.get(field.ty.inner_named_type());
                let leaf = holds.is_none_or(|ty| ty.is_scalar() || ty.is_enum());
                let known = lists.0.contains_key(&key(ty, name));
                if field.ty.is_list() && !leaf && !asked("first") && !asked("ids") && !known {
                    return Err(Error::internal(format!("how long can {ty}.{name} be?")));
                }
            }
        }
        Ok(lists)
    }

    /// The cost of an operation.
    pub fn cost_of(
        &self,
        document: &Valid<ExecutableDocument>,
        operation: &Operation,
        variables: &Valid<JsonMap>,
    ) -> usize {
        self.set(document, &operation.selection_set, variables)
    }

    fn set(
        &self,
        document: &ExecutableDocument,
        selections: &SelectionSet,
        variables: &JsonMap,
    ) -> usize {
        let ty = selections.ty.as_str();
        selections.selections.iter().fold(0, |total, selection| {
            let cost = match selection {
                Selection::Field(field) => {
                    let (times, each) = self.times(ty, field, variables);
                    let inner = self.set(document, &field.selection_set, variables);
                    times.saturating_mul(inner.saturating_add(each)).saturating_add(1)
                }
                Selection::InlineFragment(inner) => {
                    self.set(document, &inner.selection_set, variables)
                }
                Selection::FragmentSpread(spread) => document
                    .fragments
                    .get(&spread.fragment_name)
                    .map_or(0, |inner| self.set(document, &inner.selection_set, variables)),
            };
            total.saturating_add(cost)
        })
    }

    /// How often what is inside a field may be there, and what each time costs besides it.
    fn times(&self, ty: &str, field: &Field, variables: &JsonMap) -> (usize, usize) {
        let argument = |name: &str| {
            let given = field.arguments.iter().find(|given| given.name == name);
            given.map(|given| &*given.value).or_else(|| {
                let defined = field.definition.argument_by_name(name)?;
                defined.default_value.as_deref()
            })
        };
        if let Some(ids) = argument("ids") {
            return (length(ids, variables).unwrap_or(PAGE_MAX).min(PAGE_MAX), LOOKUP);
        }
        // The page was counted where it was asked for.
        if ty.ends_with("Connection") {
            return (1, 0);
        }
        if field.definition.argument_by_name("first").is_some() {
            let asked = ["first", "last"].into_iter().filter_map(argument);
            let most = asked.filter_map(|value| count(value, variables)).max();
            return (most.unwrap_or(PAGE).min(PAGE_MAX), 0);
        }
        if let Some((_, _, each)) = DEAR.iter().find(|dear| (dear.0, dear.1) == (ty, &field.name)) {
            return (1, *each);
        }
        let times = match &field.definition.ty {
            Type::Named(_) | Type::NonNullNamed(_) => 1,
            _ if ty.starts_with("__") => SCHEMA_LIST,
            _ => {
                let key = (ty.to_owned(), field.name.to_string());
                self.0.get(&key).copied().unwrap_or(1)
            }
        };
        (times, 0)
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

/// A value that is no list is taken for a list of one.
fn length(value: &Value, variables: &JsonMap) -> Option<usize> {
    match value {
        Value::List(items) => Some(items.len()),
        Value::Variable(name) => {
            Some(variables.get(name.as_str())?.as_array().map_or(1, |items| items.len()))
        }
        _ => Some(1),
    }
}
