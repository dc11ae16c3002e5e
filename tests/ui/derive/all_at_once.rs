use pool::Pooled;

#[derive(Pooled)]
#[pool(capasity = 8, prefault, prefault)]
union Everything<T: Copy> {
    one: T,
}

fn main() {}
