//! Colours by meaning. Colour is decoration: every text says the same without it. It does not know what it colours.

/// How text is decorated: with terminal colours, or not at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    has_color: bool,
}

impl Style {
    /// Text as it is.
    pub const PLAIN: Self = Self { has_color: false };

    pub fn new(has_color: bool) -> Self {
        Self { has_color }
    }

    pub fn has_color(self) -> bool {
        self.has_color
    }

    pub(super) fn error(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    pub(super) fn warning(self, text: &str) -> String {
        self.paint("1;33", text)
    }

    pub(super) fn success(self, text: &str) -> String {
        self.paint("1;32", text)
    }

    pub(super) fn hint(self, text: &str) -> String {
        self.paint("1;36", text)
    }

    pub(super) fn strong(self, text: &str) -> String {
        self.paint("1", text)
    }

    pub(super) fn faint(self, text: &str) -> String {
        self.paint("2", text)
    }

    /// What was expected and is not there.
    pub(super) fn removed(self, text: &str) -> String {
        self.paint("31", text)
    }

    /// What is there and was not expected.
    pub(super) fn added(self, text: &str) -> String {
        self.paint("32", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.has_color {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}
