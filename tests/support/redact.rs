//! What differs from run to run or machine to machine, replaced by names: directories, times, hashes.

use super::Space;

/// The replacements for one space.
pub(crate) struct Redactions {
    top: String,
    around: String,
}

impl Redactions {
    pub(crate) fn of(space: &Space) -> Self {
        let top = space.top();
        Self {
            around: top.parent().unwrap().display().to_string(),
            top: top.display().to_string(),
        }
    }

    /// `text` with `[TOP]`, `[AROUND]` (what is beside the top), `[TIME]` and `[HASH]`.
    pub(crate) fn apply(&self, text: &str) -> String {
        let text = text
            .replace(&self.top, "[TOP]")
            .replace(&self.around, "[AROUND]");
        redact_times(&redact_hashes(&text))
    }
}

/// Runs of hexadecimal digits as long as wake writes them: 12 in messages, 20 in directories, 64 in full. Short forms
/// are recognised by their `…`.
fn redact_hashes(text: &str) -> String {
    let mut redacted = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|character: char| character.is_ascii_alphanumeric()) {
        let end = rest[start..]
            .find(|character: char| !character.is_ascii_alphanumeric())
            .map_or(rest.len(), |length| start + length);
        let word = &rest[start..end];
        let is_short = word.len() == 4 && rest[end..].starts_with('…');
        let is_hexadecimal = word
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        redacted.push_str(&rest[..start]);
        if is_hexadecimal && (is_short || matches!(word.len(), 12 | 20 | 64)) {
            redacted.push_str("[HASH]");
        } else {
            redacted.push_str(word);
        }
        rest = &rest[end..];
    }
    redacted + rest
}

/// Durations as wake writes them: `0.42 s`, `2 min 10 s`.
fn redact_times(text: &str) -> String {
    let is_number = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.')
    };
    let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
    let mut index = 1;
    while index < words.len() {
        let number = words[index - 1].trim_start_matches('(').to_owned();
        let unit =
            words[index].trim_end_matches(|character: char| !character.is_ascii_alphabetic());
        let unit = unit
            .split('\n')
            .next()
            .unwrap_or_default()
            .trim_end_matches([')', ',', ';', ':', '.']);
        let is_time = match unit {
            "s" => number.contains('.') && is_number(&number),
            "min" => is_number(&number),
            _ => false,
        };
        if is_time {
            let length = unit.len();
            let lead = words[index - 1].len() - number.len();
            words[index - 1].truncate(lead);
            let tail = words.remove(index);
            words[index - 1].push_str("[TIME]");
            words[index - 1].push_str(&tail[length..]);
        }
        index += 1;
    }
    words.join(" ")
}

#[test]
fn only_what_varies_is_redacted() {
    let redactions = Redactions {
        top: "/tmp/x/work".to_owned(),
        around: "/tmp/x".to_owned(),
    };
    let text = "/tmp/x/work/a and /tmp/x/home\nFinished: 3 run in 0.42 s\nnothing (0.02 s)\nafter 300 s, `a.h` \
                changed (3fa9… → 77c0…) out/0123456789abcdef0123/x deadbeef 0.1 s, more";
    assert_eq!(
        redactions.apply(text),
        "[TOP]/a and [AROUND]/home\nFinished: 3 run in [TIME]\nnothing ([TIME])\nafter 300 s, `a.h` changed \
         ([HASH]… → [HASH]…) out/[HASH]/x deadbeef [TIME], more"
    );
}
