//! Fields that a document asks for more than once, as the specification collects them (CollectFields): they are one field
//! with all that was asked of it. The executor would run each of them, and open a stream for each.

use std::collections::{HashMap, HashSet};

use async_graphql::{
    Name, Positioned,
    parser::types::{
        Directive, DocumentOperations, ExecutableDocument, Field, FragmentDefinition,
        InlineFragment, OperationDefinition, OperationType, Selection, SelectionSet,
    },
};

use super::outcome::{Refusal, refuse_input};

type Fragments = HashMap<Name, Positioned<FragmentDefinition>>;
type Directives = Vec<Positioned<Directive>>;

/// Conditions inside each other that fragments put a field under: far above what anybody writes.
const CONDITIONS_MAX: usize = 8;

/// Merges what is there twice: at the roots of operations through all fragments, elsewhere within each selection.
///
/// # Errors
/// BAD_USER_INPUT where the same root field of a mutation or subscription is wanted under different conditions, which
/// would run it more than once.
pub fn merge(document: &mut ExecutableDocument) -> Result<(), Refusal> {
    let operations = match &mut document.operations {
        DocumentOperations::Single(one) => vec![one],
        DocumentOperations::Multiple(many) => many.values_mut().collect(),
    };
    let mut used = HashSet::new();
    for operation in operations {
        at_the_root(&mut operation.node, &document.fragments)?;
        within(&mut operation.node.selection_set.node);
        note_spreads(&operation.node.selection_set.node, &document.fragments, &mut used);
    }
    // The executor refuses fragments that nothing spreads any more.
    document.fragments.retain(|name, _| used.contains(name.as_str()));
    for fragment in document.fragments.values_mut() {
        within(&mut fragment.node.selection_set.node);
    }
    Ok(())
}

/// A field at the root, and the conditions of the fragments around it.
struct Root {
    conditions: Vec<Directives>,
    field: Positioned<Field>,
}

impl Root {
    fn selection(self) -> Positioned<Selection> {
        let pos = self.field.pos;
        let field = Positioned::new(Selection::Field(self.field), pos);
        self.conditions.into_iter().rev().fold(field, |inner, directives| {
            let selection_set = Positioned::new(SelectionSet { items: vec![inner] }, pos);
            let fragment = InlineFragment { type_condition: None, directives, selection_set };
            Positioned::new(Selection::InlineFragment(Positioned::new(fragment, pos)), pos)
        })
    }
}

struct Collecting<'a> {
    fragments: &'a Fragments,
    spread: Vec<(&'a Name, Vec<Directives>)>,
    found: Vec<Root>,
}

fn at_the_root(operation: &mut OperationDefinition, fragments: &Fragments) -> Result<(), Refusal> {
    let items = &operation.selection_set.node.items;
    if items.iter().all(|item| matches!(item.node, Selection::Field(_)))
        && operation.ty == OperationType::Query
    {
        return Ok(());
    }
    let mut all = Collecting { fragments, spread: Vec::new(), found: Vec::new() };
    all.collect(items, &[])?;
    if operation.ty != OperationType::Query {
        let mut keys = HashSet::new();
        for root in &all.found {
            let key = root.field.node.response_key();
            let conditional =
                operation.ty == OperationType::Subscription && !root.conditions.is_empty();
            if conditional || !keys.insert(&key.node) {
                let message = format!("`{}` stands at the root under conditions", key.node);
                return Err(refuse_input("query", &message));
            }
        }
    }
    let merged = all.found.into_iter().map(Root::selection).collect();
    operation.selection_set.node.items = merged;
    Ok(())
}

impl<'a> Collecting<'a> {
    fn collect(
        &mut self,
        items: &'a [Positioned<Selection>],
        conditions: &[Directives],
    ) -> Result<(), Refusal> {
        if conditions.len() > CONDITIONS_MAX {
            return Err(Refusal::too_complex("conditions stand too deep in each other".into()));
        }
        let under = |more: &Directives| {
            let more = (!more.is_empty()).then(|| more.clone());
            conditions.iter().cloned().chain(more).collect::<Vec<_>>()
        };
        for item in items {
            match &item.node {
                Selection::Field(field) => self.put(field, conditions),
                Selection::InlineFragment(inner) => {
                    let set = &inner.node.selection_set.node;
                    self.collect(&set.items, &under(&inner.node.directives))?;
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    let conditions = under(&spread.node.directives);
                    let known = |(seen, under): &(&Name, Vec<Directives>)| {
                        *seen == name && are_alike(under, &conditions)
                    };
                    let Some(found) = self.fragments.get(name) else { continue };
                    if !self.spread.iter().any(known) {
                        self.spread.push((name, conditions.clone()));
                        self.collect(&found.node.selection_set.node.items, &conditions)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn put(&mut self, field: &Positioned<Field>, conditions: &[Directives]) {
        let twin = self.found.iter_mut().find(|known| {
            are_twins(&known.field.node, &field.node) && are_alike(&known.conditions, conditions)
        });
        match twin {
            Some(twin) => take(&mut twin.field.node, &field.node),
            None => {
                self.found.push(Root { conditions: conditions.to_vec(), field: field.clone() });
            }
        }
    }
}

/// Merges the equal fields and spreads of a selection, and of those inside it.
fn within(set: &mut SelectionSet) {
    let mut kept: Vec<Positioned<Selection>> = Vec::with_capacity(set.items.len());
    let mut places: HashMap<String, usize> = HashMap::new();
    for item in std::mem::take(&mut set.items) {
        let key = match &item.node {
            Selection::Field(field) => field.node.response_key().node.to_string(),
            Selection::FragmentSpread(spread) => format!("...{}", spread.node.fragment_name.node),
            Selection::InlineFragment(_) => {
                kept.push(item);
                continue;
            }
        };
        let twin = places.get(&key).and_then(|at| kept.get_mut(*at));
        match (twin.map(|twin| &mut twin.node), &item.node) {
            (Some(Selection::Field(twin)), Selection::Field(field))
                if are_twins(&twin.node, &field.node) =>
            {
                take(&mut twin.node, &field.node);
            }
            (Some(Selection::FragmentSpread(twin)), Selection::FragmentSpread(spread))
                if is_same(&twin.node.directives, &spread.node.directives) => {}
            _ => {
                places.entry(key).or_insert(kept.len());
                kept.push(item);
            }
        }
    }
    for item in &mut kept {
        match &mut item.node {
            Selection::Field(field) => within(&mut field.node.selection_set.node),
            Selection::InlineFragment(inner) => within(&mut inner.node.selection_set.node),
            Selection::FragmentSpread(_) => {}
        }
    }
    set.items = kept;
}

fn take(twin: &mut Field, field: &Field) {
    let more = field.selection_set.node.items.iter().cloned();
    twin.selection_set.node.items.extend(more);
}

fn are_twins(one: &Field, other: &Field) -> bool {
    one.name.node == other.name.node
        && one.response_key().node == other.response_key().node
        && one.arguments.len() == other.arguments.len()
        && one.arguments.iter().all(|argument| other.arguments.contains(argument))
        && is_same(&one.directives, &other.directives)
}

fn are_alike(one: &[Directives], other: &[Directives]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
}

fn is_same(one: &Directives, other: &Directives) -> bool {
    one.len() == other.len()
        && one.iter().zip(other).all(|(one, other)| {
            one.node.name.node == other.node.name.node && one.node.arguments == other.node.arguments
        })
}

/// Notes the fragments that a selection spreads, however deep.
fn note_spreads(set: &SelectionSet, fragments: &Fragments, used: &mut HashSet<String>) {
    for item in &set.items {
        match &item.node {
            Selection::Field(field) => {
                note_spreads(&field.node.selection_set.node, fragments, used);
            }
            Selection::InlineFragment(inner) => {
                note_spreads(&inner.node.selection_set.node, fragments, used);
            }
            Selection::FragmentSpread(spread) => {
                let name = &spread.node.fragment_name.node;
                if let Some(found) = fragments.get(name)
                    && used.insert(name.to_string())
                {
                    note_spreads(&found.node.selection_set.node, fragments, used);
                }
            }
        }
    }
}
