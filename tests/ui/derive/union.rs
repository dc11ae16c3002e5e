use pool::Pooled;

#[derive(Pooled)]
union Either {
    integer: u64,
    float: f64,
}

fn main() {}
