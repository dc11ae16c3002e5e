use pool::{Arena, Scope};
use std::cell::{Cell, RefCell};

fn returned() {
    let arena = Arena::new();
    let kept = arena.scope(|s| s.alloc(1));
    println!("{kept}");
}

fn by_a_variable() {
    let mut kept = None;
    Arena::new().scope(|s| kept = Some(s.alloc_str("text")));
    println!("{kept:?}");
}

struct Kept<'a> {
    first: Cell<Option<&'a u32>>,
    all: RefCell<Vec<&'a str>>,
}

fn by_a_cell() {
    let kept = Kept { first: Cell::new(None), all: RefCell::new(Vec::new()) };
    Arena::new().scope(|s| kept.first.set(Some(s.alloc(1))));
    Arena::new().scope(|s| kept.all.borrow_mut().push(s.alloc_str("text")));
}

fn out_of_an_inner_one() {
    Arena::new().scope(|s| {
        let kept = s.scope(|t| t.alloc_box(1));
        println!("{kept}");
    });
}

fn the_scope_itself<'a>(arena: &'a Arena) -> &'a Scope<'a> {
    arena.scope(|s| s)
}

fn without_destructor() {
    let kept = Arena::new().scope(|s| s.no_drop());
    println!("{kept:?}");
}

fn main() {}
