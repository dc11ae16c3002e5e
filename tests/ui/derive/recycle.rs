use pool::{Pooled, Recycle};
use std::marker::PhantomPinned;
use std::rc::Rc;

#[derive(Default, Pooled)]
#[pool(capacity = 8, recycle)]
struct Buffer(Vec<u8>);

#[derive(Pooled)]
#[pool(recycle)]
struct Message(Vec<u8>);

impl Recycle for Message {
    fn recycle(&mut self) {
        self.0.clear();
    }
}

#[derive(Default, Pooled)]
#[pool(recycle)]
struct Local(Rc<u8>);

impl Recycle for Local {
    fn recycle(&mut self) {}
}

#[derive(Default, Pooled)]
#[pool(recycle, for(Generic<u8>, Generic<Rc<u8>>))]
struct Generic<T>(T);

impl<T: Default> Recycle for Generic<T> {
    fn recycle(&mut self) {}
}

#[derive(Default, Pooled)]
#[pool(recycle)]
struct Pinned(PhantomPinned);

impl Recycle for Pinned {
    fn recycle(&mut self) {}
}

fn main() {}
