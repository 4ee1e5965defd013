//! What the schema has, and questions made from it.

use std::collections::HashMap;

use apollo_compiler::{
    Node, Schema,
    ast::{FieldDefinition, InputValueDefinition, Type},
    schema::ExtendedType,
};
use rankedhonor::resolvers;
use serde_json::{Value, json};

use crate::support::PASSWORD;

/// Ids by what they are of: `user`, `match`, …
pub type Ids = HashMap<&'static str, String>;

pub struct Entry {
    /// `query`, `mutation` or `subscription`.
    pub word: &'static str,
    pub name: String,
    field: Node<FieldDefinition>,
}

pub fn schema() -> Schema {
    Schema::parse_and_validate(resolvers::sdl(), "schema.graphql").unwrap().into_inner()
}

pub fn entries(schema: &Schema) -> Vec<Entry> {
    let roots = [("query", "Query"), ("mutation", "Mutation"), ("subscription", "Subscription")];
    let mut found = Vec::new();
    for (word, root) in roots {
        for (name, field) in &schema.get_object(root).unwrap().fields {
            let field = field.node.clone();
            found.push(Entry { word, name: name.to_string(), field });
        }
    }
    found
}

impl Entry {
    /// An operation that asks this for all that it tells, and its variables.
    pub fn question(&self, schema: &Schema, ids: &Ids) -> (String, Value) {
        let Self { word, name, field } = self;
        let asked: Vec<_> = field.arguments.iter().filter(|a| is_of_use(schema, a)).collect();
        let heads: Vec<_> = asked.iter().map(|a| format!("${}: {}", a.name, a.ty)).collect();
        let passes: Vec<_> = asked.iter().map(|a| format!("{0}: ${0}", a.name)).collect();
        let brackets = |parts: Vec<String>| {
            if parts.is_empty() { String::new() } else { format!("({})", parts.join(", ")) }
        };
        let (heads, passes) = (brackets(heads), brackets(passes));
        let below = selection(schema, field.ty.inner_named_type(), 4);
        let variables = asked
            .iter()
            .map(|a| (a.name.to_string(), value(schema, &a.ty, (name, &a.name), ids)))
            .collect();
        (format!("{word}{heads} {{ {name}{passes} {below} }}"), variables)
    }
}

/// Whether an argument has to be there, or can name what is somebody's.
fn is_of_use(schema: &Schema, input: &InputValueDefinition) -> bool {
    let name = input.ty.inner_named_type();
    input.ty.is_non_null()
        || name == "ID"
        || schema
            .get_input_object(name)
            .is_some_and(|of| of.fields.values().any(|field| field.ty.inner_named_type() == "ID"))
}

/// Something of that type that is well formed, and about somebody else.
fn value(schema: &Schema, ty: &Type, (entry, name): (&str, &str), ids: &Ids) -> Value {
    if ty.is_list() {
        return json!([value(schema, ty.item_type(), (entry, name), ids)]);
    }
    match ty.inner_named_type().as_str() {
        "ID" => {
            let named = match (entry, name) {
                ("markNotificationsRead", _) => "notification",
                ("node" | "nodes", _) => "ticket",
                _ => ["match", "session", "season", "user"]
                    .into_iter()
                    .find(|kind| name.to_lowercase().contains(kind))
                    .unwrap_or(if entry == "match" { "match" } else { "user" }),
            };
            ids[named].clone().into()
        }
        "String" => match (entry, name) {
            ("requestPasswordReset", "email") => ids["email"].clone().into(),
            (_, "email") => "zz@example.com".into(),
            (_, "username") => "zz-new".into(),
            (_, "endpoint") => "a.example:7777".into(),
            ("login", "login") => ids["name"].clone().into(),
            ("login", "password") => "what-somebody-guesses".into(),
            (_, "password" | "currentPassword") => PASSWORD.into(),
            _ => "zz some words zz".into(),
        },
        "Int" => 1.into(),
        "Float" => 1.0.into(),
        "Boolean" => true.into(),
        "DateTime" => "2099-01-01T00:00:00.000Z".into(),
        "ModeId" => "1v1".into(),
        "RegionId" => "eu-west".into(),
        "JSON" => json!({}),
        other => match &schema.types[other] {
            ExtendedType::Enum(words) => words.values.keys().next().unwrap().as_str().into(),
            ExtendedType::InputObject(input) => {
                let one = input.directives.has("oneOf");
                let fields = input.fields.values();
                let fields = fields.filter(|field| one || is_of_use(schema, field));
                // What only admins may look by is refused to others with the rest.
                let fields = fields.filter(|field| field.name != "reportedBy");
                let fields = fields.take(if one { 1 } else { usize::MAX });
                fields
                    .map(|field| {
                        let value = value(schema, &field.ty, (entry, &field.name), ids);
                        (field.name.to_string(), value)
                    })
                    .collect()
            }
            other => panic!("{other:?}"),
        },
    }
}

/// All that can be asked of that type without arguments, so many levels down.
pub fn selection(schema: &Schema, of: &str, levels: usize) -> String {
    let Some(of) = schema.get_object(of) else {
        let abstract_ = schema.get_interface(of).is_some();
        return if abstract_ { "{ __typename id }".into() } else { String::new() };
    };
    let mut asked = vec!["__typename".to_owned()];
    for (name, field) in &of.fields {
        let leaf = schema.get_object(field.ty.inner_named_type()).is_none();
        let needs = field.arguments.iter().any(|argument| argument.ty.is_non_null());
        if !needs && (leaf || levels > 1) {
            asked.push(format!(
                "{name} {}",
                selection(schema, field.ty.inner_named_type(), levels - 1)
            ));
        }
    }
    format!("{{ {} }}", asked.join(" "))
}
