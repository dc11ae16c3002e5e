//! On which processor a thread runs, on which it may, and where the system says what there is.
//! Linux alone; elsewhere nothing is known.
//!
//! The C library's `cpu_set_t` has 1,024 processors. The kernel takes sets of any length, so these
//! are as long as needs be, and the system calls are made past the library.

pub(crate) use imp::{CpuSet, FILES, current_cpu};

/// Where the system says what there is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Files {
    /// A folder: the nodes.
    pub(crate) nodes: &'static str,
    /// The processors that are online.
    pub(crate) cpus: &'static str,
    /// The machine's memory.
    pub(crate) meminfo: &'static str,
    /// This process, and the nodes whose memory it may use.
    pub(crate) status: &'static str,
}

#[cfg(all(target_os = "linux", not(miri)))]
mod imp {
    use super::Files;
    use std::io;

    pub(crate) const FILES: Option<Files> = Some(Files {
        nodes: "/sys/devices/system/node",
        cpus: "/sys/devices/system/cpu/online",
        meminfo: "/proc/meminfo",
        status: "/proc/self/status",
    });

    /// Bits of the kernel's word of a set of processors.
    const WORD: usize = libc::c_ulong::BITS as usize;

    /// No kernel knows as many processors.
    const MOST: usize = 1 << 20;

    /// The calling thread, as the calls on sets name it.
    const THIS_THREAD: libc::c_long = 0;

    /// The number of the processor that this thread runs on.
    #[inline]
    pub(crate) fn current_cpu() -> Option<u32> {
        // SAFETY: asks for a number; in the vDSO, where there is one.
        let cpu = unsafe { libc::sched_getcpu() };
        u32::try_from(cpu).ok()
    }

    /// A set of processors, as the kernel keeps them.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct CpuSet(Vec<libc::c_ulong>);

    impl CpuSet {
        /// The set of the processors with these numbers.
        pub(crate) fn of(cpus: &[u32]) -> Self {
            let largest = cpus.iter().max().map_or(0, |&cpu| cpu as usize);
            let mut words = vec![0; largest / WORD + 1];
            for &cpu in cpus {
                words[cpu as usize / WORD] |= 1 << (cpu as usize % WORD);
            }
            Self(words)
        }

        /// The set that this thread may run on.
        pub(crate) fn of_this_thread() -> Result<Self, Option<i32>> {
            Self::read(1024 / WORD)
        }

        /// Reads this thread's set, into so many words to begin with.
        fn read(room: usize) -> Result<Self, Option<i32>> {
            let mut words: Vec<libc::c_ulong> = vec![0; room];
            loop {
                let bytes = size_of_val(&words[..]);
                let start = words.as_mut_ptr();
                // SAFETY: the kernel writes at most `bytes` bytes, which are those of `words`; any
                // bits are a word, and nobody else has the vector.
                let written = unsafe {
                    libc::syscall(libc::SYS_sched_getaffinity, THIS_THREAD, bytes, start)
                };
                if written >= 0 {
                    return Ok(Self(words)); // What the kernel did not write is zero.
                }
                // A kernel that counts more processors than there is room for says EINVAL.
                let errno = errno();
                if errno != Some(libc::EINVAL) || words.len() * WORD >= MOST {
                    return Err(errno);
                }
                words = vec![0; (words.len() * 2).max(1)];
            }
        }

        /// Has this thread run on these processors alone, from the call's return on.
        pub(crate) fn tie_this_thread(&self) -> Result<(), Option<i32>> {
            let bytes = size_of_val(&self.0[..]);
            let start = self.0.as_ptr();
            // SAFETY: the kernel reads at most `bytes` bytes, which are those of the set.
            let result =
                unsafe { libc::syscall(libc::SYS_sched_setaffinity, THIS_THREAD, bytes, start) };
            if result == 0 { Ok(()) } else { Err(errno()) }
        }
    }

    fn errno() -> Option<i32> {
        io::Error::last_os_error().raw_os_error()
    }

    #[cfg(all(test, not(loom)))]
    mod tests {
        use super::*;

        /// What the kernel says in text that this thread may run on.
        fn allowed() -> String {
            let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
            line.unwrap().trim().to_owned()
        }

        #[test]
        fn a_set_may_be_larger_than_the_librarys_and_larger_than_the_kernels() {
            let before = (CpuSet::of_this_thread().unwrap(), allowed());
            let cpu = current_cpu().unwrap();
            // Processors that are not there do not count.
            let large = CpuSet::of(&[cpu, 5_000, 60_000]);
            assert!(size_of_val(&large.0[..]) > size_of::<libc::cpu_set_t>());
            let members = (0..=60_000).filter(|cpu| large.0[cpu / WORD] >> (cpu % WORD) & 1 != 0);
            assert_eq!(members.collect::<Vec<_>>(), [cpu as usize, 5_000, 60_000]);
            large.tie_this_thread().unwrap();
            assert_eq!(allowed(), cpu.to_string());
            assert_eq!(current_cpu(), Some(cpu));
            before.0.tie_this_thread().unwrap();
            assert_eq!(allowed(), before.1);
        }

        #[test]
        fn too_little_room_grows() {
            let grown = CpuSet::read(0).unwrap().0;
            let known = CpuSet::of_this_thread().unwrap().0;
            assert!(!grown.is_empty() && grown.len() <= known.len());
            assert_eq!(grown[..], known[..grown.len()]);
        }

        #[test]
        fn processors_that_are_not_there_are_refused() {
            let refused = CpuSet::of(&[60_000]).tie_this_thread();
            assert_eq!(refused, Err(Some(libc::EINVAL)));
        }
    }
}

#[cfg(not(all(target_os = "linux", not(miri))))]
mod imp {
    use super::Files;

    pub(crate) const FILES: Option<Files> = None;

    pub(crate) fn current_cpu() -> Option<u32> {
        None
    }

    /// There is none: nothing here reads or sets it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct CpuSet(());

    impl CpuSet {
        pub(crate) fn of(_: &[u32]) -> Self {
            Self(())
        }

        /// An error without a number: the system is not asked.
        pub(crate) fn of_this_thread() -> Result<Self, Option<i32>> {
            Err(None)
        }

        pub(crate) fn tie_this_thread(&self) -> Result<(), Option<i32>> {
            Err(None)
        }
    }
}
