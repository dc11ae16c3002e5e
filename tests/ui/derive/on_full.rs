use pool::{PoolBox, Pooled};

#[derive(Pooled)]
#[pool(on_full = "box")]
struct Synonym;

#[derive(Pooled)]
#[pool(on_full = "wiat")]
struct Misspelt;

#[derive(Pooled)]
#[pool(on_full = Wait)]
struct Variant;

#[derive(Pooled)]
#[pool(on_full)]
struct Alone;

#[derive(Pooled)]
#[pool(on_full("heap"))]
struct Parentheses;

#[derive(Pooled)]
#[pool(heap)]
struct Word;

fn main() {
    drop(PoolBox::new(Synonym));
}
