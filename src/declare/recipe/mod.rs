//! placeholder
use crate::error::Result;
use serde_json::{Map, Value};
pub fn properties(_name: &str, _content: &[u8]) -> Result<Map<String, Value>> {
    Ok(Map::new())
}
