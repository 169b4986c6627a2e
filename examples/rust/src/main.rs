//! Prints its arguments, or a greeting, with their checksum.

mod checksum;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let line = match words.as_slice() {
        [] => text::greeting("world"),
        words => text::joined(words),
    };
    println!("{line} ({:08x})", checksum::of(&line));
}
