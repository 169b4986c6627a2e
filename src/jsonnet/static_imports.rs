//! The files of a package that its `PKG` imports, directly or not, whether or not evaluation comes to the import: they
//! belong to the package (DESIGN §3.2).
//!
//! It reads programs and evaluates nothing. Files of other packages and of wake do not count; what cannot be read is
//! left out, since it is an error only for an evaluation that needs it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use jrsonnet_evaluator::parser::{
    ArgsDesc, AssertStmt, BindSpec, CompSpec, Expr, FieldMember, FieldName, LocExpr, Member,
    ObjBody, ParamsDesc, ParserSettings, Source, parse,
};

use super::import::{Owner, PackageFile, too_deep};
use super::protocol::Read;
use super::session::Scope;
use crate::error::Result;
use crate::fs;

/// What no program without imports holds.
const WORD: &str = "import";

/// More links than a path can follow.
const MOST_LINKS: usize = 40;

/// The imported files relative to the package's directory, sorted, without the `PKG` itself; of a file that is reached
/// through links, these too.
pub(super) fn of_package(scope: &Scope) -> Result<Vec<String>> {
    let pkg = scope.package.directory.join("PKG");
    let mut search = Search {
        scope,
        found: BTreeSet::new(),
        programs: vec![fs::canonicalize(&pkg)?],
    };
    let mut next = 0;
    while let Some(program) = search.programs.get(next).cloned() {
        search.follow(&program)?;
        next += 1;
    }
    search.found.remove(&pkg);
    let directory = &scope.package.directory;
    Ok((search.found.iter())
        .filter_map(|path| path.strip_prefix(directory).ok()?.to_str())
        .map(ToOwned::to_owned)
        .collect())
}

/// An import as it is written.
struct Import {
    path: String,
    is_program: bool,
}

struct Search<'a> {
    scope: &'a Scope,
    /// Absolute paths, as they are written and without links.
    found: BTreeSet<PathBuf>,
    /// Without links, each once; those before the current one are done.
    programs: Vec<PathBuf>,
}

impl Search<'_> {
    fn follow(&mut self, program: &Path) -> Result<()> {
        let Some(content) = self.scope.session.read_file(program)? else {
            return Ok(());
        };
        for import in self.imports(program, &content) {
            if !import.path.starts_with("wake/") && !import.path.starts_with("pkgs/") {
                self.add(program, &import)?;
            }
        }
        Ok(())
    }

    /// The imports of a program; none if it is not one.
    fn imports(&self, program: &Path, content: &[u8]) -> Vec<Import> {
        let Ok(text) = std::str::from_utf8(content) else {
            return Vec::new();
        };
        if !text.contains(WORD) || too_deep(content).is_some() {
            return Vec::new();
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let owner = Owner::Package(Rc::clone(&self.scope.package));
        let source = Source::new(PackageFile::source(program.to_owned(), owner), text.into());
        let mut found = Vec::new();
        if let Ok(expression) = parse(text, &ParserSettings { source }) {
            in_expression(&expression, &mut found);
        }
        found
    }

    fn add(&mut self, program: &Path, import: &Import) -> Result<()> {
        let directory = &self.scope.package.directory;
        let parent = program.parent().unwrap_or(directory);
        let path = fs::path::clean(&parent.join(&import.path));
        if !path.starts_with(directory) {
            return Ok(());
        }
        let exists = fs::is_file(&path);
        self.scope.session.record(Read::Existence {
            path: path.clone(),
            exists,
        });
        if !exists {
            return Ok(());
        }
        let found = fs::canonicalize(&path)?;
        if !found.starts_with(directory) {
            return Ok(());
        }
        self.add_links(path);
        if import.is_program && !self.programs.contains(&found) {
            self.programs.push(found.clone());
        }
        self.found.insert(found);
        Ok(())
    }

    /// Adds a path and, if it is a link, those that it leads through.
    fn add_links(&mut self, mut path: PathBuf) {
        for _ in 0..MOST_LINKS {
            let target = fs::link_target(&path);
            let parent = path.parent().map(Path::to_owned);
            self.found.insert(path);
            let (Some(target), Some(parent)) = (target, parent) else {
                return;
            };
            path = fs::path::clean(&parent.join(target));
        }
    }
}

fn in_expression(expression: &LocExpr, found: &mut Vec<Import>) {
    match expression.expr() {
        Expr::Import(path) => add(path, true, found),
        Expr::ImportStr(path) | Expr::ImportBin(path) => add(path, false, found),
        Expr::Literal(_) | Expr::Str(_) | Expr::Num(_) | Expr::Var(_) => {}
        Expr::Arr(items) => in_all(items, found),
        Expr::ArrComp(item, steps) => {
            in_expression(item, found);
            in_steps(steps, found);
        }
        Expr::Obj(body) => in_body(body, found),
        Expr::ObjExtend(object, body) => {
            in_expression(object, found);
            in_body(body, found);
        }
        Expr::Parened(inner) | Expr::UnaryOp(_, inner) | Expr::ErrorStmt(inner) => {
            in_expression(inner, found);
        }
        Expr::BinaryOp(left, _, right) => in_all([left, right], found),
        Expr::AssertExpr(assertion, rest) => {
            in_assertion(assertion, found);
            in_expression(rest, found);
        }
        Expr::LocalExpr(bindings, rest) => {
            in_bindings(bindings, found);
            in_expression(rest, found);
        }
        Expr::Apply(function, ArgsDesc { unnamed, named }, _) => {
            in_expression(function, found);
            in_all(unnamed, found);
            in_all(named.iter().map(|(_, argument)| argument), found);
        }
        Expr::Index { indexable, parts } => {
            in_expression(indexable, found);
            in_all(parts.iter().map(|part| &part.value), found);
        }
        Expr::Function(parameters, body) => {
            in_parameters(parameters, found);
            in_expression(body, found);
        }
        Expr::IfElse {
            cond,
            cond_then,
            cond_else,
        } => {
            in_all([&cond.0, cond_then], found);
            in_all(cond_else, found);
        }
        Expr::Slice(list, slice) => {
            in_expression(list, found);
            let bounds = [&slice.start, &slice.end, &slice.step];
            in_all(bounds.into_iter().flatten(), found);
        }
    }
}

/// Evaluation refuses a path that is no literal.
fn add(path: &LocExpr, is_program: bool, found: &mut Vec<Import>) {
    if let Expr::Str(path) = path.expr() {
        found.push(Import {
            path: path.to_string(),
            is_program,
        });
    }
}

fn in_all<'a>(expressions: impl IntoIterator<Item = &'a LocExpr>, found: &mut Vec<Import>) {
    for expression in expressions {
        in_expression(expression, found);
    }
}

fn in_assertion(AssertStmt(condition, message): &AssertStmt, found: &mut Vec<Import>) {
    in_expression(condition, found);
    in_all(message, found);
}

fn in_parameters(parameters: &ParamsDesc, found: &mut Vec<Import>) {
    in_all(
        (parameters.iter()).filter_map(|parameter| parameter.1.as_ref()),
        found,
    );
}

fn in_bindings(bindings: &[BindSpec], found: &mut Vec<Import>) {
    for binding in bindings {
        match binding {
            BindSpec::Field { value, .. } => in_expression(value, found),
            BindSpec::Function { params, value, .. } => {
                in_parameters(params, found);
                in_expression(value, found);
            }
        }
    }
}

fn in_steps(steps: &[CompSpec], found: &mut Vec<Import>) {
    for step in steps {
        match step {
            CompSpec::IfSpec(condition) => in_expression(&condition.0, found),
            CompSpec::ForSpec(each) => in_expression(&each.1, found),
        }
    }
}

fn in_body(body: &ObjBody, found: &mut Vec<Import>) {
    match body {
        ObjBody::MemberList(members) => {
            for member in members {
                match member {
                    Member::Field(field) => in_field(field, found),
                    Member::BindStmt(binding) => in_bindings(std::slice::from_ref(binding), found),
                    Member::AssertStmt(assertion) => in_assertion(assertion, found),
                }
            }
        }
        ObjBody::ObjComp(comprehension) => {
            in_bindings(&comprehension.pre_locals, found);
            in_field(&comprehension.field, found);
            in_bindings(&comprehension.post_locals, found);
            in_steps(&comprehension.compspecs, found);
        }
    }
}

fn in_field(field: &FieldMember, found: &mut Vec<Import>) {
    if let FieldName::Dyn(name) = &field.name {
        in_expression(name, found);
    }
    if let Some(parameters) = &field.params {
        in_parameters(parameters, found);
    }
    in_expression(&field.value, found);
}
