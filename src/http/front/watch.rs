//! What is known of a subscription before it runs: which stream it follows, from where on, and whether everybody who asks
//! the same hears the same.

use std::{collections::HashSet, sync::Arc};

use apollo_compiler::{
    ExecutableDocument, Node,
    ast::{OperationType, Value},
    executable::{Field, Operation, Selection, SelectionSet},
};

use crate::resolvers::{
    access,
    watching::{self, Nature},
};

/// See the module.
#[derive(Clone, Debug)]
pub struct Watched {
    /// The stream.
    pub field: String,
    /// Where it begins; none: at its beginning, or now.
    pub after: Option<String>,
    /// How it goes on and what its executions have in common, where they are the same for everybody; none where one of
    /// its fields depends on who asks.
    pub shared: Option<(Nature, Arc<str>)>,
}

/// A valid operation that is looked at.
pub struct Watching<'a> {
    /// The document's text.
    pub text: &'a str,
    /// The document.
    pub document: &'a ExecutableDocument,
    /// Which of its operations.
    pub operation: &'a Node<Operation>,
}

impl Watching<'_> {
    /// Looks at it; none where it is no subscription.
    pub fn learn(&self, name: Option<&str>, variables: &serde_json::Value) -> Option<Watched> {
        if self.operation.operation_type != OperationType::Subscription {
            return None;
        }
        let root = self.root(&self.operation.selection_set)?;
        let field = root.name.to_string();
        let argument = root.argument_by_name("after").ok().map(|value| &**value);
        let after = match argument {
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Variable(name)) => {
                variables.get(name.as_str()).and_then(|value| value.as_str()).map(Into::into)
            }
            _ => None,
        };
        let shared = watching::nature(&field)
            .filter(|_| !self.is_personal(&self.operation.selection_set, &mut HashSet::new()));
        let shared = shared.map(|nature| {
            let mut variables = variables.clone();
            // Where a follower begins does not change what it follows.
            if let (Some(Value::Variable(cursor)), Some(map)) =
                (argument, variables.as_object_mut())
                && self.uses(cursor.as_str()) == 2
            {
                map.remove(cursor.as_str());
            }
            let name = name.unwrap_or_default();
            (nature, format!("{name}\0{variables}\0{}", self.text).into())
        });
        Some(Watched { field, after, shared })
    }

    /// The one field at the root, within whatever fragments.
    fn root<'a>(&'a self, set: &'a SelectionSet) -> Option<&'a Node<Field>> {
        set.selections.iter().find_map(|selection| match selection {
            Selection::Field(field) => Some(field),
            Selection::InlineFragment(inner) => self.root(&inner.selection_set),
            Selection::FragmentSpread(spread) => {
                self.root(&self.document.fragments.get(&spread.fragment_name)?.selection_set)
            }
        })
    }

    fn is_personal<'a>(&'a self, set: &'a SelectionSet, seen: &mut HashSet<&'a str>) -> bool {
        set.selections.iter().any(|selection| match selection {
            Selection::Field(field) => {
                access::is_personal(set.ty.as_str(), field.name.as_str())
                    || self.is_personal(&field.selection_set, seen)
            }
            Selection::InlineFragment(inner) => self.is_personal(&inner.selection_set, seen),
            Selection::FragmentSpread(spread) => {
                let found = self.document.fragments.get(&spread.fragment_name);
                seen.insert(spread.fragment_name.as_str())
                    && found.is_some_and(|found| self.is_personal(&found.selection_set, seen))
            }
        })
    }

    /// How often the text names a variable; more than it uses it where a string or a comment does.
    fn uses(&self, variable: &str) -> usize {
        let name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let after = self.text.split('$').skip(1);
        after
            .filter(|rest| rest.strip_prefix(variable).is_some_and(|rest| !rest.starts_with(name)))
            .count()
    }
}
