//! What the system says of this process's memory.

#![cfg_attr(windows, allow(unsafe_code))]

/// Resident bytes of this process, from the system; `None` where it does not say.
#[cfg(not(any(windows, miri)))]
pub fn resident() -> Option<usize> {
    // Into an array: nothing is allocated for it.
    let mut text = [0; 128];
    let mut file = std::fs::File::open("/proc/self/statm").ok()?;
    let length = std::io::Read::read(&mut file, &mut text).ok()?;
    let text = std::str::from_utf8(&text[..length]).ok()?;
    let pages: usize = text.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * 4096)
}

/// The same, from Windows.
#[cfg(all(windows, not(miri)))]
pub fn resident() -> Option<usize> {
    use windows_sys::Win32::System::ProcessStatus::{
        GetProcessMemoryInfo, PROCESS_MEMORY_COUNTERS,
    };
    use windows_sys::Win32::System::Threading::GetCurrentProcess;

    let bytes = u32::try_from(size_of::<PROCESS_MEMORY_COUNTERS>()).ok()?;
    let mut counters = PROCESS_MEMORY_COUNTERS::default();
    // SAFETY: a constant that stands for this process.
    let process = unsafe { GetCurrentProcess() };
    // SAFETY: writes into the counters, which are as large as it is told.
    let done = unsafe { GetProcessMemoryInfo(process, &raw mut counters, bytes) };
    (done != 0).then_some(counters.WorkingSetSize)
}

/// The same: Miri has no such figure.
#[cfg(miri)]
pub fn resident() -> Option<usize> {
    None
}
