//! Prints the squares up to a number.

fn square(number: u32) -> u32 {
    number * number
}

fn main() {
    let last = std::env::args().nth(1).and_then(|text| text.parse().ok());
    for number in 1..=last.unwrap_or(3) {
        println!("{number} {}", square(number));
    }
}

#[test]
fn a_square_is_a_product() {
    assert_eq!(square(12), 144);
}
