/// A greeting for `name`.
pub fn greeting(name: &str) -> String {
    format!("Hello, {name}!")
}

#[test]
fn it_names_who_is_greeted() {
    assert_eq!(greeting("you"), "Hello, you!");
}
