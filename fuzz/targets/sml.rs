//! Any bytes are a document or an error, never a panic; what a document says survives being written and laid out.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wake::declare::sml;

fuzz_target!(|bytes: &[u8]| {
    let Ok(table) = sml::parse("fuzzed", bytes) else {
        return;
    };
    let written = sml::write(&table);
    let again = sml::parse("written", written.as_bytes()).expect("what is written can be read");
    assert!(again.says(&table), "{written}");
    let text = std::str::from_utf8(bytes).expect("what can be read is UTF-8");
    let laid_out = sml::format("fuzzed", text).expect("what can be read can be laid out");
    assert_eq!(sml::format("laid out", &laid_out).expect("so can the result"), laid_out);
});
