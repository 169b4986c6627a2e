//! `wake.std.git`: packages that are repositories; the tags that name a version are the versions.
//!
//! Files are taken as the repository has them: no hook, filter, submodule, line-end conversion or large-file store has
//! a say, so a version has the same files on every machine. What it asks for is known when its `PKG` is there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use semver::Version;
use serde_json::Value;

use super::client::{Client, Output, Scratch, for_each, without_credentials};
use super::config::Config;
use super::foreign::Foreign;
use super::{Finder, Surroundings};
use crate::error::{Error, Result};
use crate::fs;
use crate::pkg::requirement::Requirement;
use crate::pkg::retriever::protocol::{Candidate, Fetched, Wanted};
use crate::workspace::discover;

const SUBJECT: &str = "the config of `wake.std.git`";
const KEYS: [&str; 5] = ["url", "tagPattern", "version", "tag", "commit"];
/// Where a `tagPattern` has the version.
const PLACE: &str = "${version}";

/// Repositories, by the packages that they are.
#[derive(Debug)]
struct Git {
    surroundings: Surroundings,
    config: Value,
    repositories: Repositories,
}

#[derive(Debug)]
enum Repositories {
    /// One for whatever is asked for.
    One(Repository),
    /// By `namespace/name`, or `name`.
    Many(BTreeMap<String, Repository>),
}

#[derive(Clone, Debug, PartialEq)]
struct Repository {
    /// What `git` takes; a relative path is made absolute.
    url: String,
    /// What a tag has before and after the version; `None`: one of the usual ways.
    pattern: Option<(String, String)>,
    /// The only version, if it is said.
    pin: Option<(Version, Revision)>,
}

#[derive(Clone, Debug, PartialEq)]
enum Revision {
    Tag(String),
    /// The full hash.
    Commit(String),
}

/// # Errors
/// The config is wrong.
pub(super) fn open(config: &Value, surroundings: &Surroundings) -> Result<Box<dyn Finder>> {
    let keys: Vec<&str> = KEYS.iter().copied().chain(["urls"]).collect();
    let table = Config::of(SUBJECT, config, &keys)?;
    let repositories = match table.table("urls")? {
        None => Repositories::One(repository(config, SUBJECT, &keys, surroundings)?),
        Some(_) if table.value("url").is_some() => {
            let message = "The config of `wake.std.git` has both `url` and `urls`";
            return Err(Error::user(message).hint("`url` is for one package, `urls` for several"));
        }
        Some(urls) => {
            let each = urls.iter().map(|(label, value)| {
                let subject = format!("the repository of `{label}` in {SUBJECT}");
                let text = value.is_string().then(|| serde_json::json!({"url": value}));
                let value = text.as_ref().unwrap_or(value);
                Ok((
                    label.clone(),
                    repository(value, &subject, &KEYS, surroundings)?,
                ))
            });
            Repositories::Many(each.collect::<Result<_>>()?)
        }
    };
    Ok(Box::new(Git {
        surroundings: surroundings.clone(),
        config: config.clone(),
        repositories,
    }))
}

/// One repository as a config says it.
fn repository(
    config: &Value,
    subject: &str,
    keys: &[&str],
    surroundings: &Surroundings,
) -> Result<Repository> {
    let table = Config::of(subject, config, keys)?;
    let url = table.needed_text("url")?;
    if let Some(reason) = unfit_url(url) {
        return Err(table.wrong("url", reason, &Value::from(without_credentials(url))));
    }
    let pattern = table.text("tagPattern")?.map(|pattern| {
        let (before, after) = pattern.split_once(PLACE).ok_or_else(|| {
            let rule = "must contain `${version}` where a tag has its version";
            table.wrong("tagPattern", rule, &Value::from(pattern))
        })?;
        Ok((before.to_owned(), after.to_owned()))
    });
    Ok(Repository {
        url: absolute(url, &surroundings.directory),
        pattern: pattern.transpose()?,
        pin: pin(&table)?,
    })
}

/// The version that is nailed to a revision.
fn pin(table: &Config<'_>) -> Result<Option<(Version, Revision)>> {
    let revision = match (table.text("tag")?, table.text("commit")?) {
        (None, None) => match table.value("version") {
            None => return Ok(None),
            Some(_) => {
                return Err(table
                    .missing("commit")
                    .hint("`version` is the version of a `commit` or `tag`"));
            }
        },
        (Some(_), Some(commit)) => {
            let rule = "cannot be given with `tag`";
            return Err(table.wrong("commit", rule, &Value::from(commit)));
        }
        (Some(tag), None) if !is_reference(tag) => {
            return Err(table.wrong("tag", "must be the name of a tag", &Value::from(tag)));
        }
        (Some(tag), None) => Revision::Tag(tag.to_owned()),
        (None, Some(commit)) if !is_hash(commit) => {
            let rule = "must be all 40 (or 64) digits of a commit's hash";
            return Err(table.wrong("commit", rule, &Value::from(commit)));
        }
        (None, Some(commit)) => Revision::Commit(commit.to_owned()),
    };
    let version = table.needed_text("version")?;
    let version = Version::parse(version).map_err(|error| {
        let rule = "must be a version such as `1.2.3`";
        table
            .wrong("version", rule, &Value::from(version))
            .cause(error.to_string())
    })?;
    Ok(Some((version, revision)))
}

/// Why an address is not one that `git` is given: some would make it run a program that the address names.
fn unfit_url(url: &str) -> Option<&'static str> {
    let scheme = url.split_once("::").map(|(scheme, _)| scheme);
    if url.starts_with('-') {
        Some("must not begin with `-`")
    } else if url.chars().any(char::is_control) {
        Some("must be one line")
    } else if scheme.is_some_and(|scheme| scheme.chars().all(|c| c.is_alphanumeric() || c == '-')) {
        Some("must not name a transport helper")
    } else {
        None
    }
}

/// A path that is there below the workspace's top, absolute; every other address as it is.
fn absolute(url: &str, top: &Path) -> String {
    let path = top.join(url);
    match path.to_str() {
        Some(path) if !url.contains("://") && fs::exists(Path::new(path)) => path.to_owned(),
        _ => url.to_owned(),
    }
}

/// Whether `refs/tags/…` may end so. `git` has more rules; these are those that would make it another argument.
fn is_reference(tag: &str) -> bool {
    !tag.starts_with('-')
        && !tag
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || "~^:?*[\\".contains(c))
}

fn is_hash(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|digit| digit.is_ascii_hexdigit())
}

impl Finder for Git {
    fn candidates(&self, wanted: &[Wanted]) -> Result<Vec<Vec<Candidate>>> {
        for_each(wanted, |wanted| {
            let requirement = Requirement::parse(&wanted.requirement)?;
            let label = wanted.label();
            let Some(repository) = self.repositories.of(&label) else {
                return Ok(Vec::new());
            };
            let revisions = self.revisions(repository, &wanted.name)?;
            let admitted = revisions
                .into_keys()
                .filter(|version| requirement.lists(version));
            let candidate = |version: Version| Candidate {
                version: version.to_string(),
                ..Candidate::default()
            };
            Ok(admitted.map(candidate).collect())
        })
    }

    fn fetch(&self, packages: &[Fetched]) -> Result<()> {
        for_each(packages, |package| self.fetch_one(package)).map(drop)
    }

    fn reads(&self) -> Vec<PathBuf> {
        let urls = self.repositories.all().into_iter().map(|repository| {
            let path = repository
                .url
                .strip_prefix("file://")
                .unwrap_or(&repository.url);
            PathBuf::from(path)
        });
        urls.filter(|path| path.is_absolute()).collect()
    }
}

impl Repositories {
    fn all(&self) -> Vec<&Repository> {
        match self {
            Self::One(repository) => vec![repository],
            Self::Many(repositories) => repositories.values().collect(),
        }
    }

    fn of(&self, label: &str) -> Option<&Repository> {
        match self {
            Self::One(repository) => Some(repository),
            Self::Many(repositories) => repositories.get(label),
        }
    }
}

impl Git {
    fn client(&self) -> Client<'_> {
        Client {
            program: "git",
            hint: "`wake.std.git` asks repositories through `git`: install it",
            surroundings: &self.surroundings,
        }
    }

    /// A `git` in `directory` that runs nothing but itself and the user's transport, asks nobody, and belongs to no
    /// repository.
    fn command(&self, directory: &Path) -> Command {
        let mut command = self.client().command(&[]);
        command.current_dir(directory);
        if let Some(above) = directory.parent() {
            // The directory may lie in the repository of the workspace.
            command.env("GIT_CEILING_DIRECTORIES", above);
        }
        // A wake that runs in a hook of some repository is told of that one.
        for name in [
            "DIR",
            "WORK_TREE",
            "INDEX_FILE",
            "OBJECT_DIRECTORY",
            "COMMON_DIR",
            "NAMESPACE",
            "PREFIX",
        ] {
            command.env_remove(format!("GIT_{name}"));
        }
        for name in [
            "ALTERNATE_OBJECT_DIRECTORIES",
            "CONFIG",
            "SHALLOW_FILE",
            "ALLOW_PROTOCOL",
            "ATTR_SOURCE",
        ] {
            command.env_remove(format!("GIT_{name}"));
        }
        command
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_LFS_SKIP_SMUDGE", "1");
        for setting in [
            "protocol.ext.allow=never",
            "core.hooksPath=/dev/null",
            "core.fsmonitor=false",
            "core.symlinks=true",
            "core.fileMode=true",
            "core.sparseCheckout=false",
            "submodule.recurse=false",
            "fetch.recurseSubmodules=false",
            "gc.auto=0",
            "maintenance.auto=false",
            "advice.detachedHead=false",
        ] {
            command.args(["-c", setting]);
        }
        command
    }

    fn run(&self, command: &mut Command, title: &str) -> Result<Output> {
        self.client().finish(command, &format!("git {title}"))
    }

    /// The versions of a repository, with what they are called there.
    fn revisions(
        &self,
        repository: &Repository,
        name: &str,
    ) -> Result<BTreeMap<Version, Revision>> {
        if let Some((version, revision)) = &repository.pin {
            return Ok(BTreeMap::from([(version.clone(), revision.clone())]));
        }
        let scratch = Scratch::new(&self.surroundings)?;
        let mut command = self.command(scratch.path());
        command.args(["ls-remote", "--tags", "--refs", "--", &repository.url]);
        let output = self.run(&mut command, "ls-remote")?;
        if !output.status.success() {
            let url = without_credentials(&repository.url);
            return Err(output.failure(&format!("Cannot list the tags of `{url}`")));
        }
        let lines = output
            .stdout
            .lines()
            .filter_map(|line| line.split_once('\t'));
        let tags: Vec<&str> = lines
            .filter_map(|(_, name)| name.strip_prefix("refs/tags/"))
            .collect();
        Ok(versions(&tags, name, repository.pattern.as_ref()))
    }

    fn fetch_one(&self, package: &Fetched) -> Result<()> {
        let label = package.label();
        let lacking =
            |error: Error| error.hint("`wake pkg update` asks again which versions there are");
        let repository = self.repositories.of(&label).ok_or_else(|| {
            let message = format!("The config of `wake.std.git` has no repository of `{label}`");
            Error::user(message)
        })?;
        let mut revisions = self.revisions(repository, &package.name)?;
        let version = Version::parse(&package.version).ok();
        let revision = version
            .and_then(|version| revisions.remove(&version))
            .ok_or_else(|| {
                let (url, version) = (without_credentials(&repository.url), &package.version);
                lacking(Error::user(format!(
                    "`{url}` has no tag for `{label}` of version `{version}`"
                )))
            })?;
        self.check_out(repository, &revision, &package.into)?;
        if !discover::has_recipe(&package.into) {
            let foreign = Foreign {
                namespace: package.namespace.as_deref(),
                name: &package.name,
                version: &package.version,
                retriever: "git",
                config: &self.config,
                pkgs: &[],
                recipe: None,
            };
            foreign.write(&package.into)?;
        }
        Ok(())
    }

    /// Puts the files of a revision into the empty directory `into`.
    fn check_out(&self, repository: &Repository, revision: &Revision, into: &Path) -> Result<()> {
        let scratch = Scratch::new(&self.surroundings)?;
        let database = scratch.path().join("repository.git");
        let fail = |output: Output| {
            let url = without_credentials(&repository.url);
            output.failure(&format!("Cannot fetch {} of `{url}`", revision.title()))
        };
        let mut init = self.command(scratch.path());
        init.args(["init", "--quiet", "--bare", "--template="])
            .arg(&database);
        self.run(&mut init, "init")?.succeeded()?;
        // What the repository says of its files (filters, line ends, encodings) depends on the user's settings.
        let plain = "* -text -filter -ident -eol -working-tree-encoding -export-subst\n";
        fs::create_directories(&database.join("info"))?;
        fs::write(&database.join("info/attributes"), plain.as_bytes())?;

        let output = self.fetch_objects(&database, &repository.url, revision)?;
        if !output.status.success() {
            return Err(fail(output));
        }
        let mut checkout = self.command(into);
        checkout
            .arg("--git-dir")
            .arg(&database)
            .arg("--work-tree")
            .arg(into);
        checkout.args([
            "-c",
            "core.bare=false",
            "-c",
            "core.autocrlf=false",
            "checkout",
        ]);
        checkout.args([
            "--quiet",
            "--force",
            "--detach",
            &revision.local_name(),
            "--",
        ]);
        let output = self.run(&mut checkout, "checkout")?;
        if output.status.success() {
            Ok(())
        } else {
            Err(fail(output))
        }
    }

    /// Just what the revision needs where the other side can tell, else everything.
    fn fetch_objects(&self, database: &Path, url: &str, revision: &Revision) -> Result<Output> {
        let fetch = |options: &[&str], references: &[String]| {
            let mut command = self.command(database);
            command.arg("--git-dir").arg(database);
            command.args([
                "fetch",
                "--quiet",
                "--no-tags",
                "--no-recurse-submodules",
                "--no-auto-maintenance",
            ]);
            command.args(options).args(["--", url]).args(references);
            self.run(&mut command, "fetch")
        };
        let (one, all) = match revision {
            Revision::Tag(tag) => {
                let one = format!("+refs/tags/{tag}:refs/tags/{tag}");
                (one.clone(), vec![one])
            }
            Revision::Commit(commit) => {
                let all = ["heads", "tags"].map(|kind| format!("+refs/{kind}/*:refs/{kind}/*"));
                (commit.clone(), all.to_vec())
            }
        };
        let shallow = fetch(&["--depth=1"], &[one])?;
        if shallow.status.success() {
            return Ok(shallow);
        }
        fetch(&[], &all)
    }
}

impl Revision {
    fn title(&self) -> String {
        match self {
            Self::Tag(tag) => format!("the tag `{tag}`"),
            Self::Commit(commit) => format!("the commit `{commit}`"),
        }
    }

    /// What the fetched repository calls it.
    fn local_name(&self) -> String {
        match self {
            Self::Tag(tag) => format!("refs/tags/{tag}"),
            Self::Commit(commit) => format!("{commit}^{{commit}}"),
        }
    }
}

/// The versions that tags name. Where two tags name the same, the way of writing that comes first here wins.
fn versions(
    tags: &[&str],
    name: &str,
    pattern: Option<&(String, String)>,
) -> BTreeMap<Version, Revision> {
    let usual = ["v".to_owned(), String::new()].into_iter().chain(
        ["-v", "-", "/v", "/", "@v", "@"]
            .iter()
            .map(|joint| format!("{name}{joint}")),
    );
    let ways: Vec<(String, String)> = match pattern {
        Some(pattern) => vec![pattern.clone()],
        None => usual.map(|before| (before, String::new())).collect(),
    };
    let mut versions = BTreeMap::new();
    for (before, after) in &ways {
        for tag in tags.iter().filter(|tag| is_reference(tag)) {
            let rest = tag.strip_prefix(before.as_str());
            let version = rest.and_then(|rest| rest.strip_suffix(after.as_str()));
            if let Some(version) = version.and_then(|version| Version::parse(version).ok()) {
                versions
                    .entry(version)
                    .or_insert_with(|| Revision::Tag((*tag).to_owned()));
            }
        }
    }
    versions
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(tags: &[&str], pattern: Option<(&str, &str)>) -> Vec<String> {
        let pattern = pattern.map(|(before, after)| (before.to_owned(), after.to_owned()));
        let versions = versions(tags, "lua", pattern.as_ref());
        let each = versions.iter().map(|(version, revision)| match revision {
            Revision::Tag(tag) => format!("{version}={tag}"),
            Revision::Commit(_) => unreachable!(),
        });
        each.collect()
    }

    /// Catches tags of other packages in the same repository, and two tags for one version.
    #[test]
    fn versions_are_tags_that_name_this_package() {
        let tags = [
            "1.2.3",
            "v1.2.3",
            "lua-1.3.0",
            "lua/v1.4.0",
            "lua@1.5.0-rc.1",
            "other-9.0.0",
            "v2.0",
            "release-3.0.0_src",
            "latest",
        ];
        assert_eq!(
            found(&tags, None),
            [
                "1.2.3=v1.2.3",
                "1.3.0=lua-1.3.0",
                "1.4.0=lua/v1.4.0",
                "1.5.0-rc.1=lua@1.5.0-rc.1"
            ]
        );
        assert_eq!(
            found(&tags, Some(("release-", "_src"))),
            ["3.0.0=release-3.0.0_src"]
        );
    }

    /// Catches an address that makes `git` run a program, and an option in disguise.
    #[test]
    fn wrong_configs_are_refused() {
        let complaint = |config: Value| {
            let error = open(&config, &Surroundings::default())
                .err()
                .map(|error| error.to_string());
            error.unwrap_or_else(|| "accepted".to_owned())
        };
        let commit = "0123456789012345678901234567890123456789";
        let complaints = [
            json!({"url": "https://host/x", "commit": commit, "version": "1.0.0"}),
            json!({"url": "git@host:x"}),
            json!({}),
            json!({"url": "ext::sh -c id"}),
            json!({"url": "--upload-pack=id"}),
            json!({"url": "x", "urls": {}}),
            json!({"urls": {"a/b": {"url": "x", "tagPattern": "v"}}}),
            json!({"url": "x", "commit": "0123abc", "version": "1.0.0"}),
            json!({"url": "x", "commit": commit}),
            json!({"url": "x", "version": "1.0.0"}),
            json!({"url": "x", "tag": "a:b", "version": "1.0.0"}),
            json!({"url": "x", "tags": "a"}),
        ]
        .map(complaint);
        insta::assert_snapshot!(complaints.join("\n"));
    }
}
