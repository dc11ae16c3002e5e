//! All subjects, side by side.

use crate::subject::{
    Glibc, Heap, InfinityPool, Limit, NexusSlab, ObjectPool, Opool, Ours, Plurality, ShardedSlab,
    Subject,
};
use crate::turns::Row;
use crate::work::Workload;
use mimalloc::MiMalloc;
use snmalloc_rs::SnMalloc;
use tikv_jemallocator::Jemalloc;

/// One of each.
pub struct Roster {
    pool: Ours,
    limit: Limit,
    glibc: Glibc,
    mimalloc: Heap<MiMalloc>,
    snmalloc: Heap<SnMalloc>,
    jemalloc: Heap<Jemalloc>,
    plurality: Plurality,
    nexus_slab: NexusSlab,
    infinity_pool: InfinityPool,
    opool: Opool,
    object_pool: ObjectPool,
    sharded_slab: ShardedSlab,
}

/// What our own row is called.
pub const OURS: &str = Ours::NAME;

/// What the row is called that is no peer's.
pub const LIMIT: &str = Limit::NAME;

impl Roster {
    /// All of them, with room for a workload.
    #[must_use]
    pub fn for_work(workload: Workload) -> Self {
        let room = workload.room();
        Self {
            pool: Subject::with_room(room),
            limit: Subject::with_room(room),
            glibc: Subject::with_room(room),
            mimalloc: Subject::with_room(room),
            snmalloc: Subject::with_room(room),
            jemalloc: Subject::with_room(room),
            plurality: Subject::with_room(room),
            nexus_slab: Subject::with_room(room),
            infinity_pool: Subject::with_room(room),
            opool: Subject::with_room(room),
            object_pool: Subject::with_room(room),
            sharded_slab: Subject::with_room(room),
        }
    }

    /// The names of all.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        let roster = Self::for_work(Workload::Churn);
        let rows = roster.rows(Workload::Churn);
        rows.iter().map(|row| row.subject).collect()
    }

    /// Those that can do the workload, ready for it.
    ///
    /// `pipe` has no row for the limit, which is for one thread, nor for `nexus-slab`, whose
    /// handles are not `Send`.
    #[must_use]
    pub fn rows(&self, workload: Workload) -> Vec<Row<'_>> {
        let rows = [
            shared(&self.pool, workload),
            local(&self.limit, workload),
            shared(&self.glibc, workload),
            shared(&self.mimalloc, workload),
            shared(&self.snmalloc, workload),
            shared(&self.jemalloc, workload),
            shared(&self.plurality, workload),
            local(&self.nexus_slab, workload),
            shared(&self.infinity_pool, workload),
            shared(&self.opool, workload),
            shared(&self.object_pool, workload),
            shared(&self.sharded_slab, workload),
        ];
        rows.into_iter().flatten().collect()
    }
}

/// For subjects that one thread has to itself.
fn local<S: Subject>(subject: &S, workload: Workload) -> Option<Row<'_>> {
    Some(Row {
        subject: S::NAME,
        one_thread: true,
        round: workload.round(subject)?,
    })
}

/// For subjects whose orders another thread may free.
fn shared<'a, S>(subject: &'a S, workload: Workload) -> Option<Row<'a>>
where
    S: Subject,
    S::Handle<'a>: Send,
    S::Sink<'a>: Send,
{
    Some(Row {
        subject: S::NAME,
        one_thread: false,
        round: workload.shared_round(subject),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn all_have_a_row_of_their_own() {
        for workload in Workload::ALL {
            let roster = Roster::for_work(workload);
            let rows = roster.rows(workload);
            let names: BTreeSet<_> = rows.iter().map(|row| row.subject).collect();
            let expected = if workload.threads() == 1 { 12 } else { 10 };
            assert_eq!(
                (rows.len(), names.len()),
                (expected, expected),
                "{workload}"
            );
            assert!(names.contains(OURS), "{workload}");
        }
    }
}
