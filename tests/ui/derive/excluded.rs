use pool::Pooled;

#[derive(Pooled)]
#[pool(shared, on_full = "heap")]
struct Shared;

#[derive(Pooled)]
#[pool(on_full = "heap", capacity = 8, shared)]
struct Overflowing;

#[derive(Default, Pooled)]
#[pool(recycle, scrub)]
struct Recycled;

impl pool::Recycle for Recycled {
    fn recycle(&mut self) {}
}

#[derive(Pooled)]
#[pool(scrub)]
#[pool(recycle)]
struct Scrubbed;

impl pool::Recycle for Scrubbed {
    fn recycle(&mut self) {}
}

impl Default for Scrubbed {
    fn default() -> Self {
        Self
    }
}

#[derive(Pooled)]
#[pool(numa = "local_only", on_full = "heap")]
struct Somewhere;

#[derive(Pooled)]
#[pool(on_full = "wait", numa = "local_only")]
struct Anywhere;

fn main() {}
