use pool::Pooled;

fn at_run_time() -> usize {
    7
}

#[derive(Pooled)]
#[pool(capacity = "many")]
struct Text;

#[derive(Pooled)]
#[pool(capacity = -1)]
struct Negative;

#[derive(Pooled)]
#[pool(capacity = at_run_time())]
struct NotConst;

#[derive(Pooled)]
#[pool(capacity = 1 +)]
struct Unfinished;

fn main() {}
