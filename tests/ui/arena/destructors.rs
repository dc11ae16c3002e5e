use pool::Arena;

struct Owner<'a>(&'a str);

impl Drop for Owner<'_> {
    fn drop(&mut self) {
        println!("{}", self.0);
    }
}

fn of_the_same_scope() {
    Arena::new().scope(|s| {
        let text = s.alloc_str("text");
        s.alloc(Owner(text));
    });
}

fn of_the_same_guard() {
    let arena = Arena::new();
    let guard = arena.scope_guard();
    let text = guard.alloc_str("text");
    guard.alloc(Owner(text));
}

fn of_the_closure() {
    Arena::new().scope(|s| {
        let text = String::from("text");
        s.alloc(Owner(&text));
    });
}

fn of_an_inner_scope() {
    Arena::new().scope(|s| {
        s.scope(|t| {
            s.alloc(Owner(t.alloc_str("text")));
        });
    });
}

fn gone_before_the_guard() {
    let arena = Arena::new();
    let guard = arena.scope_guard();
    let text = String::from("text");
    guard.alloc(Owner(&text));
    drop(text);
}

fn main() {}
