//! The one executable; everything is in the library.

fn main() {}
