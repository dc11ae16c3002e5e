//! Whether what is measured happens: each subject does each workload, in small, and is watched.

use crate::Order;
use crate::subject::{Limit, Ours, Subject};
use crate::work::{Frees, Workload};
use std::collections::BTreeSet;
use std::sync::Mutex;

/// A subject, and a ledger of what it was asked to do.
struct Checked<S> {
    subject: S,
    ledger: Mutex<Ledger>,
}

#[derive(Default)]
struct Ledger {
    live: BTreeSet<u64>,
    most: usize,
    freed: u64,
}

/// A handle, and the number of the order that it should hold.
struct Ticket<H> {
    id: u64,
    handle: H,
}

impl<S: Subject> Subject for Checked<S> {
    const NAME: &'static str = S::NAME;
    type Handle<'a> = Ticket<S::Handle<'a>>;
    type Sink<'a> = (&'a Mutex<Ledger>, S::Sink<'a>);

    fn with_room(orders: usize) -> Self {
        Self {
            subject: S::with_room(orders),
            ledger: Mutex::default(),
        }
    }

    fn make(&self, order: Order) -> Self::Handle<'_> {
        let mut ledger = self.ledger.lock().unwrap();
        assert!(ledger.live.insert(order.id), "made twice");
        ledger.most = ledger.most.max(ledger.live.len());
        drop(ledger);
        Ticket {
            id: order.id,
            handle: self.subject.make(order),
        }
    }

    fn sink(&self) -> Self::Sink<'_> {
        (&self.ledger, self.subject.sink())
    }

    fn enter((_, sink): Self::Sink<'_>) {
        S::enter(sink);
    }

    unsafe fn free<'a>((ledger, sink): Self::Sink<'a>, ticket: Self::Handle<'a>) {
        // SAFETY: both of the subject inside, by contract.
        let order = unsafe { S::read(sink, &ticket.handle) };
        assert_eq!(order, Order::nth(ticket.id));
        // SAFETY: as above.
        unsafe { S::free(sink, ticket.handle) };
        let mut ledger = ledger.lock().unwrap();
        assert!(ledger.live.remove(&ticket.id), "freed twice");
        ledger.freed += 1;
    }

    unsafe fn read<'a>((_, sink): Self::Sink<'a>, ticket: &Self::Handle<'a>) -> Order {
        // SAFETY: both of the subject inside, by contract.
        unsafe { S::read(sink, &ticket.handle) }
    }
}

const STEPS: u64 = 3;

/// Does two rounds, and compares the ledger: how many were freed, and live at a time.
fn watch<S: Subject>(subject: &Checked<S>, workload: Workload, freed: u64, most: usize) {
    let mut round = workload.round(subject).expect("for one thread");
    assert!(!round.run(STEPS).is_zero());
    round.run(STEPS);
    drop(round);
    let ledger = subject.ledger.lock().unwrap();
    assert!(ledger.live.is_empty(), "{} kept some", S::NAME);
    assert_eq!((ledger.freed, ledger.most), (freed, most), "{}", S::NAME);
}

fn local<S: Subject>() {
    let batch = |orders, frees| Workload::Batch { orders, frees };
    let expectations = [
        (Workload::Churn, 2 * STEPS, 1),
        (batch(7, Frees::Lifo), 2 * STEPS * 7, 7),
        (batch(7, Frees::Fifo), 2 * STEPS * 7, 7),
        (batch(300, Frees::Shuffled), 2 * STEPS * 300, 300),
        (Workload::Replace { live: 9 }, 2 * STEPS + 9, 10),
    ];
    for (workload, freed, most) in expectations {
        let subject = Checked::<S>::with_room(workload.room());
        watch(&subject, workload, freed, most);
    }
    assert!(Workload::Pipe { ring: 1 }.round(&S::with_room(1)).is_none());
}

/// The orders that pass before the clock starts are freed as well.
fn piped<S>()
where
    S: Subject,
    for<'a> S::Handle<'a>: Send,
    for<'a> S::Sink<'a>: Send,
{
    for ring in [1, 5] {
        let workload = Workload::Pipe { ring };
        let subject = Checked::<S>::with_room(workload.room());
        let mut round = workload.shared_round(&subject);
        round.run(500);
        drop(round);
        let ledger = subject.ledger.lock().unwrap();
        assert!(ledger.live.is_empty(), "{} kept some", S::NAME);
        assert_eq!(ledger.freed, 500 + 4 * ring as u64, "{}", S::NAME);
        assert!((1..=ring + 2).contains(&ledger.most), "{}", S::NAME);
    }
}

#[test]
fn ours() {
    local::<Ours>();
    piped::<Ours>();
}

#[test]
fn limit() {
    local::<Limit>();
}

#[cfg(feature = "peers")]
mod peers {
    use super::{local, piped};
    use crate::subject::{
        Glibc, Heap, InfinityPool, NexusSlab, ObjectPool, Opool, Plurality, ShardedSlab,
    };
    use mimalloc::MiMalloc;
    use snmalloc_rs::SnMalloc;
    use tikv_jemallocator::Jemalloc;

    #[test]
    fn glibc() {
        local::<Glibc>();
        piped::<Glibc>();
    }

    #[test]
    fn mimalloc() {
        local::<Heap<MiMalloc>>();
        piped::<Heap<MiMalloc>>();
    }

    #[test]
    fn snmalloc() {
        local::<Heap<SnMalloc>>();
        piped::<Heap<SnMalloc>>();
    }

    #[test]
    fn jemalloc() {
        local::<Heap<Jemalloc>>();
        piped::<Heap<Jemalloc>>();
    }

    #[test]
    fn plurality() {
        local::<Plurality>();
        piped::<Plurality>();
    }

    #[test]
    fn nexus_slab() {
        local::<NexusSlab>();
    }

    #[test]
    fn infinity_pool() {
        local::<InfinityPool>();
        piped::<InfinityPool>();
    }

    #[test]
    fn opool() {
        local::<Opool>();
        piped::<Opool>();
    }

    #[test]
    fn object_pool() {
        local::<ObjectPool>();
        piped::<ObjectPool>();
    }

    #[test]
    fn sharded_slab() {
        local::<ShardedSlab>();
        piped::<ShardedSlab>();
    }
}
