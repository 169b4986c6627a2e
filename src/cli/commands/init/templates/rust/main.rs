fn main() {
    let name = std::env::args().nth(1);
    println!("{}", greeting::greeting(name.as_deref().unwrap_or("world")));
}
