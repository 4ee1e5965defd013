//! What every operation passes before a resolver runs, however it came: bounds, validation against the schema, coercion of
//! the variables, cost. What passed once is remembered by its text.

mod bounds;
mod cost;
pub mod outcome;
mod watch;

use std::sync::Arc;

use apollo_compiler::{
    ExecutableDocument, Name, Schema as Definitions, executable::OperationType, parser::Parser,
    request::coerce_variable_values, response::JsonMap, validation::Valid,
};
use async_graphql::{Request, Variables, parser::types::ExecutableDocument as Parsed};
use moka::sync::Cache;
use serde::Deserialize;

pub use self::watch::Watched;
use self::{
    outcome::{Refusal, refuse_input},
    watch::Watching,
};
use crate::{config::Limits, error::Error, game::accounts::Viewer};

/// Bytes of documents that are remembered, counted by their text.
const REMEMBERED_BYTES: u64 = 8 * 1024 * 1024;
/// Levels of nested braces and brackets that the parsers go into: far above any document that is within its bounds.
const NESTING_MAX: usize = 200;

/// An operation as a client sends it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// The document.
    #[serde(default)]
    pub query: String,
    /// Which of its operations.
    #[serde(default)]
    pub operation_name: Option<String>,
    /// Its variables.
    #[serde(default)]
    pub variables: Option<serde_json::Map<String, serde_json::Value>>,
}

/// A document that is within its bounds and valid.
struct Known {
    text: String,
    parsed: Parsed,
    /// None for documents that only look at the schema, which are left to the executor's own validation.
    checked: Option<Valid<ExecutableDocument>>,
}

/// An operation that may run, as often as it is wanted.
pub struct Admitted {
    known: Arc<Known>,
    name: Option<String>,
    variables: serde_json::Value,
    /// What it does.
    pub kind: OperationType,
    /// What it may cost at most.
    pub cost: usize,
    /// What is known of a subscription before it runs.
    pub watched: Option<Watched>,
}

impl Admitted {
    /// Ready to be given what belongs to its viewer.
    pub fn request(&self) -> Request {
        let variables = Variables::from_json(self.variables.clone());
        let mut request = Request::new(String::new()).variables(variables);
        if let Some(name) = &self.name {
            request = request.operation_name(name);
        }
        request.set_parsed_query(self.known.parsed.clone());
        request
    }
}

/// See the module.
pub struct Front {
    definitions: Valid<Definitions>,
    limits: Limits,
    introspection: bool,
    known: Cache<String, Arc<Known>>,
}

impl Front {
    /// A front for that schema.
    ///
    /// # Errors
    /// When the schema's own definition cannot be read, which is a fault of ours.
    pub fn new(sdl: &str, limits: Limits, introspection: bool) -> Result<Self, Error> {
        let definitions = Definitions::parse_and_validate(sdl, "schema.graphql")
            .map_err(|bad| Error::internal(bad.errors.to_string()))?;
        let known = Cache::builder()
            .max_capacity(REMEMBERED_BYTES)
            .weigher(|text: &String, _| u32::try_from(text.len() + 512).unwrap_or(u32::MAX))
            .build();
        Ok(Self { definitions, limits, introspection, known })
    }

    /// Lets an operation in, or says why not. Nothing has run before this.
    ///
    /// # Errors
    /// BAD_USER_INPUT for a document or variables that are wrong, QUERY_TOO_COMPLEX for what is over a bound.
    pub fn admit(&self, operation: Operation, viewer: &Viewer) -> Result<Admitted, Refusal> {
        let known = self.learn(&operation.query)?;
        let name = operation.operation_name.filter(|name| !name.is_empty());
        let variables = operation.variables.unwrap_or_default();
        let Some(checked) = &known.checked else {
            return Ok(Admitted {
                known,
                name,
                variables: variables.into(),
                kind: OperationType::Query,
                cost: 1,
                watched: None,
            });
        };
        let chosen = checked.operations.get(name.as_deref());
        let chosen =
            chosen.map_err(|error| refuse_input("operationName", &error.message().to_string()))?;
        let values: JsonMap = serde_json::from_value(variables.into())
            .map_err(|error| refuse_input("variables", &error.to_string()))?;
        let values =
            coerce_variable_values(&self.definitions, chosen, &values).map_err(|error| {
                let message = error.message().to_string();
                let named = |name: &Name| {
                    message.contains(&format!("'{name}'")) || message.contains(&format!("${name}"))
                };
                let wrong =
                    chosen.variables.iter().map(|variable| &variable.name).find(|name| named(name));
                let field = wrong
                    .map_or_else(|| "variables".to_owned(), |name| format!("variables.{name}"));
                refuse_input(&field, &message)
            })?;
        let cost = cost::of(checked, chosen, &values);
        let most = match viewer {
            Viewer::Anonymous => self.limits.cost_anonymous,
            Viewer::User(_) => self.limits.cost_user,
            Viewer::Server(_) => self.limits.cost_server,
        };
        if cost > most {
            return Err(Refusal::too_complex(format!(
                "this operation may cost {cost}; at most {most} is allowed"
            )));
        }
        let values = serde_json::to_value(&*values)
            .map_err(|error| refuse_input("variables", &error.to_string()))?;
        let kind = chosen.operation_type;
        let watching = Watching { text: &known.text, document: checked, operation: chosen };
        let watched = watching.learn(name.as_deref(), &values);
        Ok(Admitted { name, variables: values, kind, cost, watched, known: known.clone() })
    }

    fn learn(&self, text: &str) -> Result<Arc<Known>, Refusal> {
        let found = self.known.get(text);
        let result = if found.is_some() { "hit" } else { "miss" };
        metrics::counter!("rankedhonor_operation_cache_total", "result" => result).increment(1);
        if let Some(known) = found {
            return Ok(known);
        }
        let document = Parser::new()
            .token_limit(self.limits.tokens)
            .recursion_limit(NESTING_MAX)
            .parse_ast(text, "query.graphql")
            .map_err(|bad| Refusal::invalid(&bad.errors, &self.limits))?;
        let shape = bounds::check(&document, &self.limits)?;
        if shape.introspects && !self.introspection {
            return Err(Refusal::from_error(&Error::Forbidden(
                "introspection is turned off here".into(),
            )));
        }
        // The validator does not know the newest of the schema's own types: those are left to the executor.
        let checked = if shape.introspects_only {
            None
        } else {
            let checked = document.to_executable_validate(&self.definitions);
            Some(checked.map_err(|bad| Refusal::invalid(&bad.errors, &self.limits))?)
        };
        let mut parsed = async_graphql::parser::parse_query(text)
            .map_err(|error| refuse_input("query", &error.to_string()))?;
        watch::spread_roots(&mut parsed);
        let known = Arc::new(Known { text: text.to_owned(), parsed, checked });
        self.known.insert(text.to_owned(), known.clone());
        Ok(known)
    }
}
