//! Whatever is read from outside is tried with made-up input, other each time: it is refused or understood, and nothing falls
//! over. A failure tells the input that made it.

mod edge;
mod lines;
mod sealed;
mod services;
mod urls;

use std::fmt::Debug;

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::{Map, Number, Value};
use tokio::runtime::Runtime;

use crate::support::TestApp;

/// A runtime and a server that runs on it.
pub fn served(make: impl AsyncFnOnce() -> TestApp) -> (Runtime, TestApp) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let app = runtime.block_on(make());
    (runtime, app)
}

/// Tries so many made-up inputs.
pub fn tried<S>(runtime: &Runtime, cases: u32, strategy: S, check: impl AsyncFn(S::Value))
where
    S: Strategy,
    S::Value: Debug,
{
    let config =
        Config { cases, failure_persistence: None, max_shrink_iters: 100, ..Config::default() };
    let done = TestRunner::new(config).run(&strategy, |input| {
        runtime.block_on(check(input));
        Ok(())
    });
    if let Err(failed) = done {
        panic!("{failed}");
    }
}

/// Texts of all kinds, and those that are nearly right.
pub fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "\\PC{0,60}",
        "[a-z]{0,12}_[0-9a-z]{20,30}",
        "[A-Za-z0-9_-]{0,120}",
        "[A-Za-z0-9_-]{1,40}\\.[A-Za-z0-9_-]{1,80}\\.[A-Za-z0-9_-]{1,60}",
        "(user|match|party|season)_[0-7][0-9a-hjkmnp-tv-z]{25}",
        "rh[krmf]_[A-Za-z0-9_-]{0,60}",
    ]
}

/// JSON of all kinds.
pub fn jsons() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|number| Value::Number(number.into())),
        any::<f64>().prop_map(|number| Number::from_f64(number).map_or(Value::Null, Value::Number)),
        texts().prop_map(Value::String),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let field = (texts(), inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::Array),
            prop::collection::vec(field, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Each error of an answer has a code, and none is a fault of ours.
pub fn coded(answer: &Value) {
    for error in answer["errors"].as_array().into_iter().flatten() {
        let code = error["extensions"]["code"].as_str();
        assert!(code.is_some_and(|code| code != "INTERNAL"), "{answer:#}");
    }
}
