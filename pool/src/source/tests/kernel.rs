//! The kernel's own figures, by other ways than the sources use, and a part of a region to try them on.

use super::*;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};

pub(super) const MIB: usize = 1 << 20;

/// What tests write to the base page at an offset.
pub(super) fn mark(offset: usize) -> u8 {
    (offset / 4096 % 251) as u8 + 1
}

/// A span with one part, whose memory is committed and written step by step.
pub(super) struct Part {
    pub(super) source: Box<dyn PageSource>,
    pub(super) span: Option<Span>,
    /// What is below is written.
    pub(super) end: usize,
    /// What is below is committed.
    usable: usize,
    bytes: usize,
}

impl Part {
    pub(super) fn new(wish: &Wish, bytes: usize) -> Self {
        let source = source(wish);
        let layout = Layout::from_size_align(bytes, bytes_of(wish.pages)).unwrap();
        let span = Some(source.map(layout).unwrap());
        Self {
            source,
            span,
            end: 0,
            usable: 0,
            bytes,
        }
    }

    pub(super) fn span(&self) -> &Span {
        self.span.as_ref().unwrap()
    }

    /// Commits up to an offset, and writes to each base page of what is new.
    pub(super) fn grow(&mut self, to: usize) -> Result<(), Refused> {
        if to <= self.end {
            return Ok(());
        }
        if to > self.usable {
            let range = ByteRange::between(self.usable, to);
            // SAFETY: nothing behind what is usable was used.
            let end = unsafe { self.source.commit(self.span(), range, self.bytes) }?;
            assert!((to..=self.bytes).contains(&end), "{to}: {end}");
            self.usable = end;
        }
        for offset in (self.end..to).step_by(4096) {
            // SAFETY: committed, and ours.
            unsafe { self.span().start.add(offset).write(mark(offset)) };
        }
        self.end = to;
        Ok(())
    }

    /// Whether all that was written is still there.
    pub(super) fn is_intact(&self) -> bool {
        (0..self.end)
            .step_by(4096)
            // SAFETY: committed and written.
            .all(|offset| unsafe { self.span().start.add(offset).read() } == mark(offset))
    }

    pub(super) fn survey(&self) -> Survey {
        let all = ByteRange::between(0, self.bytes);
        self.source.survey(self.span(), all)
    }

    /// Bytes of what is there, of some pages.
    pub(super) fn on(&self, pages: PageSize) -> usize {
        let granted = self.survey().granted;
        let of = granted.iter().filter(|granted| granted.pages == pages);
        of.map(|granted| granted.bytes).sum()
    }

    /// Lines of `/proc/self/numa_maps` that begin within the span.
    pub(super) fn numa_maps(&self) -> Vec<String> {
        let start = self.span().start.as_ptr().addr();
        let text = fs::read_to_string("/proc/self/numa_maps").unwrap_or_default();
        let within = |line: &&str| {
            let address = line.split(' ').next().unwrap();
            let address = usize::from_str_radix(address, 16).unwrap();
            (start..start + self.bytes).contains(&address)
        };
        text.lines().filter(within).map(str::to_owned).collect()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Some(span) = self.span.take() {
            // SAFETY: mapped in `new`, and not used again.
            unsafe { self.source.unmap(span) };
        }
    }
}

/// The pool of huge pages of a size, while a test has it to itself; as it was when that ends.
///
/// Whoever changes the pool locks the kernel's file, so that tests of several processes take turns.
pub(crate) struct HugePool {
    folder: PathBuf,
    before: usize,
    _alone: fs::File,
}

impl HugePool {
    /// Has the pool to itself, or says why that cannot be.
    pub(crate) fn alone(page: usize) -> Option<Self> {
        let folder = PathBuf::from(format!(
            "/sys/kernel/mm/hugepages/hugepages-{}kB",
            page / 1024
        ));
        let alone = fs::File::open(folder.join("nr_hugepages"));
        let alone = alone.and_then(|file| file.lock().map(|()| file));
        let Ok(alone) = alone else {
            eprintln!("skipped: no {}: {alone:?}", folder.display());
            return None;
        };
        let mut pool = Self {
            folder,
            before: 0,
            _alone: alone,
        };
        pool.before = pool.read("nr_hugepages");
        Some(pool)
    }

    /// Leaves so many pages free in the pool, or says why that cannot be.
    pub(crate) fn with_free(page: usize, free: usize) -> Option<Self> {
        Self::alone(page).filter(|pool| pool.leave_free(free))
    }

    pub(super) fn leave_free(&self, free: usize) -> bool {
        let used = self.read("nr_hugepages") - self.free();
        let file = self.folder.join("nr_hugepages");
        let written = fs::write(&file, (used + free).to_string());
        let there = self.free();
        if there != free {
            let shown = file.display();
            eprintln!("skipped: {free} huge pages: {shown} ({written:?}) gave {there}");
        }
        there == free
    }

    pub(super) fn read(&self, file: &str) -> usize {
        let text = fs::read_to_string(self.folder.join(file)).unwrap();
        text.trim().parse().unwrap()
    }

    pub(super) fn free(&self) -> usize {
        self.read("free_hugepages")
    }

    /// Pages that are promised to somebody, and not taken.
    pub(super) fn promised(&self) -> usize {
        self.read("resv_hugepages")
    }
}

impl Drop for HugePool {
    fn drop(&mut self) {
        let _ = fs::write(self.folder.join("nr_hugepages"), self.before.to_string());
    }
}

/// Whether `mlock` locks. Sanitizers put one in its place that does nothing.
pub(super) fn can_lock() -> bool {
    let sanitized = std::env::var_os("POOL_TEST_SANITIZER").is_some();
    if sanitized {
        eprintln!("skipped: a sanitizer's `mlock` does nothing");
    }
    !sanitized
}

/// Whether this process is to play a role for a test in another one.
pub(super) fn plays(role: &str) -> bool {
    std::env::var("POOL_TEST_ROLE").is_ok_and(|value| value == role)
}

/// Runs a test of this binary alone in a process, in a role.
pub(super) fn run(test: &str, role: &str) -> (ExitStatus, String) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env("POOL_TEST_ROLE", role)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (
        output.status,
        text + &String::from_utf8_lossy(&output.stderr),
    )
}
