//! x
mod console;
mod terminal;
fn main() {}
