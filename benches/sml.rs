//! How fast SML is parsed: `cargo bench --bench sml`. The goal for recipes is 60 MB/s; every line should keep its speed
//! when the document grows tenfold, because parsing is linear.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measures")]

use std::time::{Duration, Instant};

use wake::declare::sml;

/// As the binary has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    for count in [1_000, 10_000, 100_000] {
        measure("recipes", &(0..count).map(recipe_of).collect::<String>());
        measure(
            "short keys",
            &(0..count * 10)
                .map(|key| format!("k{key}: 1\n"))
                .collect::<String>(),
        );
        measure(
            "one-digit integers",
            &format!("a: [{}]", vec!["1"; count * 30].join(",")),
        );
        measure("escapes", &format!("a: '{}'", "\\n".repeat(count * 50)));
        measure("blank lines", &"\n".repeat(count * 100));
        measure("unclosed brackets", &"a: {".repeat(count * 30));
    }
}

fn recipe_of(number: usize) -> String {
    format!(
        "Package{number}: {{\n    Name: 'calculator'\n    Version: 1.2.{number}\n    Language: (C++@0)\n    Source: [\n        \
         'source/main.cpp'\n        'source/parser/evaluate.cpp'\n        # a comment\n    ]\n    \
         Dependencies: {{ Runtime: [ <acme|terminal@1.2>, '../library/' ] }}\n}}\n"
    )
}

/// The best of several runs.
fn measure(name: &str, text: &str) {
    let run = |_| {
        let start = Instant::now();
        let parsed = sml::parse("benchmark", text.as_bytes());
        let took = start.elapsed();
        std::hint::black_box(parsed.is_ok());
        took
    };
    let best = (0..5).map(run).min().unwrap_or(Duration::MAX);
    let speed = text.len() as f64 / best.as_secs_f64() / 1e6;
    println!("{name:20} {:>10} bytes {speed:>10.0} MB/s", text.len());
}
