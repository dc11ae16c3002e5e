//! The limits of Linux.

use pool::{AllocError, SlabAlloc};
use std::alloc::{Layout, alloc, dealloc, realloc};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::ptr::NonNull;
use std::thread;
use std::time::{Duration, Instant};
use tests::Dice;

#[global_allocator]
static GLOBAL: SlabAlloc = SlabAlloc::new();

const MIB: usize = 1 << 20;

/// How long a child may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a process may have too little of.
#[derive(Debug, Clone, Copy)]
enum Limit {
    AddressSpace,
    Data,
}

/// The sizes of a child's blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Small,
    Large,
    Both,
}

const KINDS: [Kind; 3] = [Kind::Small, Kind::Large, Kind::Both];

impl Kind {
    fn size(self, dice: &Dice) -> usize {
        match self {
            Self::Small => 16 + dice.below(2000),
            Self::Large => 40_000 + dice.below(2 * MIB),
            Self::Both if dice.below(20) == 0 => 40_000 + dice.below(MIB / 4),
            Self::Both => 16 + dice.below(30_000),
        }
    }
}

pub(crate) fn main() {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some("child") {
        let mut number = || {
            arguments
                .next()
                .expect("a number")
                .parse()
                .expect("a number")
        };
        child(number(), KINDS[number()], number());
        return;
    }
    if std::env::var_os("POOL_TEST_SANITIZER").is_some() {
        println!("skipped: a sanitizer needs more memory than the limits leave");
        return;
    }
    for limit in [Limit::AddressSpace, Limit::Data] {
        for mib in [64, 256] {
            for kind in 0..KINDS.len() {
                parent(limit, mib, kind, 1);
            }
        }
        parent(limit, 1024, 2, 1);
        parent(limit, 256, 0, 4);
        parent(limit, 256, 2, 4);
    }
}

/// Runs a child under a limit, and asserts that it ends well, and in time.
fn parent(limit: Limit, mib: usize, kind: usize, threads: usize) {
    let began = Instant::now();
    let what = format!("{limit:?} {mib} MiB, {:?}, threads: {threads}", KINDS[kind]);
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command
        .arg("child")
        .args([mib, kind, threads].map(|number| number.to_string()))
        // The C library's own allocator reserves 64 MiB for a thread otherwise.
        .env("MALLOC_ARENA_MAX", "1")
        .stdin(Stdio::null());
    let resource = match limit {
        Limit::AddressSpace => libc::RLIMIT_AS,
        Limit::Data => libc::RLIMIT_DATA,
    };
    let limits = libc::rlimit {
        rlim_cur: (mib * MIB) as libc::rlim_t,
        rlim_max: (mib * MIB) as libc::rlim_t,
    };
    let set = move || {
        // SAFETY: reads the limits.
        match unsafe { libc::setrlimit(resource, &raw const limits) } {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        }
    };
    // SAFETY: what runs between fork and exec is one system call, and the making of an error.
    unsafe { command.pre_exec(set) };
    let mut child = command.spawn().expect("a child");
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child") {
            break status;
        }
        if began.elapsed() > PATIENCE {
            child.kill().expect("our child");
            let _ = child.wait();
            panic!("{what}: hangs");
        }
        thread::sleep(Duration::from_millis(5));
    };
    assert!(status.success(), "{what}: {status}");
    println!("{what}: ok in {} ms", began.elapsed().as_millis());
}

/// All blocks of a thread: each is the head of a list, and has the size of its own. So the list takes no memory
/// beside them.
struct Blocks(Option<NonNull<Head>>);

struct Head {
    next: Option<NonNull<Head>>,
    size: usize,
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).expect("a layout")
}

impl Blocks {
    /// One more, unless there is no memory.
    fn push(&mut self, size: usize) -> bool {
        // SAFETY: not of no size.
        let block = unsafe { alloc(layout(size)) };
        let Some(head) = NonNull::new(block.cast::<Head>()) else {
            return false;
        };
        let next = self.0.replace(head);
        // SAFETY: new, large enough and aligned to 8 bytes.
        unsafe { head.write(Head { next, size }) };
        // Its end and some of what is between are there as well.
        for from in (size_of::<Head>()..size).step_by(4096).chain([size - 1]) {
            if from >= size_of::<Head>() {
                // SAFETY: within the block.
                let byte = unsafe { block.add(from) };
                // SAFETY: ours.
                unsafe { byte.write(size.to_le_bytes()[0]) };
            }
        }
        true
    }

    /// As many as there is memory for: how many bytes these are.
    fn fill(&mut self, kind: Kind, dice: &Dice) -> usize {
        let mut bytes = 0;
        loop {
            let size = kind.size(dice);
            if !self.push(size) {
                return bytes;
            }
            bytes += size;
        }
    }

    /// Takes the block off that was pushed last, and looks whether it is as it was left.
    fn pop(&mut self) -> Option<(NonNull<Head>, usize, bool)> {
        let head = self.0?;
        // SAFETY: live, and written.
        let &Head { next, size } = unsafe { head.as_ref() };
        self.0 = next;
        let end = size - 1;
        // SAFETY: within the block.
        let byte = unsafe { head.cast::<u8>().add(end) };
        // SAFETY: written in `push`.
        let intact = end < size_of::<Head>() || unsafe { byte.read() } == size.to_le_bytes()[0];
        Some((head, size, intact))
    }

    /// Frees all but each `keep`th: how many bytes, and whether all were intact.
    fn free(&mut self, keep: usize) -> (usize, bool) {
        let (mut kept, mut bytes, mut sound, mut n) = (Self(None), 0, true, 0);
        while let Some((mut head, size, intact)) = self.pop() {
            sound &= intact;
            n += 1;
            if n % keep == 0 && keep > 1 {
                // SAFETY: ours, off the list.
                unsafe { head.as_mut() }.next = kept.0.replace(head);
            } else {
                bytes += size;
                // SAFETY: ours, off the list, by its layout.
                unsafe { dealloc(head.as_ptr().cast(), layout(size)) };
            }
        }
        *self = kept;
        (bytes, sound)
    }

    /// Whether the last one cannot grow to a size beyond all limits, and is as it was.
    fn last_stays(&mut self) -> bool {
        let Some((head, size, mut intact)) = self.pop() else {
            return false;
        };
        // SAFETY: our block by its layout; not zero, and not too large for a layout.
        let grown = unsafe { realloc(head.as_ptr().cast(), layout(size), 4096 * MIB) };
        intact &= grown.is_null();
        self.0 = Some(head);
        intact
    }
}

/// Nothing in here may panic, or print, before memory is free again: what was seen is asserted afterwards.
struct Seen {
    first: usize,
    refused: [Option<AllocError>; 2],
    stays: bool,
    freed: usize,
    second: usize,
    sound: bool,
}

fn exhaust(kind: Kind, seed: u64) -> Seen {
    let dice = Dice::new(seed);
    let mut blocks = Blocks(None);
    let first = blocks.fill(kind, &dice);
    let refused = [64 * MIB, 4096 * MIB].map(|size| GLOBAL.allocate(size, 64).err());
    let stays = blocks.last_stays();
    // Half of it, then all: there is memory again, for others, too.
    let (freed, mut sound) = blocks.free(2);
    let second = blocks.fill(kind, &dice);
    sound &= blocks.free(1).1;
    Seen {
        first,
        refused,
        stays,
        freed,
        second,
        sound,
    }
}

fn child(mib: usize, kind: Kind, threads: usize) {
    // What these have for themselves is there beforehand.
    println!("  blocks under {mib} MiB");
    let least = match mib {
        ..128 => mib * MIB / 4,
        _ => mib * MIB * 6 / 10,
    };
    let others: Vec<_> = (1..threads)
        .map(|n| thread::spawn(move || exhaust(kind, n as u64 + 1)))
        .collect();
    let mut all = vec![exhaust(kind, 1)];
    all.extend(others.into_iter().map(|other| other.join().expect("ends")));
    for seen in &all {
        assert!(seen.sound && seen.stays, "a block is not as it was");
        for (refused, size) in seen.refused.iter().zip([64 * MIB, 4096 * MIB]) {
            // Other threads may have freed so much meanwhile.
            if threads > 1 && refused.is_none() {
                continue;
            }
            let expected = AllocError::OutOfMemory {
                size,
                align: 64,
                errno: Some(libc::ENOMEM),
            };
            assert_eq!(*refused, Some(expected));
        }
        if threads == 1 {
            // Small blocks that were freed one by one are used again; large ones leave gaps that few fit in.
            let least = if kind == Kind::Small {
                seen.freed / 2
            } else {
                1
            };
            assert!(seen.second >= least, "{} of {}", seen.second, seen.freed);
        }
    }
    if threads == 1 {
        let first = all[0].first;
        println!("  {} % used", first * 100 / (mib * MIB));
        assert!(first >= least, "{first} bytes of {mib} MiB could be used");
        // The same again, and small blocks where large ones were. Addresses of slabs are never given back: large
        // blocks may get nothing of what small ones had.
        let turns = if mib < 1024 { 3 } else { 0 };
        for (turn, next) in [kind, Kind::Small, Kind::Large]
            .into_iter()
            .enumerate()
            .take(turns)
        {
            let again = exhaust(next, 9);
            println!("  then {next:?}: {} %", again.first * 100 / (mib * MIB));
            assert!(again.sound);
            assert!(
                again.first >= least || turn == 2,
                "{} bytes of {mib} MiB, then",
                again.first
            );
        }
    }
    // The program goes on as if nothing had been.
    let words: Vec<String> = (0..1000).map(|n| n.to_string()).collect();
    assert_eq!(words.concat().len(), 2890);
}
