use pool::Arena;

struct Owner<'a>(&'a str);

impl Drop for Owner<'_> {
    fn drop(&mut self) {
        println!("{}", self.0);
    }
}

fn borrowed() {
    let text = String::from("text");
    let arena = Arena::new();
    arena.alloc(Owner(&text));
}

fn main() {}
