use pool::{Arena, ArenaPool};
use std::rc::Rc;

fn an_arena() {
    Arena::new().alloc(Rc::new(1));
}

fn a_pooled_one() {
    ArenaPool::new().get().alloc_iter([Rc::new(1)]);
}

fn main() {}
