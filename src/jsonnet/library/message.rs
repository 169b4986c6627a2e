//! `wake.info`, `wake.warning` and `wake.fail`: what a task has to say.

use jrsonnet_evaluator::Val;

use super::{Made, opaque};
use crate::event::Level;
use crate::jsonnet::functions::Call;
use crate::jsonnet::session::Evaluated;

pub(in crate::jsonnet) fn info(call: &Call<'_>) -> Evaluated<Val> {
    message(call, Level::Info)
}

pub(in crate::jsonnet) fn warning(call: &Call<'_>) -> Evaluated<Val> {
    message(call, Level::Warning)
}

pub(in crate::jsonnet) fn error(call: &Call<'_>) -> Evaluated<Val> {
    message(call, Level::Error)
}

fn message(call: &Call<'_>, level: Level) -> Evaluated<Val> {
    Ok(opaque(
        call.session(),
        Made::Message(level, call.needed_text(0)?, call.at.clone()),
    ))
}
