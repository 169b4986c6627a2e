//! The files of a package that its `PKG` imports, directly or not, whether or not evaluation comes to the import: they
//! belong to the package (DESIGN §3.2).
//!
//! It reads programs, parses nothing but the paths and evaluates nothing. Files of other packages and of wake do not
//! count; what is not there is left out, since it is an error only for an evaluation that needs it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jrsonnet_evaluator::parser::{Expr, ParserSettings, Source, parse};

use super::protocol::Read;
use super::session::Scope;
use super::tokens::{Token, Tokens};
use crate::error::Result;
use crate::fs;

/// More links than a path can follow.
const MOST_LINKS: usize = 40;

/// The imported files relative to the package's directory, sorted, without the `PKG` itself; of a file that is reached
/// through links, these too.
pub(super) fn of_package(scope: &Scope) -> Result<Vec<String>> {
    let pkg = scope.package.directory.join("PKG");
    let mut search = Search {
        scope,
        found: BTreeSet::new(),
        programs: Vec::new(),
    };
    search.add_file(pkg.clone(), true)?;
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
        for import in imports(&content) {
            if !import.path.starts_with("wake/") && !import.path.starts_with("pkgs/") {
                self.add(program, &import)?;
            }
        }
        Ok(())
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
        self.add_file(path, import.is_program)
    }

    fn add_file(&mut self, path: PathBuf, is_program: bool) -> Result<()> {
        let found = fs::canonicalize(&path)?;
        if !found.starts_with(&self.scope.package.directory) {
            return Ok(());
        }
        self.add_links(path);
        if is_program && !self.programs.contains(&found) {
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

/// The imports of a program, whether or not it is a good one.
fn imports(program: &[u8]) -> Vec<Import> {
    let mut found = Vec::new();
    let mut tokens = Tokens::new(program).peekable();
    while let Some(token) = tokens.next() {
        let Token::Word(word) = token else {
            continue;
        };
        let is_program = match &program[word] {
            b"import" => true,
            b"importstr" | b"importbin" => false,
            _ => continue,
        };
        if let Some(Token::Text(range)) = tokens.peek()
            && let Some(path) = literal(&program[range.clone()])
        {
            found.push(Import { path, is_program });
        }
    }
    found
}

/// What a string says: the library knows its escapes.
fn literal(text: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(text).ok()?;
    let source = Source::new_virtual("import".into(), text.into());
    match parse(text, &ParserSettings { source }).ok()?.expr() {
        Expr::Str(path) => Some(path.to_string()),
        _ => None,
    }
}
