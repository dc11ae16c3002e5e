//! Huge pages that are set aside for a measurement, and given back after it.

use std::fs;

const POOL: &str = "/sys/kernel/mm/hugepages/hugepages-2048kB";

/// Bytes of one.
pub const PAGE: usize = 2 << 20;

/// Pages of 2 MiB that the kernel has more than it had, until this is dropped. Who ends the program
/// before that has to take them back himself.
#[derive(Debug)]
pub struct SetAside {
    added: usize,
}

impl SetAside {
    /// Adds so many. Those that are free already may be somebody's who is about to take them.
    ///
    /// # Errors
    ///
    /// They are not to be had, and why.
    pub fn new(wanted: usize) -> Result<Self, String> {
        let before = read("nr_hugepages")?;
        write(before + wanted)?;
        // The kernel stops where it has no more to set aside, and says nothing. What it did goes back.
        let added = read("nr_hugepages")?.saturating_sub(before).min(wanted);
        let aside = Self { added };
        match added == wanted {
            true => Ok(aside),
            false => Err(format!(
                "the kernel sets {added} huge pages aside, and {wanted} were wanted"
            )),
        }
    }
}

impl Drop for SetAside {
    fn drop(&mut self) {
        if self.added == 0 {
            return;
        }
        // What others have set aside meanwhile stays.
        let restored =
            read("nr_hugepages").and_then(|count| write(count.saturating_sub(self.added)));
        if let Err(error) = restored {
            eprintln!("{} huge pages stay set aside: {error}", self.added);
        }
    }
}

fn read(file: &str) -> Result<usize, String> {
    let path = format!("{POOL}/{file}");
    let text = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    text.trim()
        .parse()
        .map_err(|error| format!("{path}: {error}"))
}

fn write(count: usize) -> Result<(), String> {
    let path = format!("{POOL}/nr_hugepages");
    fs::write(&path, count.to_string())
        .map_err(|error| format!("{path}: {error} (it takes root to set {count} aside)"))
}
