//! The arguments of `wake plugin`, checked once.

use std::path::PathBuf;

use super::options::Evaluation;
use super::plugin_args::{RawPlugin, RawPluginTest};
use super::values::pattern;
use crate::error::Result;

/// A command of `wake plugin`.
#[derive(Debug)]
pub enum Plugin {
    Test(PluginTest),
    Reference,
}

/// `wake plugin test`.
#[derive(Debug)]
pub struct PluginTest {
    /// Files and directories; none: the working directory.
    pub paths: Vec<PathBuf>,
    pub is_update: bool,
    /// A pattern, or a part of the name.
    pub filter: Option<String>,
    pub evaluation: Evaluation,
}

impl Plugin {
    pub(super) fn check(raw: RawPlugin) -> Result<Self> {
        match raw {
            RawPlugin::Test(raw) => PluginTest::check(raw).map(Self::Test),
            RawPlugin::Reference => Ok(Self::Reference),
        }
    }
}

impl PluginTest {
    fn check(raw: RawPluginTest) -> Result<Self> {
        Ok(Self {
            paths: raw.paths,
            is_update: raw.update,
            filter: raw.filter.map(pattern).transpose()?,
            evaluation: Evaluation::check(&raw.evaluation)?,
        })
    }
}
