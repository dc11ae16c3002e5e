use pool::{PoolBox, Pooled};

#[derive(Pooled)]
#[pool(capasity = 8)]
struct Misspelt;

#[derive(Pooled)]
#[pool(capacity = 8, colour = "red")]
struct Other;

fn main() {
    // Nothing more is said about types whose attributes are wrong.
    drop(PoolBox::new(Misspelt));
    drop(PoolBox::new(Other));
}
