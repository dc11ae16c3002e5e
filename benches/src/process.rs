//! What the kernel says of this process: its memory, and how long its threads wait.

use std::fs;
use std::time::{Duration, Instant};

/// Bytes of the process, by the pages that they are on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resident {
    /// All.
    pub bytes: usize,
    /// On huge pages, transparent ones or such as were set aside.
    pub huge: usize,
}

impl Resident {
    /// As of now; `None` where there is no `/proc/self/smaps_rollup`.
    #[must_use]
    pub fn now() -> Option<Self> {
        let rollup = fs::read_to_string("/proc/self/smaps_rollup").ok()?;
        let bytes = |name: &str| {
            let line = rollup.lines().find_map(|line| line.strip_prefix(name))?;
            let kib: usize = line.trim_end_matches("kB").trim().parse().ok()?;
            Some(kib * 1024)
        };
        let set_aside = bytes("Private_Hugetlb:")? + bytes("Shared_Hugetlb:")?;
        Some(Self {
            bytes: bytes("Rss:")? + set_aside,
            huge: bytes("AnonHugePages:")? + set_aside,
        })
    }

    /// What was added since.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_sub(before.bytes),
            huge: self.huge.saturating_sub(before.huge),
        }
    }
}

/// The most bytes that the process had at a time so far; `None` where there is no
/// `/proc/self/status`.
#[must_use]
pub fn peak() -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: usize = line.trim_end_matches("kB").trim().parse().ok()?;
    Some(kib * 1024)
}

/// How long the calling thread has waited for a CPU in all its life: others were on it. Zero where
/// there is no `/proc/thread-self/schedstat`.
#[must_use]
pub fn waited() -> Duration {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let waited = stat.split_whitespace().nth(1);
    let nanos = waited.and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

/// How long something takes, apart from waiting for a CPU; and how long that was. What is waited is
/// asked inside what is timed, some microseconds, so that it is never more than that.
pub fn timed(work: impl FnOnce()) -> (Duration, Duration) {
    let start = Instant::now();
    let before = waited();
    work();
    let waited = waited().saturating_sub(before);
    (start.elapsed().saturating_sub(waited), waited)
}
