//! The way through a program's tree.

use std::collections::HashMap;

use jrsonnet_evaluator::parser::{
    ArgsDesc, BindSpec, CompSpec, Destruct, Expr, FieldMember, FieldName, LocExpr, Member, ObjBody,
    ParamsDesc,
};

use super::Linter;
use super::names::{Kind, Scope, Variable, Words};
use crate::error::{Error, suggestion};
use crate::jsonnet::functions;

/// What wake itself calls functions with, in this order: they are written out even where they are not used, and anew in
/// each function.
const GIVEN_BY_WAKE: [&str; 5] = ["wake", "pkg", "config", "module", "ctx"];

/// Looks at all of a program.
pub(super) fn walk(linter: &mut Linter<'_>) {
    let program = linter.program;
    let mut walk = Walk {
        words: Words::of(&program.text),
        scope: Scope::default(),
        linter,
    };
    walk.scope.push(Variable {
        name: "std".to_owned(),
        kind: Kind::Given,
        place: 0,
        is_used: true,
    });
    walk.expression(&program.tree);
}

struct Walk<'a, 'b> {
    linter: &'a mut Linter<'b>,
    words: Words<'b>,
    scope: Scope,
}

impl Walk<'_, '_> {
    fn expression(&mut self, expression: &LocExpr) {
        let start = start(expression);
        match expression.expr() {
            Expr::Literal(_) | Expr::Str(_) | Expr::Num(_) => {}
            Expr::Var(name) => self.variable(name, start),
            Expr::Arr(items) => items.iter().for_each(|item| self.expression(item)),
            Expr::ArrComp(item, specs) => {
                self.comprehension(specs, start, |walk| walk.expression(item))
            }
            Expr::Obj(body) => self.object(body, start),
            Expr::ObjExtend(base, body) => {
                self.expression(base);
                self.object(body, end(base));
            }
            Expr::Parened(inner) | Expr::UnaryOp(_, inner) | Expr::ErrorStmt(inner) => {
                self.expression(inner)
            }
            Expr::BinaryOp(left, _, right) => {
                self.expression(left);
                self.expression(right);
            }
            Expr::AssertExpr(assertion, rest) => {
                self.expression(&assertion.0);
                assertion
                    .1
                    .iter()
                    .for_each(|message| self.expression(message));
                self.expression(rest);
            }
            Expr::LocalExpr(binds, body) => {
                self.binds(&binds.iter().collect::<Vec<_>>(), start, |walk| {
                    walk.expression(body)
                });
            }
            Expr::Import(path) | Expr::ImportStr(path) | Expr::ImportBin(path) => self.import(path),
            Expr::Apply(function, arguments, _) => self.call(function, arguments),
            Expr::Index { indexable, parts } => {
                self.field_of_wake(expression);
                self.expression(indexable);
                parts.iter().for_each(|part| self.expression(&part.value));
            }
            Expr::Function(parameters, body) => self.function(parameters, body, start, Kind::Given),
            Expr::IfElse {
                cond,
                cond_then,
                cond_else,
            } => {
                self.expression(&cond.0);
                self.expression(cond_then);
                cond_else.iter().for_each(|other| self.expression(other));
            }
            Expr::Slice(value, slice) => {
                self.expression(value);
                let parts = [&slice.start, &slice.end, &slice.step];
                parts
                    .into_iter()
                    .flatten()
                    .for_each(|part| self.expression(part));
            }
        }
    }

    fn variable(&mut self, name: &str, place: usize) {
        if !self.scope.mark_used(name) {
            let error = Error::user(format!("There is no variable `{name}`"));
            let near = suggestion(name, self.scope.names());
            self.linter
                .error(place, name.len(), error.hint_option(near));
        }
    }

    fn import(&mut self, path: &LocExpr) {
        match path.expr() {
            Expr::Str(text) => {
                let (start, end) = (start(path), end(path));
                self.linter.import(start, end - start, text);
            }
            _ => self.expression(path),
        }
    }

    /// Brings variables into scope, does `inside`, and ends their scope.
    fn within(&mut self, variables: Vec<Variable>, inside: impl FnOnce(&mut Self)) {
        let count = variables.len();
        for variable in &variables {
            self.shadowing(variable);
        }
        for variable in variables {
            self.scope.push(variable);
        }
        inside(self);
        for variable in self.scope.pop(count) {
            self.unused(&variable);
        }
    }

    fn shadowing(&mut self, variable: &Variable) {
        let name = variable.name.as_str();
        let is_usual = variable.kind == Kind::Given && GIVEN_BY_WAKE.contains(&name);
        let Some(hidden) = self.scope.get(name).filter(|_| !is_usual) else {
            return;
        };
        let place = match name {
            "std" => None,
            _ => self
                .linter
                .program
                .locate(self.linter.session, hidden.place, hidden.place),
        };
        let error = Error::user(format!("`{name}` hides another variable of that name"));
        let error = match place {
            Some(place) => error.cause(format!("the other one is at {place}")),
            None => error.cause("it is the standard library"),
        };
        self.linter.warning(variable.place, name.len(), error);
    }

    fn unused(&mut self, variable: &Variable) {
        let name = variable.name.as_str();
        if variable.is_used || name.starts_with('_') || GIVEN_BY_WAKE.contains(&name) {
            return;
        }
        let what = match variable.kind {
            Kind::Local => "local",
            Kind::Parameter => "parameter",
            Kind::Given => return,
        };
        let error = Error::user(format!("The {what} `{name}` is not used")).hint_option(
            (variable.kind == Kind::Parameter).then(|| format!("remove it, or call it `_{name}`")),
        );
        self.linter.warning(variable.place, name.len(), error);
    }

    /// Says which of some names are there twice.
    fn doubles(&mut self, what: &str, names: &[(String, usize)]) {
        let mut seen: HashMap<&str, usize> = HashMap::new();
        for (name, place) in names {
            let Some(first) = seen.insert(name, *place) else {
                continue;
            };
            let first = self
                .linter
                .program
                .locate(self.linter.session, first, first);
            let error = Error::user(format!("The {what} `{name}` is there twice"));
            let error = match first {
                Some(first) => error.cause(format!("the first is at {first}")),
                None => error,
            };
            self.linter.error(*place, name.len(), error);
        }
    }

    /// The `local`s of an expression or an object, from `start` on, and what sees them.
    fn binds(&mut self, binds: &[&BindSpec], start: usize, inside: impl FnOnce(&mut Self)) {
        let mut from = start;
        let mut variables = Vec::new();
        for bind in binds {
            let (name, value) = match bind {
                BindSpec::Field { into, value } => (name_of(into), value),
                BindSpec::Function { name, value, .. } => (Some(name.to_string()), value),
            };
            let Some(name) = name else { continue };
            let (place, _) = self.words.find(&name, from);
            from = end(value);
            variables.push(local(name, Kind::Local, place));
        }
        let places: Vec<usize> = variables.iter().map(|variable| variable.place).collect();
        let names = variables.iter().map(|one| (one.name.clone(), one.place));
        self.doubles("local", &names.collect::<Vec<_>>());
        self.within(variables, |walk| {
            for (bind, place) in binds.iter().zip(places) {
                walk.bind(bind, place);
            }
            inside(walk);
        });
    }

    fn bind(&mut self, bind: &BindSpec, place: usize) {
        match bind {
            BindSpec::Field { value, .. } => match value.expr() {
                Expr::Function(parameters, body) => {
                    self.function(parameters, body, start(value), Kind::Parameter);
                }
                _ => self.expression(value),
            },
            BindSpec::Function {
                name,
                params,
                value,
            } => self.function(params, value, place + name.len(), Kind::Parameter),
        }
    }

    /// A function whose parameters stand from `start` on.
    fn function(&mut self, parameters: &ParamsDesc, body: &LocExpr, start: usize, kind: Kind) {
        let mut from = start;
        let mut variables = Vec::new();
        for parameter in parameters.iter() {
            let Some(name) = name_of(&parameter.0) else {
                continue;
            };
            let (place, length) = self.words.find(&name, from);
            from = parameter.1.as_ref().map_or(place + length, end);
            variables.push(local(name, kind, place));
        }
        let names = variables.iter().map(|one| (one.name.clone(), one.place));
        self.doubles("parameter", &names.collect::<Vec<_>>());
        self.within(variables, |walk| {
            let defaults = parameters
                .iter()
                .filter_map(|parameter| parameter.1.as_ref());
            defaults.for_each(|default| walk.expression(default));
            walk.expression(body);
        });
    }

    fn comprehension(&mut self, specs: &[CompSpec], start: usize, inside: impl FnOnce(&mut Self)) {
        let Some((first, others)) = specs.split_first() else {
            inside(self);
            return;
        };
        match first {
            CompSpec::IfSpec(condition) => {
                self.expression(&condition.0);
                self.comprehension(others, start, inside);
            }
            CompSpec::ForSpec(over) => {
                self.expression(&over.1);
                let before = start.max(
                    self.linter.program.text[..self::start(&over.1)]
                        .rfind("for")
                        .unwrap_or(0),
                );
                let name = name_of(&over.0);
                let variable = name.map(|name| {
                    let (place, _) = self.words.find(&name, before);
                    local(name, Kind::Given, place)
                });
                self.within(variable.into_iter().collect(), |walk| {
                    walk.comprehension(others, start, inside);
                });
            }
        }
    }

    fn object(&mut self, body: &ObjBody, start: usize) {
        match body {
            ObjBody::MemberList(members) => self.members(members, start),
            ObjBody::ObjComp(object) => {
                let locals: Vec<&BindSpec> = object
                    .pre_locals
                    .iter()
                    .chain(&object.post_locals)
                    .collect();
                self.comprehension(&object.compspecs, start, |walk| {
                    walk.field_name(&object.field);
                    walk.binds(&locals, start, |walk| {
                        walk.field_value(&object.field, start)
                    });
                });
            }
        }
    }

    fn members(&mut self, members: &[Member], start: usize) {
        let mut locals = Vec::new();
        let mut names: Vec<(String, usize)> = Vec::new();
        // Where the member before ended.
        let mut from = start;
        let mut places = Vec::new();
        for member in members {
            places.push(from);
            from = match member {
                Member::Field(field) => {
                    self.field_name(field);
                    if let FieldName::Fixed(name) = &field.name {
                        names.push((name.to_string(), self.words.find(name, from).0));
                    }
                    end(&field.value)
                }
                Member::BindStmt(bind) => {
                    locals.push(bind);
                    match bind {
                        BindSpec::Field { value, .. } | BindSpec::Function { value, .. } => {
                            end(value)
                        }
                    }
                }
                Member::AssertStmt(assertion) => end(assertion.1.as_ref().unwrap_or(&assertion.0)),
            };
        }
        self.doubles("field", &names);
        let first = members
            .iter()
            .position(|member| matches!(member, Member::BindStmt(_)));
        let first = first.map_or(start, |index| places[index]);
        self.binds(&locals, first, |walk| {
            for (member, place) in members.iter().zip(&places) {
                match member {
                    Member::Field(field) => walk.field_value(field, *place),
                    Member::BindStmt(_) => {}
                    Member::AssertStmt(assertion) => {
                        walk.expression(&assertion.0);
                        assertion
                            .1
                            .iter()
                            .for_each(|message| walk.expression(message));
                    }
                }
            }
        });
    }

    fn field_name(&mut self, field: &FieldMember) {
        if let FieldName::Dyn(name) = &field.name {
            self.expression(name);
        }
    }

    /// The value of a field that stands from `from` on.
    fn field_value(&mut self, field: &FieldMember, from: usize) {
        match &field.params {
            Some(parameters) => {
                let from = match &field.name {
                    FieldName::Fixed(name) => {
                        let (place, length) = self.words.find(name, from);
                        place + length
                    }
                    FieldName::Dyn(name) => end(name),
                };
                self.function(parameters, &field.value, from, Kind::Given);
            }
            None => self.expression(&field.value),
        }
    }

    fn call(&mut self, function: &LocExpr, arguments: &ArgsDesc) {
        if let Some((of, name)) = self.given_function(function) {
            let named: Vec<&str> = arguments.named.iter().map(|(name, _)| &**name).collect();
            let checked =
                functions::check_call(&format!("{of}.{name}"), arguments.unnamed.len(), &named);
            if let Err(error) = checked {
                let start = start(function);
                self.linter.error(start, end(function) - start, error);
            }
        }
        self.expression(function);
        let named = arguments.named.iter().map(|(_, value)| value);
        for value in arguments.unnamed.iter().chain(named) {
            self.expression(value);
        }
    }

    /// `wake` or `ctx`, and the name of what is read from it, if that is all that an expression does.
    fn given_function(&self, expression: &LocExpr) -> Option<(String, String)> {
        let Expr::Index { indexable, parts } = expression.expr() else {
            return None;
        };
        let (Expr::Var(of), [part]) = (indexable.expr(), parts.as_slice()) else {
            return None;
        };
        let Expr::Str(name) = part.value.expr() else {
            return None;
        };
        let variable = self.scope.get(of)?;
        let is_given = variable.kind != Kind::Local && matches!(&**of, "wake" | "ctx");
        is_given.then(|| (of.to_string(), name.to_string()))
    }

    /// Checks that `wake` has what is read from it.
    fn field_of_wake(&mut self, expression: &LocExpr) {
        let Expr::Index { indexable, parts } = expression.expr() else {
            return;
        };
        let Some(Expr::Str(name)) = parts.first().map(|part| part.value.expr()) else {
            return;
        };
        let is_wake = matches!(indexable.expr(), Expr::Var(of) if &**of == "wake");
        let is_given = self
            .scope
            .get("wake")
            .is_some_and(|wake| wake.kind != Kind::Local);
        if is_wake && is_given && !functions::names().any(|known| known == &**name) {
            let error = Error::user(format!("`wake` has no `{name}`"));
            let place = self.words.find(name, end(indexable)).0;
            let near = suggestion(name, functions::names());
            self.linter
                .error(place, name.len(), error.hint_option(near));
        }
    }
}

fn local(name: String, kind: Kind, place: usize) -> Variable {
    Variable {
        name,
        kind,
        place,
        is_used: false,
    }
}

fn name_of(destruct: &Destruct) -> Option<String> {
    destruct.name().map(|name| name.to_string())
}

fn start(expression: &LocExpr) -> usize {
    expression.span().1 as usize
}

fn end(expression: &LocExpr) -> usize {
    expression.span().2 as usize
}
