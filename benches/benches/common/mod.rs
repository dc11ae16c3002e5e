//! One criterion group a workload, one row a subject.

use benches::roster::Roster;
use benches::work::Workload;
use criterion::{Criterion, Throughput};
use std::time::Duration;

/// Runs the workloads of a family.
pub(crate) fn family(name: &str) {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    for workload in Workload::ALL {
        if workload.family() == name {
            match workload.obstacle() {
                Some(obstacle) => eprintln!("skipped: {obstacle}"),
                None => group(&mut criterion, workload),
            }
        }
    }
    criterion.final_summary();
}

fn group(criterion: &mut Criterion, workload: Workload) {
    let roster = Roster::for_work(workload);
    let mut group = criterion.benchmark_group(workload.to_string());
    for mut row in roster.rows(workload) {
        group.throughput(Throughput::Elements(row.round.pairs()));
        group.bench_function(row.subject, |bencher| {
            bencher.iter_custom(|steps| row.round.run(steps));
        });
    }
    group.finish();
}
