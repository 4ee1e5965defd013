//! Documents that clients name instead of sending them: those of a manifest, which then are the only ones that run, and
//! those that a client sent once with their hash (automatic persisted queries).

use std::{collections::HashMap, path::Path, sync::Arc};

use moka::sync::Cache;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    Operation,
    outcome::{Refusal, refuse_input},
};
use crate::error::Error;

/// Bytes of documents that are kept by their hash, which are texts; the least used are forgotten first.
const KEPT_BYTES: u64 = 4 * 1024 * 1024;

/// See the module.
pub struct Documents {
    /// By their id; none: any document runs.
    trusted: Option<HashMap<String, Arc<str>>>,
    /// By their hash; none: they are not kept.
    kept: Option<Cache<String, Arc<str>>>,
}

impl Documents {
    /// Those of a manifest, with our own, or of clients.
    ///
    /// # Errors
    /// When the manifest cannot be read.
    pub fn new(manifest: &Path, own: Option<&[u8]>, keep: bool) -> Result<Self, Error> {
        let trusted = match manifest.as_os_str().is_empty() {
            true => None,
            false => {
                let bad = |what: &str| {
                    let name = manifest.display();
                    Error::internal(format!("http.trusted_documents: {name}: {what}"))
                };
                let text = std::fs::read(manifest).map_err(|error| bad(&error.to_string()))?;
                let mut trusted = read(&text).map_err(|what| bad(&what))?;
                if let Some(own) = own {
                    trusted.extend(read(own).map_err(Error::internal)?);
                }
                Some(trusted)
            }
        };
        let kept = keep.then(|| {
            Cache::builder()
                .max_capacity(KEPT_BYTES)
                .weigher(|_, text: &Arc<str>| u32::try_from(text.len() + 512).unwrap_or(u32::MAX))
                .build()
        });
        Ok(Self { trusted, kept })
    }

    /// The document that an operation sends or names.
    pub fn find(&self, operation: &Operation) -> Result<Arc<str>, Refusal> {
        let unknown = || Refusal::from_error(&Error::PersistedQueryNotFound);
        let text = Some(operation.query.as_str()).filter(|text| !text.is_empty());
        if let Some(trusted) = &self.trusted {
            return match (text, &operation.hash) {
                (None, Some(id)) => trusted.get(id).cloned().ok_or_else(unknown),
                (Some(text), _) => {
                    let known = trusted.get(&hash(text)).filter(|known| &***known == text);
                    known.cloned().ok_or_else(|| {
                        let message = "only the documents of this server's manifest run here";
                        Refusal::from_error(&Error::Forbidden(message.into()))
                    })
                }
                (None, None) => Err(unknown()),
            };
        }
        match (text, &operation.hash) {
            (Some(text), None) => Ok(text.into()),
            (Some(text), Some(named)) => {
                if hash(text) == *named {
                    return Ok(text.into());
                }
                let message = "this is not the SHA-256 of the query, in hex";
                Err(refuse_input("extensions.persistedQuery.sha256Hash", message))
            }
            (None, Some(named)) => {
                self.kept.as_ref().and_then(|kept| kept.get(named)).ok_or_else(unknown)
            }
            (None, None) => Err(unknown()),
        }
    }

    /// Keeps a document that was let in, where its client named it.
    pub fn keep(&self, named: Option<&String>, text: &Arc<str>) {
        if let (Some(kept), Some(named), None) = (&self.kept, named, &self.trusted)
            && !kept.contains_key(named)
        {
            kept.insert(named.clone(), text.clone());
        }
    }
}

fn hash(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// Reads a manifest: Apollo's (`operations`, each with `id` and `body`), or documents by their hashes as graphql-codegen
/// writes them. Each document is known by its id and by its hash.
fn read(text: &[u8]) -> Result<HashMap<String, Arc<str>>, String> {
    let json: Value = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    let mut found = HashMap::new();
    let mut add = |id: &str, body: &str| {
        let body: Arc<str> = body.into();
        found.insert(hash(&body), body.clone());
        found.insert(id.strip_prefix("sha256:").unwrap_or(id).to_owned(), body);
    };
    match json.get("operations").and_then(Value::as_array) {
        Some(operations) => {
            for operation in operations {
                let text = |name: &str| operation.get(name).and_then(Value::as_str);
                let (id, body) = text("id")
                    .zip(text("body"))
                    .ok_or("each of its operations has an id and a body")?;
                add(id, body);
            }
        }
        None => {
            for (id, body) in json.as_object().ok_or("it is no manifest")? {
                add(id, body.as_str().ok_or("each document is a text")?);
            }
        }
    }
    if found.is_empty() {
        return Err("it has no documents".into());
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{hash, read};

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_manifest_is_read_or_told_what_is_wrong(bytes in any::<Vec<u8>>(), id in "[a-z0-9:]{0,20}", body in ".{0,40}") {
            prop_assert!(read(&bytes).is_ok_and(|found| !found.is_empty()) || read(&bytes).is_err());
            for manifest in [
                serde_json::json!({"operations": [{"id": id, "body": body}]}),
                serde_json::json!({id.clone(): body}),
            ] {
                let Ok(found) = read(manifest.to_string().as_bytes()) else {
                    prop_assert!(id == "operations");
                    continue;
                };
                prop_assert_eq!(&*found[&hash(&body)], &*body);
                prop_assert!(found.contains_key(id.strip_prefix("sha256:").unwrap_or(&id)));
            }
            for wrong in ["{}", "[]", "{\"operations\":[{}]}", "{\"operations\":[]}", "{\"a\":1}"] {
                prop_assert!(read(wrong.as_bytes()).is_err());
            }
        }
    }
}
