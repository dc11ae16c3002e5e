use pool::{PoolBox, Pooled};

#[derive(Pooled)]
#[pool(for(Message<u64>, Message<String>))]
struct Message<T>(T);

fn generic<T>(_message: &PoolBox<Message<T>>) {}

fn main() {
    let _listed = PoolBox::new(Message(7_u64));
    let _other = PoolBox::new(Message('7'));
}
