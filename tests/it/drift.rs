//! What is written down agrees with what runs.

use std::{fs, path::Path};

use rankedhonor::{
    error::{Code, Reason},
    resolvers,
};

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn the_committed_schema_is_the_schema() {
    assert_eq!(read("schema.graphql").trim(), resolvers::sdl().trim(), "run `make schema`");
}

#[test]
fn every_code_and_reason_is_documented() {
    let docs = read("docs/errors.md");
    let names = Code::ALL.map(Code::as_str).into_iter().chain(Reason::ALL.map(Reason::as_str));
    for name in names {
        assert!(docs.contains(&format!("`{name}`")), "docs/errors.md does not speak of {name}");
    }
}

#[test]
fn every_metric_is_documented() {
    let docs = read("docs/operations.md");
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let mut names = std::collections::BTreeSet::new();
    for (_, text) in &files {
        let made = ["counter!(", "gauge!(", "histogram!("];
        for found in made.iter().flat_map(|made| text.split(made).skip(1)) {
            names.extend(
                found.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next()),
            );
        }
    }
    assert!(names.len() > 15, "{names:?}");
    for name in names {
        assert!(docs.contains(&format!("`{name}")), "docs/operations.md does not speak of {name}");
    }
}

/// Who may import whom; `docs/architecture.md` says why.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("error.rs", &[]),
    ("telemetry.rs", &[]),
    ("config", &[]),
    ("game", &[]),
    ("entities", &["game", "error"]),
    ("schema", &["game", "entities", "error"]),
    ("backends", &["game", "entities", "config", "error"]),
    ("services", &["game", "entities", "backends", "config", "error", "telemetry"]),
    ("tasks", &["game", "services", "error"]),
    ("resolvers", &["game", "entities", "schema", "services", "error"]),
    ("http", &["game", "resolvers", "services", "config", "error", "telemetry"]),
];

/// Words that a folder must never contain.
const NEVER: &[(&str, &[&str])] = &[
    ("game", &["async fn", "::now(", "tokio", "sea_orm", "async_graphql"]),
    ("schema", &["async fn", "sea_orm"]),
    ("services", &["async_graphql", "axum"]),
    ("tasks", &["sea_orm", "entities"]),
    ("resolvers", &["sea_orm", "redis", "axum"]),
    ("entities", &["async_graphql", "axum"]),
    ("backends", &["async_graphql", "axum"]),
];

fn sources(path: &Path, found: &mut Vec<(String, String)>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            sources(&entry.unwrap().path(), found);
        }
    } else if path.extension().is_some_and(|ending| ending == "rs") {
        found.push((path.display().to_string(), fs::read_to_string(path).unwrap()));
    }
}

/// The modules of ours that a file names after `crate::`, also within braces.
fn imports(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        if let Some(list) = rest.strip_prefix('{') {
            let mut depth = 1;
            let mut word = String::new();
            let mut fresh = true;
            for c in list.chars() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
                if depth == 1 && (c.is_alphanumeric() || c == '_') && fresh {
                    word.push(c);
                } else {
                    if !word.is_empty() {
                        found.push(std::mem::take(&mut word));
                        fresh = false;
                    }
                    if depth == 1 && c == ',' {
                        fresh = true;
                    }
                }
            }
            if !word.is_empty() {
                found.push(word);
            }
        } else {
            found.push(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    found
}

#[test]
fn data_flows_one_way() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (module, allowed) in MAY_IMPORT {
        let mut files = Vec::new();
        sources(&root.join(module), &mut files);
        assert!(!files.is_empty(), "{module} is empty");
        let own = module.trim_end_matches(".rs");
        for (path, text) in &files {
            for import in imports(text) {
                let fine = import == own || allowed.contains(&import.as_str());
                assert!(fine, "{path} imports {import}, which {module} may not");
            }
        }
        for (_, words) in NEVER.iter().filter(|(name, _)| name == module) {
            for (path, text) in &files {
                for word in *words {
                    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
                    assert!(
                        !code.into_iter().any(|line| line.contains(word)),
                        "{path} contains {word}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_nullable_field_that_can_fail_nulls_itself_only() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/resolvers");
    let mut files = Vec::new();
    sources(&root, &mut files);
    for (path, text) in files {
        let fields =
            text.lines().filter(|line| line.contains("async fn") && line.contains("ctx: &Context"));
        for line in fields {
            let inner = line.contains("fn find(");
            assert!(inner || !line.contains("-> Result<Option<"), "{path}: {line}");
        }
        assert!(!text.contains("guard ="), "{path}: a guard on a nullable field nulls its parent");
    }
}
