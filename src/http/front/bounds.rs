//! Bounds that hold before anything walks a document: its fragments are counted once each, and the counts saturate, so a
//! document whose fragments spread each other twice costs no more than its length.

use std::collections::HashMap;

use apollo_compiler::Node;
use apollo_compiler::ast::{Definition, Directive, Document, OperationType, Selection};

use serde_json::Value;

use super::outcome::Refusal;
use crate::config::Limits;

/// What a document looks like.
pub struct Shape {
    /// Whether it asks for the schema.
    pub introspects: bool,
    /// Whether it asks for nothing else.
    pub introspects_only: bool,
}

/// The fields of a schema's types that lead to lists of further types, and so round and round.
const TYPE_LISTS: [&str; 4] = ["fields", "inputFields", "interfaces", "possibleTypes"];
/// How many of these may stand in each other: tools need one; graphql-js (`MaxIntrospectionDepthRule`) allows two.
const TYPE_LISTS_MAX: usize = 2;

/// The size of a selection after its fragments are spread.
#[derive(Clone, Copy, Default)]
struct Size {
    fields: usize,
    aliases: usize,
    depth: usize,
    /// How many of [`TYPE_LISTS`] stand in each other.
    type_lists: usize,
}

impl Size {
    fn beside(self, other: Self) -> Self {
        Self {
            fields: self.fields.saturating_add(other.fields),
            aliases: self.aliases.saturating_add(other.aliases),
            depth: self.depth.max(other.depth),
            type_lists: self.type_lists.max(other.type_lists),
        }
    }
}

struct Walk<'a> {
    fragments: HashMap<&'a str, &'a [Selection]>,
    /// None while a fragment is being measured: a cycle, which the validation refuses.
    sizes: HashMap<&'a str, Option<Size>>,
    directives: usize,
}

impl<'a> Walk<'a> {
    fn measure(&mut self, selections: &'a [Selection]) -> Size {
        selections.iter().fold(Size::default(), |size, selection| size.beside(self.one(selection)))
    }

    fn one(&mut self, selection: &'a Selection) -> Size {
        match selection {
            Selection::Field(field) => {
                self.see(&field.directives);
                let inner = self.measure(&field.selection_set);
                let leads_on = TYPE_LISTS.contains(&field.name.as_str());
                Size {
                    fields: inner.fields.saturating_add(1),
                    aliases: inner.aliases.saturating_add(usize::from(field.alias.is_some())),
                    depth: inner.depth.saturating_add(1),
                    type_lists: inner.type_lists.saturating_add(usize::from(leads_on)),
                }
            }
            Selection::InlineFragment(fragment) => {
                self.see(&fragment.directives);
                self.measure(&fragment.selection_set)
            }
            Selection::FragmentSpread(spread) => {
                self.see(&spread.directives);
                self.fragment(spread.fragment_name.as_str())
            }
        }
    }

    fn fragment(&mut self, name: &str) -> Size {
        let Some((name, selections)) = self.fragments.get_key_value(name).map(|(k, v)| (*k, *v))
        else {
            return Size::default();
        };
        if let Some(known) = self.sizes.get(name) {
            return known.unwrap_or_default();
        }
        self.sizes.insert(name, None);
        let size = self.measure(selections);
        self.sizes.insert(name, Some(size));
        size
    }

    fn see(&mut self, directives: &[Node<Directive>]) {
        self.directives = self.directives.max(directives.len());
    }

    fn roots(
        &self,
        selections: &'a [Selection],
        seen: &mut Vec<&'a str>,
        found: &mut Vec<&'a str>,
    ) {
        for selection in selections {
            match selection {
                Selection::Field(field) => found.push(field.name.as_str()),
                Selection::InlineFragment(inner) => self.roots(&inner.selection_set, seen, found),
                Selection::FragmentSpread(spread) => {
                    let name = spread.fragment_name.as_str();
                    if let Some(inner) = self.fragments.get(name)
                        && !seen.contains(&name)
                    {
                        seen.push(name);
                        self.roots(inner, seen, found);
                    }
                }
            }
        }
    }
}

/// Checks a document against its bounds.
pub fn check(document: &Document, limits: &Limits) -> Result<Shape, Refusal> {
    let mut walk = Walk { fragments: HashMap::new(), sizes: HashMap::new(), directives: 0 };
    for definition in &document.definitions {
        if let Definition::FragmentDefinition(fragment) = definition {
            walk.fragments.insert(fragment.name.as_str(), &fragment.selection_set);
            walk.see(&fragment.directives);
        }
    }
    let mut shape = Shape { introspects: false, introspects_only: true };
    for definition in &document.definitions {
        let Definition::OperationDefinition(operation) = definition else { continue };
        walk.see(&operation.directives);
        let size = walk.measure(&operation.selection_set);
        let mut roots = Vec::new();
        walk.roots(&operation.selection_set, &mut Vec::new(), &mut roots);
        let introspects = roots.iter().any(|root| matches!(*root, "__schema" | "__type"));
        let only = introspects && roots.iter().all(|root| root.starts_with("__"));
        shape.introspects |= introspects;
        shape.introspects_only &= only && operation.operation_type == OperationType::Query;
        let roots_max = match operation.operation_type {
            OperationType::Query => limits.query_root_fields,
            OperationType::Mutation => limits.mutation_root_fields,
            OperationType::Subscription => 1,
        };
        refuse_over("fields after its fragments are spread", size.fields, limits.expanded_fields)?;
        refuse_over("levels", size.depth, limits.depth)?;
        refuse_over("aliases", size.aliases, limits.aliases)?;
        if introspects {
            let what = "lists of types inside each other";
            refuse_over(what, size.type_lists, TYPE_LISTS_MAX)?;
        }
        refuse_over("root fields", roots.len(), roots_max)?;
    }
    // Fragments that no operation spreads are validated too, so they are bounded too.
    let names: Vec<_> = walk.fragments.keys().copied().collect();
    for name in names {
        let size = walk.fragment(name);
        refuse_over("fields after its fragments are spread", size.fields, limits.expanded_fields)?;
        refuse_over("levels", size.depth, limits.depth)?;
    }
    refuse_over("directives in one place", walk.directives, limits.directives)?;
    Ok(shape)
}

fn refuse_over(what: &str, count: usize, most: usize) -> Result<(), Refusal> {
    if count > most {
        let many = if count == usize::MAX { "too many".to_owned() } else { count.to_string() };
        return Err(Refusal::too_complex(format!(
            "this operation has {many} {what}; at most {most} are allowed"
        )));
    }
    Ok(())
}

const NUL: &str = "the character U+0000 is none that can be kept";

/// Checks a variable's value: how deep it is, and that its text can be kept in every database.
pub fn check_value(value: &Value, depth: usize) -> Result<(), String> {
    let nul = |text: &str| if text.contains('\0') { Err(NUL.to_owned()) } else { Ok(()) };
    let deeper =
        || depth.checked_sub(1).ok_or_else(|| "this value is nested too deeply".to_owned());
    match value {
        Value::String(text) => nul(text),
        Value::Array(items) => {
            let depth = deeper()?;
            items.iter().try_for_each(|item| check_value(item, depth))
        }
        Value::Object(fields) => {
            let depth = deeper()?;
            fields.iter().try_for_each(|(name, item)| {
                nul(name)?;
                check_value(item, depth)
            })
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

/// Checks that the text in a document can be kept in every database.
pub fn check_text(text: &str) -> Result<(), String> {
    let escaped = ["\\u0000", "\\u{0}", "\\u{00}", "\\u{000}", "\\u{0000}"];
    if text.contains('\0') || escaped.iter().any(|nul| text.contains(nul)) {
        return Err(NUL.into());
    }
    Ok(())
}
