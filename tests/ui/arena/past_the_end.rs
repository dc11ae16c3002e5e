use pool::{Arena, ArenaPool};

fn reset() {
    let mut arena = Arena::new();
    let kept = arena.alloc(1);
    arena.reset();
    println!("{kept}");
}

fn rolled_back() {
    let mut arena = Arena::new();
    let here = arena.checkpoint();
    let kept = arena.alloc_str("text");
    arena.rollback(here).unwrap();
    println!("{kept}");
}

fn a_box() {
    let mut arena = Arena::new();
    let kept = arena.alloc_box(String::new());
    arena.reset();
    drop(kept);
}

fn a_guard() {
    let arena = Arena::new();
    let guard = arena.scope_guard();
    let kept = guard.alloc(1);
    drop(guard);
    println!("{kept}");
}

fn an_open_guard() {
    let mut arena = Arena::new();
    let guard = arena.scope_guard();
    arena.reset();
    drop(guard);
}

fn an_inner_guard() {
    let arena = Arena::new();
    let outer = arena.scope_guard();
    let inner = outer.scope_guard();
    drop(outer);
    drop(inner);
}

fn trimmed() {
    let mut arena = Arena::new();
    let kept = arena.no_drop().alloc(1);
    arena.trim();
    println!("{kept}");
}

fn the_arena() {
    let kept = {
        let arena = Arena::new();
        arena.alloc(1)
    };
    println!("{kept}");
}

fn pooled() {
    let arenas = ArenaPool::new();
    let arena = arenas.get();
    let kept = arena.alloc(1);
    drop(arena);
    println!("{kept}");
}

fn reset_within() {
    let mut arena = Arena::new();
    arena.scope(|s| {
        s.alloc(1);
        arena.reset();
    });
}

fn main() {}
