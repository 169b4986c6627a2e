#[test]
fn a_greeting_has_the_name() {
    assert_eq!(text::greeting("you"), "Hello, you!");
}
