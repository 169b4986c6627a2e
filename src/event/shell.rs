//! Command lines as a person can paste them into a POSIX shell. It knows nothing of how they are run.

/// `words` as one line that a shell splits into these words again.
pub fn command_line<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = words.into_iter().map(quote).collect();
    quoted.join(" ")
}

/// One word, quoted where a shell would read it otherwise. Control characters are written as escapes, so that what is
/// shown is what is pasted.
pub fn quote(word: &str) -> String {
    if !word.is_empty() && word.chars().all(is_harmless) {
        return word.to_owned();
    }
    if word.chars().any(char::is_control) {
        return quote_with_escapes(word);
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn is_harmless(character: char) -> bool {
    character.is_alphanumeric() || "%+,-./:=@_".contains(character)
}

fn quote_with_escapes(word: &str) -> String {
    let mut quoted = String::from("$'");
    for character in word.chars() {
        match character {
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            '\'' | '\\' => {
                quoted.push('\\');
                quoted.push(character);
            }
            // Three octal digits: a shell never takes the next character for a part of them.
            other if other.is_control() => {
                let mut bytes = [0; 4];
                for byte in other.encode_utf8(&mut bytes).bytes() {
                    quoted.push_str(&format!("\\{byte:03o}"));
                }
            }
            other => quoted.push(other),
        }
    }
    quoted.push('\'');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_needs_quotes_gets_them() {
        assert_eq!(
            command_line([
                "g++",
                "-DNAME=\"a b\"",
                "it's",
                "",
                "src/ä.cpp",
                "$HOME",
                "~"
            ]),
            r#"g++ '-DNAME="a b"' 'it'\''s' '' src/ä.cpp '$HOME' '~'"#
        );
    }

    #[test]
    fn a_shell_reads_back_what_was_quoted() {
        let words = [
            "a\nb\x01'\\1",
            "tab\there",
            "\u{9b}",
            "#x",
            "-",
            "a;b&c|d<e>f*?[]{}!",
            "é ü",
        ];
        let script = format!("printf '%s\\0' {}", command_line(words));
        let output = std::process::Command::new("bash")
            .args(["-c", &script])
            .output()
            .unwrap();
        let read: Vec<&str> = std::str::from_utf8(&output.stdout)
            .unwrap()
            .split_terminator('\0')
            .collect();
        assert_eq!(read, words);
    }
}
