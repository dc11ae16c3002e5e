//! One criterion group a workload, one row a subject.

use benches::roster::Roster;
use benches::turns::Row;
use benches::work::Workload;
use criterion::{Criterion, Throughput};
use std::time::Duration;

/// Runs the workloads of a family.
#[allow(
    dead_code,
    reason = "`handles`, `arenas` and `allocators` have workloads of their own"
)]
pub(crate) fn family(name: &str) {
    let mut criterion = criterion();
    for workload in Workload::ALL {
        if workload.family() == name {
            match workload.obstacle() {
                Some(obstacle) => eprintln!("skipped: {obstacle}"),
                None => {
                    let roster = Roster::for_work(workload);
                    group(&mut criterion, &workload.to_string(), roster.rows(workload));
                }
            }
        }
    }
    criterion.final_summary();
}

/// Criterion, as all are measured.
pub(crate) fn criterion() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args()
}

/// Measures all who do a workload.
pub(crate) fn group(criterion: &mut Criterion, workload: &str, rows: Vec<Row<'_>>) {
    let mut group = criterion.benchmark_group(workload);
    for mut row in rows {
        group.throughput(Throughput::Elements(row.round.pairs()));
        group.bench_function(row.subject, |bencher| {
            bencher.iter_custom(|steps| row.round.run(steps));
        });
    }
    group.finish();
}
