use pool::{PoolArc, PoolBox, PoolWeak, Pooled};

type Any = for<'a> fn(&'a u8);
type Static = fn(&'static u8);

#[derive(Pooled)]
#[pool(shared, for(Hook<Any>, Hook<Static>))]
struct Hook<F>(F);

fn boxes(hook: PoolBox<Hook<Any>>) -> PoolBox<Hook<Static>> {
    hook
}

fn owners(hook: PoolArc<Hook<Any>>) -> PoolArc<Hook<Static>> {
    hook
}

fn keys(hook: PoolWeak<Hook<Any>>) -> PoolWeak<Hook<Static>> {
    hook
}

fn main() {}
