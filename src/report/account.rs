//! What is told of operations that ran or would run: one by one with all that led to it, or many by what led to them.

use serde::Serialize;
use serde_json::{Value, json};

use super::text::{count, one_line};
use super::why;
use crate::event::Reason;

/// The most causes that are told one by one, and the most operations of each.
const MOST_CAUSES: usize = 10;
const MOST_TITLES: usize = 10;

/// One operation of a chain: it ran, or would run, for this reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub title: String,
    pub operation: String,
    pub reason: Reason,
    pub failed: bool,
}

/// What is known of one operation. A chain begins with the operation itself; each next one made what the one before found
/// changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    pub title: String,
    pub operation: String,
    /// Why it would run now; empty: it would not, or nobody knows.
    pub now: Vec<Link>,
    /// Why it ran last time; empty: it never did.
    pub last: Vec<Link>,
    /// What it read last time, if that is asked for.
    pub reads: Vec<Read>,
    /// Whether it is no part of what the package here is built with, so what it would do now is not known.
    pub is_elsewhere: bool,
}

/// A path that an operation depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Read {
    pub path: String,
    pub what: Counts,
    /// Whether it is declared; otherwise the operation said so, or was seen to read it.
    pub declared: bool,
}

/// What of a path counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Counts {
    /// All that it contains.
    Content,
    /// That nothing is there.
    Absence,
    /// That something is there, of its type, mode and size.
    Existence,
    /// The names in a directory.
    Listing,
}

impl Counts {
    fn word(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::Absence => "absence",
            Self::Existence => "existence",
            Self::Listing => "listing",
        }
    }
}

/// A line for each path.
pub fn reads(reads: &[Read]) -> String {
    let line = |read: &Read| {
        let how = if read.declared {
            "declared"
        } else {
            "observed"
        };
        format!("{:9}  {how}  {}\n", read.what.word(), one_line(&read.path))
    };
    reads.iter().map(line).collect()
}

/// All that is known of one operation.
pub fn text(account: &Account) -> String {
    let title = one_line(&account.title);
    let mut text = String::new();
    match account.now.first() {
        Some(own) if is_forecast(own) => text += &format!("{title} would perhaps run now\n"),
        Some(_) => text += &format!("{title} would run now\n"),
        None if account.is_elsewhere => {
            text += &format!("{title} is not part of what is built here\n");
        }
        None if account.last.first().is_some_and(|own| own.failed) => {}
        None => text += &format!("{title} is up to date\n"),
    }
    text += &chain(&account.now, "makes");
    if let Some(own) = account.last.first() {
        text += match (text.is_empty(), own.failed) {
            (_, false) => "It ran last time\n",
            (_, true) => "It failed last time, when it ran\n",
        };
        text += &chain(&account.last, "made");
    }
    text
}

fn is_forecast(link: &Link) -> bool {
    matches!(link.reason, Reason::InputMayChange { .. })
}

/// The reason of the first, and what led to it.
fn chain(links: &[Link], verb: &str) -> String {
    let mut text = String::new();
    for (index, link) in links.iter().enumerate() {
        if index > 0 {
            text += &format!("  which {} {verb}\n", one_line(&link.title));
        }
        text += &why::because(&link.reason);
    }
    text
}

/// As JSON.
pub fn json(account: &Account) -> Value {
    let reason = |chain: &[Link]| chain.first().map(|own| own.reason.clone());
    let links = |chain: &[Link]| -> Vec<Value> {
        let link = |link: &Link| json!({ "title": link.title, "operation": link.operation, "reason": link.reason });
        chain.iter().skip(1).map(link).collect()
    };
    let mut value = json!({
        "title": account.title,
        "operation": account.operation,
        "now": reason(&account.now),
        "now_because_of": links(&account.now),
        "last": reason(&account.last),
        "last_because_of": links(&account.last),
    });
    if !account.reads.is_empty() {
        value["reads"] = json!(account.reads);
    }
    value
}

/// What the latest build ran and what would run now, by what led to it.
pub fn summary(accounts: &[Account]) -> String {
    let chains = |chain: fn(&Account) -> &Vec<Link>| -> Vec<&[Link]> {
        let all = accounts.iter().map(chain);
        all.filter(|chain| !chain.is_empty())
            .map(Vec::as_slice)
            .collect()
    };
    let (last, now) = (
        chains(|account| &account.last),
        chains(|account| &account.now),
    );
    let mut text = String::new();
    if last.is_empty() {
        text += "Nothing has run here\n";
    } else {
        text += &format!("The latest build ran {}\n", count(last.len(), "operation"));
        text += &causes(&last);
    }
    if now.is_empty() {
        text += "Nothing would run now\n";
    } else {
        let (perhaps, certain): (Vec<&[Link]>, Vec<&[Link]>) =
            now.iter().partition(|chain| is_forecast(&chain[0]));
        text += &format!("Now {} would run", count(certain.len(), "operation"));
        if !perhaps.is_empty() {
            text += &format!(", and perhaps {} more", perhaps.len());
        }
        text += "\n";
        text += &causes(&now);
    }
    text
}

/// What has one root cause.
struct Cause {
    reason: Reason,
    /// Those that ran for this reason.
    own: Vec<String>,
    /// Those that ran because of what others made.
    after: Vec<String>,
}

fn causes(chains: &[&[Link]]) -> String {
    let mut causes: Vec<Cause> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for chain in chains {
        let (Some(own), Some(root)) = (chain.first(), chain.last()) else {
            continue;
        };
        let place = *places.entry(heading(&root.reason)).or_insert_with(|| {
            causes.push(Cause {
                reason: root.reason.clone(),
                own: Vec::new(),
                after: Vec::new(),
            });
            causes.len() - 1
        });
        let failed = if own.failed { " (failed)" } else { "" };
        let title = one_line(&own.title) + failed;
        match chain.len() {
            1 => causes[place].own.push(title),
            _ => causes[place].after.push(title),
        }
    }
    let mut text = String::new();
    for cause in causes.iter().take(MOST_CAUSES) {
        text += &tell(cause);
    }
    if let Some(more @ 1..) = causes.len().checked_sub(MOST_CAUSES) {
        text += &format!("  and for {} more\n", count(more, "reason"));
    }
    text
}

/// The lines of a reason, without what differs between operations that have it in common.
fn heading(reason: &Reason) -> Vec<String> {
    match reason {
        Reason::OutputMissing { .. } => vec!["its output is missing".to_owned()],
        Reason::OutputChanged { .. } => vec!["its output was edited by hand".to_owned()],
        other => why::lines(other),
    }
}

fn tell(cause: &Cause) -> String {
    let only = cause.own.len() + cause.after.len() == 1;
    let lines = match only {
        true => why::lines(&cause.reason),
        false => heading(&cause.reason),
    };
    let mut text = format!("  because {}\n", lines.join("\n    "));
    text += &titles(&cause.own, "    ");
    if !cause.after.is_empty() {
        let then = match cause.own.is_empty() {
            true => "because of what came of that",
            false => "and then, because of what these made",
        };
        text += &format!("    {then}\n{}", titles(&cause.after, "      "));
    }
    text
}

fn titles(titles: &[String], indent: &str) -> String {
    let mut text = String::new();
    for title in titles.iter().take(MOST_TITLES) {
        text += &format!("{indent}{title}\n");
    }
    if let Some(more @ 1..) = titles.len().checked_sub(MOST_TITLES) {
        text += &format!("{indent}and {more} more\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(title: &str, reason: Reason) -> Link {
        Link {
            title: title.to_owned(),
            operation: format!("out/{title}"),
            reason,
            failed: false,
        }
    }

    fn changed(path: &str) -> Reason {
        Reason::InputChanged {
            path: path.to_owned(),
            old: "3fa9deadbeef".to_owned(),
            new: "77c0deadbeef".to_owned(),
        }
    }

    fn account(title: &str, now: Vec<Link>, last: Vec<Link>) -> Account {
        Account {
            title: title.to_owned(),
            operation: format!("out/{title}"),
            now,
            last,
            ..Account::default()
        }
    }

    #[test]
    fn a_chain_is_told_back_to_the_root_cause() {
        let compile = link("Compile a.c", changed("a.h"));
        let may = Reason::InputMayChange {
            path: "out/a.o".to_owned(),
            by: "out/a.o".to_owned(),
        };
        let link_now = link("Link", may);
        let link_then = link("Link", changed("out/a.o"));
        let account = account(
            "Link",
            vec![link_now, compile.clone()],
            vec![link_then, compile],
        );
        insta::assert_snapshot!(text(&account), @r"
        Link would perhaps run now
          if `out/a.o` comes out different
          which Compile a.c makes
          because `a.h` changed (3fa9… → 77c0…)
        It ran last time
          because `out/a.o` changed (3fa9… → 77c0…)
          which Compile a.c made
          because `a.h` changed (3fa9… → 77c0…)
        ");
        assert_eq!(
            json(&account)["now_because_of"][0]["operation"],
            "out/Compile a.c"
        );
    }

    /// Catches an answer as long as the build.
    #[test]
    fn many_are_told_by_what_led_to_them() {
        let mut accounts = Vec::new();
        for number in 0..12 {
            let compile = link(&format!("Compile {number}"), changed("a.h"));
            accounts.push(account(&compile.title.clone(), Vec::new(), vec![compile]));
        }
        let linked = vec![
            link("Link", changed("out/a.o")),
            link("Compile 1", changed("a.h")),
        ];
        accounts.push(account("Link", Vec::new(), linked));
        for number in 0..3 {
            let path = format!("out/{number}");
            let missing = link(&format!("Copy {number}"), Reason::OutputMissing { path });
            accounts.push(account(&missing.title.clone(), vec![missing], Vec::new()));
        }
        insta::assert_snapshot!(summary(&accounts), @r"
        The latest build ran 13 operations
          because `a.h` changed (3fa9… → 77c0…)
            Compile 0
            Compile 1
            Compile 2
            Compile 3
            Compile 4
            Compile 5
            Compile 6
            Compile 7
            Compile 8
            Compile 9
            and 2 more
            and then, because of what these made
              Link
        Now 3 operations would run
          because its output is missing
            Copy 0
            Copy 1
            Copy 2
        ");
    }
}
