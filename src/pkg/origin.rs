//! What a retriever and all it is given is called: in the lock, in messages, and to tell whether two are the same.

use serde_json::{Value, json};

use super::facts::{GLOBAL, Origin};
use crate::declare::model::{Exec, Program, Source};
use crate::workspace::layout::canonical_json;

/// `crates`, `acme/fetcher`, `index({"path":"../index"})`; with arguments or an environment
/// `acme/fetcher({"args":["-x"],"config":null,"env":{}})`.
pub fn origin(exec: &Exec) -> Origin {
    let name = match &exec.program {
        Program::Std(name) => name.clone(),
        Program::Package(request) => request.wanted.label(),
        Program::File(path) => path.clone(),
    };
    let is_plain = exec.args.is_empty() && exec.env.is_empty();
    let given = match (&exec.config, is_plain) {
        (Value::Null, true) => return name.into(),
        (config, true) => canonical_json(config),
        (config, false) => {
            canonical_json(&json!({"config": config, "args": exec.args, "env": exec.env}))
        }
    };
    format!("{name}({given})").into()
}

/// Where versions of a package come from that is asked for so; `None`: it is asked for by path.
pub fn origin_of(source: &Source) -> Option<Origin> {
    match source {
        Source::Retriever(exec) => Some(origin(exec)),
        Source::Global => Some(GLOBAL.into()),
        Source::Path(_) | Source::Of(..) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches two retrievers with other settings that pass for one, and one that passes for two.
    #[test]
    fn what_is_given_is_part_of_the_origin() {
        let exec = |config: Value, args: &[&str]| Exec {
            program: Program::Std("index".to_owned()),
            config,
            args: args.iter().map(ToString::to_string).collect(),
            env: Default::default(),
        };
        assert_eq!(&*origin(&exec(Value::Null, &[])), "index");
        assert_eq!(
            origin(&exec(json!({"b": 1, "a": "x"}), &[])),
            origin(&exec(json!({"a": "x", "b": 1.0}), &[]))
        );
        assert_ne!(
            origin(&exec(json!({"a": "x"}), &[])),
            origin(&exec(json!({"a": "x"}), &["-v"]))
        );
    }
}
