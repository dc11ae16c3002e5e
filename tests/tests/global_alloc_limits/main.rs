//! What the program's allocator does when the system has no more memory to give: under limits on the address space
//! and on data, from 64 MiB to 1 GiB. Blocks end with null, not with a crash; most of the limit can be used;
//! what is freed can be used again, for blocks of other sizes, too.
//!
//! A program of its own, since limits are a process's: it runs itself for each of them.

#[cfg(all(target_os = "linux", not(miri)))]
mod linux;

fn main() {
    #[cfg(all(target_os = "linux", not(miri)))]
    linux::main();
    #[cfg(not(all(target_os = "linux", not(miri))))]
    println!("skipped: limits are tested on Linux");
}
