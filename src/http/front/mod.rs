//! What every operation passes before a resolver runs, however it came: bounds, validation against the schema, coercion of
//! the variables, cost. What passed once is remembered by its text.

mod bounds;
mod cost;
mod documents;
mod merge;
pub mod operation;
pub mod outcome;
mod watch;

use std::sync::Arc;

use apollo_compiler::{
    ExecutableDocument, Name, Schema as Definitions, executable::OperationType, parser::Parser,
    request::coerce_variable_values, response::JsonMap, validation::Valid,
};
use async_graphql::{Request, Variables, parser::types::ExecutableDocument as Parsed};
use moka::sync::Cache;

use self::{
    documents::Documents,
    outcome::{Refusal, refuse_input},
    watch::Watching,
};
pub use self::{operation::Operation, watch::Watched};
use crate::{
    config::{Limits, Settings},
    error::Error,
    game::accounts::Viewer,
};

/// Bytes that the documents take that are remembered.
const REMEMBERED_BYTES: u64 = 8 * 1024 * 1024;
/// What looking at the schema once costs: the answer is as large as that of a page of a thousand fields.
const LOOKING_COST: usize = 1_000;
/// Levels of nested braces and brackets that the parsers go into: far above any document that is within its bounds.
const NESTING_MAX: usize = 200;

/// A document that is within its bounds and valid.
struct Known {
    text: String,
    /// About how many bytes it takes.
    weight: usize,
    /// The most root fields of one of its operations.
    roots: usize,
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
    documents: Documents,
    known: Cache<String, Arc<Known>>,
    lists: cost::Lists,
}

impl Front {
    /// A front for that schema; `own` is the manifest of what this server's pages send.
    ///
    /// # Errors
    /// When the manifest of documents cannot be read, or the schema's own definition, or when nobody knows how long one of its
    /// lists can be, which are faults of ours.
    pub fn new(sdl: &str, settings: &Settings, own: Option<&[u8]>) -> Result<Self, Error> {
        let (http, limits) = (&settings.http, settings.limits.clone());
        let definitions = Definitions::parse_and_validate(sdl, "schema.graphql")
            .map_err(|bad| Error::internal(bad.errors.to_string()))?;
        let known = Cache::builder()
            .max_capacity(REMEMBERED_BYTES)
            .weigher(|_, known: &Arc<Known>| u32::try_from(known.weight + 1024).unwrap_or(u32::MAX))
            .build();
        let lists = cost::Lists::new(&definitions, settings)?;
        let documents = Documents::new(&http.trusted_documents, own, http.persisted_queries)?;
        Ok(Self { definitions, limits, introspection: http.introspection, documents, known, lists })
    }

    /// Lets an operation in, or says why not. Nothing has run before this.
    ///
    /// # Errors
    /// BAD_USER_INPUT for a document or variables that are wrong, QUERY_TOO_COMPLEX for what is over a bound.
    pub fn admit(&self, operation: Operation, viewer: &Viewer) -> Result<Admitted, Refusal> {
        let variables = operation.variables.as_ref();
        for (name, value) in variables.into_iter().flatten() {
            bounds::check_value(value, self.limits.variables_depth)
                .map_err(|what| refuse_input(&format!("variables.{name}"), &what))?;
        }
        let text = self.documents.find(&operation)?;
        let (known, is_new) = self.learn(&text)?;
        self.documents.keep(operation.hash.as_ref(), &text);
        let admitted = self.choose(known.clone(), operation, viewer)?;
        // What is refused is not remembered.
        if is_new {
            self.known.insert(known.text.clone(), known);
        }
        Ok(admitted)
    }

    /// The operation that is wanted of a document, with its variables, if it is not too dear.
    fn choose(
        &self,
        known: Arc<Known>,
        operation: Operation,
        viewer: &Viewer,
    ) -> Result<Admitted, Refusal> {
        let name = operation.operation_name.filter(|name| !name.is_empty());
        let variables = operation.variables.unwrap_or_default();
        let Some(checked) = &known.checked else {
            let cost = LOOKING_COST.saturating_mul(known.roots.max(1));
            let (kind, watched) = (OperationType::Query, None);
            self.refuse_dear(cost, viewer)?;
            return Ok(Admitted { known, name, variables: variables.into(), kind, cost, watched });
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
        let cost = self.lists.cost_of(checked, chosen, &values);
        self.refuse_dear(cost, viewer)?;
        let values = serde_json::to_value(&*values)
            .map_err(|error| refuse_input("variables", &error.to_string()))?;
        let kind = chosen.operation_type;
        let watching = Watching { text: &known.text, document: checked, operation: chosen };
        let watched = watching.learn(name.as_deref(), &values);
        Ok(Admitted { name, variables: values, kind, cost, watched, known: known.clone() })
    }

    fn refuse_dear(&self, cost: usize, viewer: &Viewer) -> Result<(), Refusal> {
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
        Ok(())
    }

    /// A document that is within its bounds and valid; and whether it was not remembered.
    fn learn(&self, text: &str) -> Result<(Arc<Known>, bool), Refusal> {
        let found = self.known.get(text);
        let result = if found.is_some() { "hit" } else { "miss" };
        metrics::counter!("rankedhonor_operation_cache_total", "result" => result).increment(1);
        if let Some(known) = found {
            return Ok((known, false));
        }
        bounds::check_text(text).map_err(|what| refuse_input("query", &what))?;
        let document = Parser::new()
            .token_limit(self.limits.tokens)
            .recursion_limit(NESTING_MAX)
            .parse_ast(text, "query.graphql")
            .map_err(|bad| Refusal::invalid(&bad.errors, &self.limits, self.introspection))?;
        let shape = bounds::check(&document, text, &self.limits)?;
        if shape.introspects && !self.introspection {
            return Err(Refusal::from_error(&Error::Forbidden(
                "introspection is turned off here".into(),
            )));
        }
        // The validator does not know the newest of the schema's own types: those are left to the executor.
        let checked =
            if shape.introspects_only {
                None
            } else {
                let checked = document.to_executable_validate(&self.definitions);
                Some(checked.map_err(|bad| {
                    Refusal::invalid(&bad.errors, &self.limits, self.introspection)
                })?)
            };
        // Its own words are of many lines.
        let mut parsed = async_graphql::parser::parse_query(text).map_err(|_| {
            refuse_input("query", "there is text in this document that cannot be read")
        })?;
        merge::merge(&mut parsed)?;
        let (roots, weight) = (shape.roots, shape.weight);
        Ok((Arc::new(Known { text: text.to_owned(), weight, roots, parsed, checked }), true))
    }
}
