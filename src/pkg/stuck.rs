//! The error of a resolution in which nothing goes on: who waits for what, as a graph.

use super::PackageIndex;
use super::resolve::Resolver;
use crate::declare::model::{PackageRequest, Program, Source};
use crate::error::{Error, near};

/// Says of each request that nothing answers who makes it, and why it cannot be answered.
pub(super) fn explain(
    resolver: &Resolver<'_>,
    waiting: &[(PackageIndex, PackageRequest)],
) -> Error {
    let packages = &resolver.packages;
    let is_lone = |request: &PackageRequest| request.from == Source::Global;
    if let [(asking, request)] = waiting
        && is_lone(request)
    {
        return not_found(resolver, *asking, request);
    }
    let mut error = Error::user("The packages cannot be resolved: nothing can go on");
    for (asking, request) in waiting {
        let place = request.at.as_ref().map(|at| format!("  ({at})"));
        let by = match &request.from {
            Source::Retriever(exec) => match &exec.program {
                Program::Package(retriever) => {
                    format!(", which `{}` must find first", retriever.wanted.label())
                }
                _ => String::new(),
            },
            Source::Global => ", which nobody defines".to_owned(),
            Source::Path(_) | Source::Of(..) => String::new(),
        };
        error = error
            .cause(format!(
                "`{}` waits for `{}`{by}{}",
                packages.label(*asking),
                request.wanted.label(),
                place.unwrap_or_default()
            ))
            .at_if_absent(request.at.as_ref());
    }
    error.hint("break the circle: one of them must be found without the others")
}

/// A name that nobody defines.
fn not_found(resolver: &Resolver<'_>, asking: PackageIndex, request: &PackageRequest) -> Error {
    let packages = &resolver.packages;
    let label = request.wanted.label();
    let mut known: Vec<String> = packages.decisions.globals.keys().cloned().collect();
    known.extend(packages.indexes().map(|index| packages.label(index)));
    known.sort();
    known.dedup();
    let near = near(&label, known.iter().map(String::as_str));
    let error = Error::user(format!("`{label}` is not there"))
        .cause(format!(
            "`{}` asks for it from the global namespace, and nobody defines it",
            packages.label(asking)
        ))
        .at_if_absent(request.at.as_ref());
    match near.first() {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint(
            "say where it comes from: `from='../path'`, or `from=wake.exec(wake.std.crates)`; or define it with `global=true`",
        ),
    }
}
