//! Text for people.

/// A greeting for `name`.
pub fn greeting(name: &str) -> String {
    format!("Hello, {name}!")
}

/// Words with spaces between them.
pub fn joined<Word: AsRef<str>>(words: &[Word]) -> String {
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    #[test]
    fn nothing_is_joined_to_nothing() {
        assert_eq!(super::joined::<&str>(&[]), "");
    }
}
