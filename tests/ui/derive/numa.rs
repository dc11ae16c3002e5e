use pool::Pooled;

#[derive(Pooled)]
#[pool(numa = "interleave")]
struct Misspelt;

#[derive(Pooled)]
#[pool(numa = "Local_Only")]
struct Capitals;

#[derive(Pooled)]
#[pool(numa = "bind")]
struct Synonym;

#[derive(Pooled)]
#[pool(numa = "node 3")]
struct Unknown;

#[derive(Pooled)]
#[pool(numa = local_only)]
struct BareWord;

#[derive(Pooled)]
#[pool(numa = pool::NumaPolicy::Adaptive)]
struct Variant;

#[derive(Pooled)]
#[pool(numa = 3)]
struct Number;

#[derive(Pooled)]
#[pool(numa)]
struct NoValue;

#[derive(Pooled)]
#[pool(nuna = "adaptive")]
struct MisspeltName;

fn main() {}
