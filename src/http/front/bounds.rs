//! Bounds that hold before anything walks a document: its fragments are counted once each, and the counts saturate, so a
//! document whose fragments spread each other twice costs no more than its length.

use std::collections::{HashMap, HashSet};

use apollo_compiler::Node;
use apollo_compiler::ast::{
    Definition, Directive, Document, OperationType, Selection, Value as AstValue,
};

use serde_json::Value;

use super::outcome::Refusal;
use crate::config::Limits;

/// What a document looks like.
pub struct Shape {
    /// Whether it asks for the schema.
    pub introspects: bool,
    /// Whether it asks for nothing else.
    pub introspects_only: bool,
    /// The most root fields that one of its operations has.
    pub roots: usize,
    /// About how many bytes it takes to keep it.
    pub weight: usize,
}

/// What a field, an argument or a value takes where a document is kept, parsed and validated: measured, and rounded up.
const NODE_BYTES: usize = 512;

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
    /// Fields at its top, each as often as it is there.
    roots: usize,
    /// How many of [`TYPE_LISTS`] stand in each other.
    type_lists: usize,
}

impl Size {
    fn beside(self, other: Self) -> Self {
        Self {
            fields: self.fields.saturating_add(other.fields),
            aliases: self.aliases.saturating_add(other.aliases),
            depth: self.depth.max(other.depth),
            roots: self.roots.saturating_add(other.roots),
            type_lists: self.type_lists.max(other.type_lists),
        }
    }
}

struct Walk<'a> {
    fragments: HashMap<&'a str, &'a [Selection]>,
    /// None while a fragment is being measured: a cycle, which the validation refuses.
    sizes: HashMap<&'a str, Option<Size>>,
    directives: usize,
    /// Fields, spreads, arguments, values as they are written.
    nodes: usize,
}

impl<'a> Walk<'a> {
    fn measure(&mut self, selections: &'a [Selection]) -> Size {
        selections.iter().fold(Size::default(), |size, selection| size.beside(self.one(selection)))
    }

    fn one(&mut self, selection: &'a Selection) -> Size {
        self.nodes += 1;
        match selection {
            Selection::Field(field) => {
                self.nodes += field.arguments.iter().map(|one| parts(&one.value)).sum::<usize>();
                self.see(&field.directives);
                let inner = self.measure(&field.selection_set);
                let leads_on = TYPE_LISTS.contains(&field.name.as_str());
                Size {
                    fields: inner.fields.saturating_add(1),
                    aliases: inner.aliases.saturating_add(usize::from(field.alias.is_some())),
                    depth: inner.depth.saturating_add(1),
                    roots: 1,
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
        self.nodes += directives.iter().map(|one| 1 + one.arguments.len()).sum::<usize>();
    }

    /// The fields at an operation's top, by what they are called in the answer, and by name.
    fn roots(
        &self,
        selections: &'a [Selection],
        seen: &mut HashSet<&'a str>,
    ) -> HashSet<(&'a str, &'a str)> {
        let mut found = HashSet::new();
        for selection in selections {
            match selection {
                Selection::Field(field) => {
                    found.insert((field.response_name().as_str(), field.name.as_str()));
                }
                Selection::InlineFragment(inner) => {
                    found.extend(self.roots(&inner.selection_set, seen));
                }
                Selection::FragmentSpread(spread) => {
                    let name = spread.fragment_name.as_str();
                    if let Some(inner) = self.fragments.get(name)
                        && seen.insert(name)
                    {
                        found.extend(self.roots(inner, seen));
                    }
                }
            }
        }
        found
    }
}

/// How many values there are in one, itself included.
fn parts(value: &AstValue) -> usize {
    1 + match value {
        AstValue::List(items) => items.iter().map(|item| parts(item)).sum::<usize>(),
        AstValue::Object(fields) => fields.iter().map(|(_, item)| 1 + parts(item)).sum(),
        _ => 0,
    }
}

/// Checks a document against its bounds.
pub fn check(document: &Document, text: &str, limits: &Limits) -> Result<Shape, Refusal> {
    let mut walk =
        Walk { fragments: HashMap::new(), sizes: HashMap::new(), directives: 0, nodes: 0 };
    for definition in &document.definitions {
        if let Definition::FragmentDefinition(fragment) = definition {
            walk.fragments.insert(fragment.name.as_str(), &fragment.selection_set);
            walk.see(&fragment.directives);
        }
    }
    let mut shape = Shape { introspects: false, introspects_only: true, roots: 0, weight: 0 };
    // What one of its operations may have, all of them may have: all are parsed, validated and kept.
    let mut fields = 0_usize;
    for definition in &document.definitions {
        let Definition::OperationDefinition(operation) = definition else { continue };
        walk.see(&operation.directives);
        walk.nodes += operation.variables.len() * 2;
        let size = walk.measure(&operation.selection_set);
        fields = fields.saturating_add(size.fields);
        let roots = walk.roots(&operation.selection_set, &mut HashSet::new());
        let introspects = roots.iter().any(|(_, root)| matches!(*root, "__schema" | "__type"));
        let only = introspects && roots.iter().all(|(_, root)| root.starts_with("__"));
        shape.introspects |= introspects;
        shape.introspects_only &= only && operation.operation_type == OperationType::Query;
        let (root_fields, roots_max) = match operation.operation_type {
            OperationType::Query => (size.roots, limits.query_root_fields),
            OperationType::Mutation => (size.roots, limits.mutation_root_fields),
            // Equal ones are one.
            OperationType::Subscription => (roots.len(), 1),
        };
        refuse_over("fields after its fragments are spread", fields, limits.expanded_fields)?;
        refuse_over("levels", size.depth, limits.depth)?;
        refuse_over("aliases", size.aliases, limits.aliases)?;
        if introspects {
            let what = "lists of types inside each other";
            refuse_over(what, size.type_lists, TYPE_LISTS_MAX)?;
        }
        refuse_over("root fields", root_fields, roots_max)?;
        shape.roots = shape.roots.max(size.roots);
    }
    // Fragments that no operation spreads are validated too, so they are bounded too.
    let names: Vec<_> = walk.fragments.keys().copied().collect();
    for name in names {
        let size = walk.fragment(name);
        refuse_over("fields after its fragments are spread", size.fields, limits.expanded_fields)?;
        refuse_over("levels", size.depth, limits.depth)?;
    }
    refuse_over("directives in one place", walk.directives, limits.directives)?;
    shape.weight = (text.len() * 2).saturating_add(walk.nodes.saturating_mul(NODE_BYTES));
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
    let nul = |rest: &str| match rest.strip_prefix('{') {
        Some(digits) => digits.trim_start_matches('0').starts_with('}'),
        None => rest.starts_with("0000"),
    };
    if text.contains('\0') || text.split("\\u").skip(1).any(nul) {
        return Err(NUL.into());
    }
    Ok(())
}
