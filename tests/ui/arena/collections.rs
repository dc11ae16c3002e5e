use allocator_api2_04::vec::Vec;
use pool::Arena;

fn at_reset() {
    let mut arena = Arena::new();
    let mut numbers = Vec::new_in(&arena);
    numbers.push(1);
    arena.reset();
    numbers.push(2);
}

fn at_rollback() {
    let mut arena = Arena::new();
    let here = arena.checkpoint();
    let mut numbers = Vec::new_in(&arena);
    numbers.push(1);
    arena.rollback(here).unwrap();
    numbers.push(2);
}

fn after_the_scope() {
    let mut numbers = Arena::new().scope(|s| Vec::<u8, _>::new_in(s));
    numbers.push(1);
}

fn after_the_guard() {
    let arena = Arena::new();
    let guard = arena.scope_guard();
    let mut numbers = Vec::new_in(&*guard);
    drop(guard);
    numbers.push(1);
}

fn main() {}
