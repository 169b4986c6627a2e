//! A workspace of small operations that is told in lines what happens to it, and after each build compared with a clean
//! one. What a story about an incremental build is written with.
//!
//! ```text
//! op NAME: INPUT… | ORDER-ONLY… -> OUTPUT… = SCRIPT
//!                    an operation, new or otherwise than before. `NAME@lib`: of the module `lib`, on which `root`
//!                    depends. An input is a file of the package, `:x` what another operation of the module makes,
//!                    `lib:x` what one of `lib` makes. The script runs in `sh -e`; @i all inputs, @0 and @1 the outputs,
//!                    @t the target directory. Without one, each output is what all inputs contain, and it fails, after
//!                    it wrote, if one contains BAD. `OUTPUT.d` is a depfile, if it is the last.
//! drop NAME          the operation is no more
//! file PATH TEXT     a file of the package is written; TEXT may be empty
//! keep PATH TEXT     the same, and its time is what it was
//! old PATH           its time becomes that of long ago, its content stays
//! swap PATH TEXT     a new file is renamed over it
//! dir PATH           an empty directory · rm PATH · mv FROM TO · ln TEXT PATH a link
//! out PATH TEXT      an output is edited by hand; `outdir`, `outrm`, `outln TEXT PATH` likewise; `lib:PATH`: one of `lib`
//! mine PATH TEXT     a file of the user's in the target directory, which must stay as it is; `unmine PATH`: that ends
//! flavor NAME        the builds that follow are of this flavor
//! no-monitor         the builds that follow are not observed
//! build NAME…        must succeed, and run these and no others; `build` alone: whatever; `build -`: nothing.
//!                    It must leave what a clean build leaves, and nothing to do.
//! fail NAME…         must fail, with these and no others; their outputs are not there, if they were tried at all
//! wrong TEXT         the build must be refused with this in its message, and nothing is touched
//! has PATH TEXT      what an output contains · gone PATH
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::{Run, Space};

#[derive(Clone, Default)]
struct Operation {
    inputs: Vec<String>,
    order_only: Vec<String>,
    outputs: Vec<String>,
    script: String,
}

/// See the module.
pub(crate) struct Stage {
    space: Space,
    /// By name.
    operations: BTreeMap<String, Operation>,
    is_changed: bool,
    mine: BTreeSet<PathBuf>,
    flavor: Option<String>,
    is_unmonitored: bool,
    /// Target directories, by flavor and module.
    targets: BTreeMap<(Option<String>, &'static str), PathBuf>,
    told: Vec<String>,
}

/// What is at a path: a kind and a content.
type Tree = BTreeMap<PathBuf, String>;

impl Stage {
    pub(crate) fn new() -> Self {
        Self {
            space: Space::new(),
            operations: BTreeMap::new(),
            is_changed: true,
            mine: BTreeSet::new(),
            flavor: None,
            is_unmonitored: false,
            targets: BTreeMap::new(),
            told: Vec::new(),
        }
    }

    pub(crate) fn space(&self) -> &Space {
        &self.space
    }

    /// Plays a whole story.
    #[track_caller]
    pub(crate) fn play(story: &str) {
        Self::new().tell(story);
    }

    /// Plays some lines.
    #[track_caller]
    pub(crate) fn tell(&mut self, story: &str) -> &mut Self {
        for line in story.lines().map(str::trim).filter(|line| !line.is_empty()) {
            self.told.push(line.to_owned());
            self.line(line);
        }
        self
    }

    #[track_caller]
    fn line(&mut self, line: &str) {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (first, second) = rest.split_once(' ').unwrap_or((rest, ""));
        let text = format!("{second}\n");
        match verb {
            "op" => self.declare(rest),
            "drop" => {
                assert!(self.operations.remove(first).is_some(), "{line}");
                self.is_changed = true;
            }
            "file" | "keep" | "old" | "swap" | "dir" | "rm" => self.change(verb, first, &text),
            "mv" => std::fs::rename(self.space.path(first), self.space.path(second)).unwrap(),
            "ln" => self.link(self.space.path(second), first),
            "out" => put(&self.made(first), &text),
            "outdir" => std::fs::create_dir_all(self.made(first)).unwrap(),
            "outrm" => remove(&self.made(first)),
            "outln" => {
                let path = self.made(second);
                self.link(path, first);
            }
            "mine" => {
                let path = self.made(first);
                put(&path, &text);
                self.mine.insert(path);
            }
            "unmine" => {
                let path = self.made(first);
                assert!(self.mine.remove(&path), "{line}");
            }
            "flavor" => self.flavor = Some(rest.to_owned()),
            "no-monitor" => self.is_unmonitored = true,
            "build" => self.build(rest),
            "fail" => self.fail(rest),
            "wrong" => self.wrong(rest),
            "has" => {
                let is = std::fs::read_to_string(self.made(first)).unwrap_or_default();
                assert_eq!(is, text, "{}", self.story());
            }
            "gone" => assert!(
                self.made(first).symlink_metadata().is_err(),
                "`{first}` is there\n{}",
                self.story()
            ),
            _ => panic!("no such line: {line}"),
        }
    }

    fn declare(&mut self, text: &str) {
        let (name, rest) = text.split_once(':').expect("a name");
        let (rest, script) = rest.split_once(" = ").unwrap_or((rest, ""));
        let (inputs, outputs) = rest.split_once("->").expect("outputs");
        let (inputs, order_only) = inputs.split_once('|').unwrap_or((inputs, ""));
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
        let operation = Operation {
            inputs: words(inputs),
            order_only: words(order_only),
            outputs: words(outputs),
            script: script.to_owned(),
        };
        self.operations.insert(name.to_owned(), operation);
        self.is_changed = true;
    }

    fn change(&self, verb: &str, path: &str, text: &str) {
        let path = self.space.path(path);
        let time = || path.metadata().and_then(|data| data.modified()).unwrap();
        let set_time = |time| {
            let file = std::fs::File::options().write(true).open(&path).unwrap();
            file.set_modified(time).unwrap();
        };
        match verb {
            "file" => put(&path, text),
            "keep" => {
                let before = time();
                put(&path, text);
                set_time(before);
            }
            "old" => set_time(std::time::UNIX_EPOCH),
            "swap" => {
                let new = path.with_extension("new");
                put(&new, text);
                std::fs::rename(new, &path).unwrap();
            }
            "dir" => std::fs::create_dir_all(&path).unwrap(),
            _ => remove(&path),
        }
    }

    fn link(&self, path: PathBuf, text: &str) {
        if path.symlink_metadata().is_ok() {
            remove(&path);
        }
        std::os::unix::fs::symlink(text, path).unwrap();
    }

    /// Where an output lies.
    pub(crate) fn made(&mut self, path: &str) -> PathBuf {
        let (module, path) = match path.strip_prefix("lib:") {
            Some(path) => ("lib", path),
            None => ("root", path),
        };
        self.write_package();
        let key = (self.flavor.clone(), module);
        if !self.targets.contains_key(&key) {
            let run = self.wake(&["target", &format!(":{module}")]).success();
            self.targets
                .insert(key.clone(), PathBuf::from(run.stdout.trim()));
        }
        self.targets[&key].join(path)
    }

    fn package(&self) -> String {
        let module = |name: &str| {
            let operations = self.operations.iter();
            let of_it = operations.filter(|(title, _)| title.ends_with("@lib") == (name == "lib"));
            let list: String = of_it
                .map(|(title, operation)| operation.declaration(title))
                .collect();
            let needs = match name {
                "root" => "Dependencies: { Runtime: [wake.getModule(pkg, 'lib')] },",
                _ => "",
            };
            format!(
                "  {name}: function(wake, pkg, config) wake.recipe({{ Language: 'Command', {needs} Operations: [\n{list}  ] }}),\n"
            )
        };
        format!(
            "function(wake) wake.pkg(wake.pkgInfo('p'), modules={{\n{}{}}})\n",
            module("lib"),
            module("root")
        )
    }

    fn write_package(&mut self) {
        if std::mem::take(&mut self.is_changed) {
            self.space.file("PKG", self.package());
        }
    }

    /// Runs wake here, for the flavor that is set.
    pub(crate) fn wake(&mut self, arguments: &[&str]) -> Run {
        self.write_package();
        let flavor = self.flavor.iter().flat_map(|name| ["--flavor", name]);
        let is_build = self.is_unmonitored && arguments.first() == Some(&"build");
        let monitor = is_build.then_some("--no-monitor");
        let arguments = arguments.iter().copied().chain(flavor).chain(monitor);
        self.space.wake(arguments)
    }

    #[track_caller]
    fn build(&mut self, names: &str) {
        let run = self.run().code_of(0, &self.story());
        let wanted: BTreeSet<&str> = names
            .split_whitespace()
            .filter(|name| *name != "-")
            .collect();
        let ran: BTreeSet<&str> = run.ran().into_iter().collect();
        if !names.is_empty() {
            assert_eq!(ran, wanted, "what ran\n{}\n{}", self.story(), run.stderr);
        }
        self.compare(&run);
        let again = self.run().code_of(0, &self.story());
        assert_eq!(again.ran(), [""; 0], "again\n{}", self.story());
    }

    fn run(&mut self) -> Run {
        self.wake(&[
            "build",
            "--no-compile-commands",
            "-k",
            "0",
            "--events",
            "../events",
        ])
    }

    #[track_caller]
    fn fail(&mut self, names: &str) {
        let run = self.run();
        assert!(
            matches!(run.status, 1 | 2),
            "exit code {}\n{}\n{}",
            run.status,
            self.story(),
            run.stderr
        );
        let wanted: BTreeSet<&str> = names.split_whitespace().collect();
        let failed: BTreeSet<&str> = run.failed().into_iter().collect();
        assert_eq!(
            failed,
            wanted,
            "what failed\n{}\n{}",
            self.story(),
            run.stderr
        );
        for name in wanted {
            if !self.can_start(name) {
                continue;
            }
            let module = if name.ends_with("@lib") { "lib:" } else { "" };
            for output in self.operations[name].outputs.clone() {
                let path = self.made(&format!("{module}{output}"));
                assert!(
                    path.symlink_metadata().is_err() || self.mine.contains(&path),
                    "`{output}` is left of `{name}`\n{}",
                    self.story()
                );
            }
        }
        self.keep_mine();
        assert_eq!(self.private(), [""; 0], "{}", self.story());
    }

    /// Whether all inputs that are files of the package are there.
    fn can_start(&self, name: &str) -> bool {
        let inputs = self.operations[name].inputs.iter();
        let mut sources = inputs.filter(|input| !input.contains(':') && !input.contains('*'));
        sources.all(|input| self.space.exists(input))
    }

    #[track_caller]
    fn wrong(&mut self, text: &str) {
        self.write_package();
        let out = self.space.path(".wake/out");
        let before = tree(&out);
        let run = self.run().code_of(2, &self.story());
        assert!(
            run.stderr.contains(text),
            "{}\n{}",
            self.story(),
            run.stderr
        );
        assert_eq!(tree(&out), before, "{}", self.story());
    }

    fn story(&self) -> String {
        self.told.join("\n")
    }

    /// What is left in wake's private directories.
    fn private(&self) -> Vec<String> {
        let list = std::fs::read_dir(self.space.path(".wake/tmp"));
        let names = list.into_iter().flatten().flatten();
        names
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect()
    }

    #[track_caller]
    fn keep_mine(&self) {
        for path in &self.mine {
            assert!(
                path.is_file(),
                "{} is gone\n{}",
                path.display(),
                self.story()
            );
        }
    }

    /// Compares with a clean build of the same sources.
    #[track_caller]
    fn compare(&mut self, run: &Run) {
        let clean = Space::new();
        let entries = std::fs::read_dir(self.space.top()).unwrap();
        for entry in entries
            .flatten()
            .filter(|entry| entry.file_name() != ".wake")
        {
            copy(&entry.path(), &clean.path(entry.file_name()));
        }
        let flavor = self.flavor.iter().flat_map(|name| ["--flavor", name]);
        clean
            .wake(["build", "--no-compile-commands"].into_iter().chain(flavor))
            .success();
        self.keep_mine();
        let (out, clean_out) = (self.space.path(".wake/out"), clean.path(".wake/out"));
        // Of the flavors, only that which was built.
        let wanted = tree(&clean_out);
        let roots: BTreeSet<PathBuf> = ["lib:", ":"]
            .map(|module| self.made(module.trim_start_matches(':')))
            .map(|path| path.strip_prefix(&out).unwrap().to_owned())
            .into();
        // With the directories that it lies in.
        let mine = |path: &Path| {
            self.mine
                .iter()
                .any(|mine| mine.starts_with(out.join(path)))
        };
        // A target directory in which nothing is left may stay.
        let counts = |path: &Path| {
            let mut roots = roots.iter();
            roots.any(|root| path.starts_with(root) && path != root) && !mine(path)
        };
        let counting =
            |tree: Tree| -> Tree { tree.into_iter().filter(|(path, _)| counts(path)).collect() };
        let (is, wanted) = (counting(tree(&out)), counting(wanted));
        assert_eq!(
            is,
            wanted,
            "not as a clean build leaves it\n{}\n{}",
            self.story(),
            run.stderr
        );
        assert_eq!(self.private(), [""; 0], "{}", self.story());
    }
}

impl Operation {
    fn declaration(&self, title: &str) -> String {
        let place = |path: &String| match path.split_once(':') {
            Some(("", path)) => format!("$(target)/{path}"),
            Some((module, path)) => format!("$(target :{module})/{path}"),
            None => path.clone(),
        };
        let places = |paths: &[String]| paths.iter().map(place).collect::<Vec<String>>();
        let (depfile, outputs) = match self.outputs.split_last() {
            Some((last, others)) if last.ends_with(".d") => (Some(last), others),
            _ => (None, &self.outputs[..]),
        };
        let script = match self.script.as_str() {
            "" => (0..outputs.len())
                .map(|number| format!("cat /dev/null @i > @{number}; "))
                .chain(["! grep -q BAD @0".to_owned()])
                .collect(),
            script => script.to_owned(),
        };
        let script = script
            .replace('$', "$$")
            .replace("@i", "$(inputs)")
            .replace("@0", "$(output 0)")
            .replace("@1", "$(output 1)")
            .replace("@t", "$(target)");
        let mut fields = serde_json::json!({
            "Title": title,
            "Executable": "sh",
            "Arguments": ["-ec", script],
            "Inputs": places(&self.inputs),
            "OrderOnly": places(&self.order_only),
            "Outputs": outputs,
        });
        if let Some(depfile) = depfile {
            fields["Depfile"] = depfile.as_str().into();
        }
        format!("    {fields},\n")
    }
}

/// Writes a file in place, with the directories that it needs.
fn put(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn remove(path: &Path) {
    match path.symlink_metadata() {
        Ok(data) if data.is_dir() => std::fs::remove_dir_all(path).unwrap(),
        _ => std::fs::remove_file(path).unwrap(),
    }
}

/// Copies whatever is there, links as links; no pipes.
fn copy(from: &Path, to: &Path) {
    let data = from.symlink_metadata().unwrap();
    if data.is_symlink() {
        std::os::unix::fs::symlink(std::fs::read_link(from).unwrap(), to).unwrap();
    } else if data.is_dir() {
        std::fs::create_dir(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap().flatten() {
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else if data.is_file() {
        std::fs::copy(from, to).unwrap();
    }
}

/// Everything below a directory: directories with `/`, links with their target, files with their text, and whether they
/// are executable.
pub(crate) fn tree(directory: &Path) -> Tree {
    let entries = walkdir::WalkDir::new(directory).min_depth(1);
    let describe = |entry: walkdir::DirEntry| {
        let path = entry.path();
        let kind = entry.file_type();
        let text = if kind.is_dir() {
            "/".to_owned()
        } else if kind.is_symlink() {
            format!("-> {}", std::fs::read_link(path).unwrap().display())
        } else {
            let mode = path.metadata().unwrap().permissions().mode();
            let text = String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
            if mode & 0o111 == 0 {
                text
            } else {
                format!("executable {text}")
            }
        };
        (path.strip_prefix(directory).unwrap().to_owned(), text)
    };
    entries.into_iter().flatten().map(describe).collect()
}
