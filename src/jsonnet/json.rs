//! Between jsonnet values and JSON. What JSON cannot say is an error that names the place in the value.

use jrsonnet_evaluator::val::ArrValue;
use jrsonnet_evaluator::{ObjValueBuilder, Val};
use serde_json::{Map, Number, Value};

use super::error::raise;
use super::library::made_of;
use super::session::{Evaluated, Session};
use crate::error::Error;

/// Deeper values are refused, so that whoever reads the JSON can use recursion without a thought.
const DEEPEST: usize = 100;

/// The first integer that a double cannot tell from its neighbour.
const FIRST_INEXACT: f64 = 9_007_199_254_740_992.0;

/// The JSON of a value, hidden fields left out. `path` names the value in errors (`Source of wake.recipe`).
pub(super) fn to_json(session: &Session, value: &Val, path: &str) -> Evaluated<Value> {
    start(session, value, path, false)
}

/// As [`to_json`], for the tables that tasks hand on: fields that are functions are left out too.
pub(super) fn to_table(session: &Session, value: &Val, path: &str) -> Evaluated<Value> {
    start(session, value, path, true)
}

fn start(session: &Session, value: &Val, path: &str, drops_functions: bool) -> Evaluated<Value> {
    convert(
        session,
        value,
        &mut Place {
            path: path.to_owned(),
            depth: 0,
            drops_functions,
        },
    )
}

/// Where in the value the conversion is.
struct Place {
    path: String,
    depth: usize,
    drops_functions: bool,
}

impl Place {
    fn below<T>(
        &mut self,
        step: &str,
        convert: impl FnOnce(&mut Self) -> Evaluated<T>,
    ) -> Evaluated<T> {
        let length = self.path.len();
        self.path.push_str(step);
        self.depth += 1;
        let result = convert(self)?;
        self.path.truncate(length);
        self.depth -= 1;
        Ok(result)
    }
}

fn convert(session: &Session, value: &Val, place: &mut Place) -> Evaluated<Value> {
    if place.depth > DEEPEST {
        return Err(raise(
            Error::user(format!(
                "`{}` is nested more than {DEEPEST} levels deep",
                short(&place.path)
            ))
            .cause("probably a value that contains itself"),
        ));
    }
    Ok(match value {
        Val::Null => Value::Null,
        Val::Bool(boolean) => Value::Bool(*boolean),
        Val::Num(number) => Value::Number(to_number(number.get(), &place.path)?),
        Val::Str(text) => Value::String(text.clone().into_flat().to_string()),
        Val::Arr(array) => Value::Array(
            (array.iter().enumerate())
                .map(|(index, item)| {
                    place.below(&format!("[{index}]"), |place| {
                        convert(session, &item?, place)
                    })
                })
                .collect::<Evaluated<_>>()?,
        ),
        Val::Obj(object) => {
            if let Some(made) = made_of(session, value) {
                return Err(raise(Error::user(format!(
                    "`{}` is {}: only plain values can stand here",
                    place.path,
                    made.article()
                ))));
            }
            let mut map = Map::new();
            for (name, item) in object.iter() {
                let item = item?;
                if place.drops_functions && matches!(item, Val::Func(_)) {
                    continue;
                }
                let step = format!(".{name}");
                let item = place.below(&step, |place| convert(session, &item, place))?;
                map.insert(name.to_string(), item);
            }
            Value::Object(map)
        }
        Val::Func(_) => {
            return Err(raise(
                Error::user(format!(
                    "`{}` is a function: only plain values can stand here",
                    place.path
                ))
                .hint("call it, or hide the field with `::`"),
            ));
        }
    })
}

/// The end of a long path says nothing new.
fn short(path: &str) -> String {
    match path.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &path[..end]),
        None => path.to_owned(),
    }
}

fn to_number(number: f64, path: &str) -> Evaluated<Number> {
    if number.abs() >= FIRST_INEXACT {
        return Err(raise(
            Error::user(format!("`{path}` is a number too large to be exact"))
                .cause("jsonnet rounds integers of 2^53 and more")
                .hint("write it as a string"),
        ));
    }
    if number.fract() == 0.0 {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "it is an integer below 2^53"
        )]
        return Ok(Number::from(number as i64));
    }
    Number::from_f64(number)
        .ok_or_else(|| raise(Error::internal(format!("`{path}` is not a finite number"))))
}

/// The jsonnet value of JSON.
pub(super) fn to_value(json: &Value) -> Val {
    match json {
        Value::Null => Val::Null,
        Value::Bool(boolean) => Val::Bool(*boolean),
        Value::Number(number) => number
            .as_f64()
            .and_then(|number| Val::try_num(number).ok())
            .unwrap_or(Val::Null),
        Value::String(text) => Val::string(text.as_str()),
        Value::Array(items) => Val::Arr(items.iter().map(to_value).collect::<ArrValue>()),
        Value::Object(fields) => {
            let mut builder = ObjValueBuilder::with_capacity(fields.len());
            for (name, value) in fields {
                builder.field(name.as_str()).value(to_value(value));
            }
            Val::Obj(builder.build())
        }
    }
}

/// "a string", "an object", … for messages.
pub(super) fn type_name(session: &Session, value: &Val) -> String {
    if let Some(made) = made_of(session, value) {
        return made.article();
    }
    match value {
        Val::Null => "null",
        Val::Bool(_) => "a boolean",
        Val::Num(_) => "a number",
        Val::Str(_) => "a string",
        Val::Arr(_) => "a list",
        Val::Obj(_) => "an object",
        Val::Func(_) => "a function",
    }
    .to_owned()
}
