//! Depfiles: what a compiler says that it read, as a makefile. It knows text only.
//!
//! As GCC and Clang write them: `target: path path \` over several lines, any number of rules (`-MP` adds one without
//! prerequisites a header). A space in a path is `\ `, a `#` is `\#`, a dollar is `$$`; other backslashes are themselves,
//! but those right before a space or `#` are doubled. A line that begins with `#` is a comment: rustc writes some.

/// The prerequisites of all rules, in order, each once; an error says what is wrong, with its line.
pub fn parse(text: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let mut reader = Reader {
        text,
        at: 0,
        line: 1,
    };
    let mut paths: Vec<Vec<u8>> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    while reader.begin_rule() {
        reader.targets()?;
        while let Some(word) = reader.word(false)? {
            if seen.insert(word.clone()) {
                paths.push(word);
            }
        }
    }
    Ok(paths)
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    line: u32,
}

impl Reader<'_> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.at + ahead).copied()
    }

    /// The length of a line end at `ahead`, if there is one.
    fn line_end(&self, ahead: usize) -> Option<usize> {
        match (self.peek(ahead), self.peek(ahead + 1)) {
            (Some(b'\n'), _) => Some(1),
            (Some(b'\r'), Some(b'\n')) => Some(2),
            _ => None,
        }
    }

    /// Moves to the next rule; `false` at the end.
    fn begin_rule(&mut self) -> bool {
        loop {
            if let Some(length) = self.line_end(0) {
                self.at += length;
                self.line += 1;
            } else if matches!(self.peek(0), Some(b' ' | b'\t')) {
                self.at += 1;
            } else if self.peek(0) == Some(b'#') {
                let rest = &self.text[self.at..];
                self.at += rest.iter().take_while(|&&byte| byte != b'\n').count();
            } else {
                return self.peek(0).is_some();
            }
        }
    }

    fn targets(&mut self) -> Result<(), String> {
        let mut any = false;
        while self.word(true)?.is_some() {
            any = true;
        }
        if any && self.peek(0) == Some(b':') {
            self.at += 1;
            return Ok(());
        }
        Err(format!("line {}: a rule without `:`", self.line))
    }

    /// Skips blanks and continued lines.
    fn blanks(&mut self) {
        loop {
            if matches!(self.peek(0), Some(b' ' | b'\t')) {
                self.at += 1;
            } else if let (Some(b'\\'), Some(length)) = (self.peek(0), self.line_end(1)) {
                self.at += 1 + length;
                self.line += 1;
            } else {
                return;
            }
        }
    }

    /// The next word of the rule; `None` at its end, or for a target at its colon.
    fn word(&mut self, is_target: bool) -> Result<Option<Vec<u8>>, String> {
        self.blanks();
        let mut word = Vec::new();
        while let Some(byte) = self.peek(0) {
            match byte {
                b' ' | b'\t' => break,
                _ if self.line_end(0).is_some() => break,
                b'\\' if self.line_end(1).is_some() => break,
                b':' if is_target && self.ends_targets() => break,
                b'\\' => self.backslashes(&mut word),
                b'$' if self.peek(1) == Some(b'$') => {
                    word.push(b'$');
                    self.at += 2;
                }
                0 => return Err(format!("line {}: a zero byte", self.line)),
                _ => {
                    word.push(byte);
                    self.at += 1;
                }
            }
        }
        Ok((!word.is_empty()).then_some(word))
    }

    /// Whether the colon here ends the targets, rather than being part of a name.
    fn ends_targets(&self) -> bool {
        let continues = self.peek(1) == Some(b'\\') && self.line_end(2).is_some();
        let ends = self.line_end(1).is_some() || matches!(self.peek(1), None | Some(b' ' | b'\t'));
        continues || ends
    }

    /// A run of backslashes and, where it escapes one, the blank or `#` behind it.
    fn backslashes(&mut self, word: &mut Vec<u8>) {
        let rest = &self.text[self.at..];
        let run = rest.iter().take_while(|&&byte| byte == b'\\').count();
        // A line end after the run: its last backslash continues the line.
        let continues = self.line_end(run).is_some();
        match self.peek(run) {
            Some(blank @ (b' ' | b'\t' | b'#')) => {
                word.extend(std::iter::repeat_n(b'\\', run / 2));
                self.at += run;
                if run % 2 == 1 {
                    word.push(blank);
                    self.at += 1;
                }
            }
            _ => {
                let own = run - usize::from(continues);
                word.extend(std::iter::repeat_n(b'\\', own));
                self.at += own;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn paths(text: &str) -> Vec<String> {
        let parsed = parse(text.as_bytes()).unwrap();
        let text = |path: Vec<u8>| String::from_utf8(path).unwrap();
        parsed.into_iter().map(text).collect()
    }

    #[test]
    fn lines_continue_and_phony_targets_add_nothing() {
        let text = "a.o: a.c \\\n  b.h \\\r\n c.h\n\nb.h:\nc.h:\n";
        assert_eq!(paths(text), ["a.c", "b.h", "c.h"]);
    }

    #[test]
    fn escapes_of_gcc_are_undone() {
        assert_eq!(
            paths("a.o: a\\ b.c c\\#.h d$$e.h f\\g.h h\\\\\\ i.h"),
            ["a b.c", "c#.h", "d$e.h", "f\\g.h", "h\\ i.h"]
        );
    }

    #[test]
    fn several_targets_and_colons_in_names() {
        assert_eq!(paths("a.o a.d : x:y.h\nb:c.o: z"), ["x:y.h", "z"]);
        assert_eq!(paths("a.o:\\\n x"), ["x"]);
        assert_eq!(paths("a.o: x:\\ y.h\n\nx:\\ y.h:\n"), ["x: y.h"]);
    }

    /// rustc notes which variables it read.
    #[test]
    fn comments_are_no_rules() {
        let text = "a: b.rs\n\nb.rs:\n\n# env-dep:NAME=x y\n# env-dep:NONE\nc: d\n#";
        assert_eq!(paths(text), ["b.rs", "d"]);
    }

    #[test]
    fn what_is_no_rule_is_an_error_with_its_line() {
        assert_eq!(
            parse(b"a: b\nnonsense here\n"),
            Err("line 2: a rule without `:`".to_owned())
        );
        assert!(parse(b"a: \0").is_err());
        assert_eq!(parse(b" \n\n"), Ok(vec![]));
    }

    /// No input panics or hangs.
    #[test]
    fn every_cut_of_a_depfile_is_read() {
        let text = b"a\\ b.o: c$$d \\\n e\\#f \\\\\\ g \\\r\n h\n\ni:\n";
        for end in 0..text.len() {
            for start in 0..end {
                let _ = parse(&text[start..end]);
            }
        }
    }
}
