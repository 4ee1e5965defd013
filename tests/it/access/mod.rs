//! The table of rules holds: it names all there is, and everybody who may come is let in or kept out as it says, on what is
//! somebody else's.

mod entries;
mod fields;
mod shape;
mod streams;
mod victim;

use std::{collections::BTreeSet, fs, path::Path};

use rankedhonor::resolvers::access::{self, Rule, Seen};

use self::shape::{entries, schema};

#[test]
fn every_entry_point_has_a_rule_and_every_rule_an_entry_point() {
    let schema = schema();
    let there: BTreeSet<_> = entries(&schema).into_iter().map(|entry| entry.name).collect();
    let ruled: BTreeSet<_> = access::entries().map(|(name, _)| name.to_owned()).collect();
    assert_eq!(there, ruled);
    assert_eq!(access::entries().count(), ruled.len(), "an entry point has two rules");
}

#[test]
fn every_field_has_a_rule_and_every_rule_a_field() {
    let schema = schema();
    let mut there = BTreeSet::new();
    for (of, ty) in &schema.types {
        let root = ["Query", "Mutation", "Subscription"].contains(&of.as_str());
        if let Some(object) = ty.as_object().filter(|_| !root && !of.starts_with("__")) {
            there.extend(object.fields.keys().map(|name| format!("{of}.{name}")));
        }
    }
    let name = |(of, name): (&str, &str)| format!("{of}.{name}");
    let ruled: BTreeSet<_> = access::fields().map(|(field, _)| name(field)).collect();
    assert_eq!(there, ruled);
    assert_eq!(access::fields().count(), ruled.len(), "a field has two rules");
    for (of, name) in access::fields().map(|(field, _)| field) {
        let seen = access::of_field(&format!("{of}.{name}"));
        assert_eq!(access::is_personal(of, name), seen != Seen::Everybody, "{of}.{name}");
    }
}

#[test]
fn everything_that_is_found_by_its_id_has_a_rule() {
    let schema = schema();
    let nodes = schema.implementers_map();
    let there: BTreeSet<_> = nodes["Node"].objects.iter().map(ToString::to_string).collect();
    let ruled = access::NODES.iter().flat_map(|(_, names)| names.split(' ').map(str::to_owned));
    assert_eq!(there, ruled.collect());
}

#[test]
fn what_the_table_does_not_name_is_for_admins() {
    assert_eq!(access::of_entry("forgotten"), Rule::Admin);
    assert_eq!(access::of_field("User.forgotten"), Seen::Admins);
    assert_eq!(access::of_node("Forgotten"), Seen::Admins);
    assert!(access::is_personal("User", "forgotten"));
    assert!(access::is_personal("Subscription", "forgotten"));
    assert!(!access::is_personal("User", "__typename"));
}

#[test]
fn the_table_is_documented() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/security.md");
    let docs = fs::read_to_string(docs).unwrap();
    for (name, rule) in access::entries().filter(|(_, rule)| *rule != Rule::Anyone) {
        let row = match rule {
            Rule::SignedIn | Rule::Anyone => "| people with an account |",
            Rule::Moderator => "| moderators and admins |",
            Rule::Admin => "| admins |",
            Rule::ServerOrAdmin => "| game servers and admins |",
        };
        let row =
            docs.lines().find(|line| line.starts_with(row)).unwrap_or_else(|| panic!("{row}"));
        assert!(row.contains(&format!("`{name}`")), "{name} in {row}");
    }
    for ((of, name), seen) in access::fields().filter(|(_, seen)| *seen != Seen::Everybody) {
        let row = docs
            .lines()
            .find(|line| line.starts_with('|') && line.contains(&format!("`{of}.{name}`")));
        let row = row.unwrap_or_else(|| panic!("{of}.{name}"));
        let others = match seen {
            Seen::Owner | Seen::Everybody => &[][..],
            Seen::OwnerAndModerators | Seen::Moderators => &["moderators", "admins"],
            Seen::OwnerAndAdmins | Seen::Admins => &["admins"],
            Seen::OwnerAndServers => &["game servers"],
        };
        for who in ["moderators", "admins", "game servers"] {
            assert_eq!(row.contains(who), others.contains(&who), "{of}.{name}: {row}");
        }
    }
}
