//! Settings of a whole process and what it may take, for programs that are about nothing else; a library leaves
//! them alone.

use std::alloc::{GlobalAlloc, Layout, System};

/// Prepares this process for long runs of large tensors. Call it first, before any thread exists.
///
/// Candle's own pool of pinned, spinning threads is cut down to one: it competes with rayon's for
/// the cores, and the large operations are all rayon's. The C library, where it is glibc, keeps freed
/// memory for the next tensor instead of handing it back page by page (measured: 5 to 10 % of a
/// training step of a small model), and shares one heap among all threads where addresses are few (`ulimit -v`).
///
/// # Safety
/// No other thread may run yet: the environment is changed, which another might be reading.
pub unsafe fn prepare() {
    if std::env::var_os("CANDLE_NUM_THREADS").is_none() {
        // SAFETY: the caller's promise that no other thread runs.
        unsafe { std::env::set_var("CANDLE_NUM_THREADS", "1") };
    }
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        const LARGEST_ON_HEAP: libc::c_int = 32 << 20; // as far as it goes
        // SAFETY: sets two limits of the allocator; both values are valid for it.
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, LARGEST_ON_HEAP);
            libc::mallopt(libc::M_TRIM_THRESHOLD, libc::c_int::MAX);
        }
        // Each thread has a heap of 64 MiB of addresses of its own, up to eight for each core; where one is refused,
        // every tensor is asked for and given back by itself (measured: seven times as long). There all share one.
        let cores = std::thread::available_parallelism().map_or(1, usize::from) as u64;
        if free_addresses() < cores * (512 << 20) {
            // SAFETY: as above.
            unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
        }
    }
}

/// Ends this process with words on standard error when it is interrupted or asked to end (SIGINT, SIGTERM), with
/// the exit codes of those signals, 130 and 143. What is being written then is left as by any other end: files
/// are replaced as a whole or not at all.
#[cfg(unix)]
pub fn say_when_stopped(words: &'static str) {
    static WORDS: std::sync::OnceLock<&str> = std::sync::OnceLock::new();
    extern "C" fn stop(signal: libc::c_int) {
        let words = WORDS.get().copied().unwrap_or_default();
        // SAFETY: both calls may be made in a handler of signals, and the words live as long as the process.
        unsafe {
            libc::write(libc::STDERR_FILENO, words.as_ptr().cast(), words.len());
            libc::_exit(128 + signal);
        }
    }
    let _ = WORDS.set(words);
    for signal in [libc::SIGINT, libc::SIGTERM] {
        // SAFETY: the handler makes no call that a handler may not make.
        unsafe { libc::signal(signal, stop as *const () as libc::sighandler_t) };
    }
}

/// Bytes of memory that this process may still take: what is free, or what the control group at the root of its
/// own view leaves of it, whatever files that group has cached, or what is left of its address space.
pub fn free_memory() -> usize {
    let memory = sysinfo::MemoryRefreshKind::nothing().with_ram();
    let system =
        sysinfo::System::new_with_specifics(sysinfo::RefreshKind::nothing().with_memory(memory));
    let of_group = system
        .cgroup_limits()
        .map_or(u64::MAX, |limits| limits.total_memory.saturating_sub(limits.rss));
    let free = system.available_memory().min(of_group).min(free_addresses());
    usize::try_from(free).unwrap_or(usize::MAX)
}

/// Bytes that a limit of the process's addresses (`ulimit -v`) leaves.
fn free_addresses() -> u64 {
    #[cfg(target_os = "linux")]
    {
        let mut limit =
            libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
        // SAFETY: the call writes to the place of a limit that it is given.
        let is_told = unsafe { libc::getrlimit(libc::RLIMIT_AS, &mut limit) } == 0;
        let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
        let pages = pages.split(' ').next().and_then(|pages| pages.parse::<u64>().ok());
        if let (true, true, Some(pages)) = (is_told, limit.rlim_cur < libc::RLIM_INFINITY, pages) {
            // SAFETY: asks for a constant of the system.
            let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) }.max(1) as u64;
            return limit.rlim_cur.saturating_sub(pages * page);
        }
    }
    u64::MAX
}

/// The system's allocator, with which a program ends in words and with exit code 2 where it is given no more
/// memory.
///
/// ```no_run
/// #[global_allocator]
/// static MEMORY: fernn::process::Memory = fernn::process::Memory;
/// ```
pub struct Memory;

impl Memory {
    /// Hands on what the system gave, if it did.
    fn given(memory: *mut u8, bytes: usize) -> *mut u8 {
        if memory.is_null() {
            Self::end(bytes);
        }
        memory
    }

    /// Without an allocation.
    #[cold]
    fn end(bytes: usize) -> ! {
        use std::io::Write;
        let mut said = std::io::Cursor::new([0u8; 256]);
        let _ = writeln!(
            said,
            "error: the system gives no more memory ({bytes} bytes more were asked for);\ntake fewer \
             channels, smaller batches, fewer --jobs or a smaller --memory;\nwhat has been trained is kept"
        );
        let length = said.position() as usize;
        let _ = std::io::stderr().write_all(&said.get_ref()[..length]);
        std::process::exit(2)
    }
}

// SAFETY: every call is handed to the system's allocator as it is, and what it gives is handed back.
unsafe impl GlobalAlloc for Memory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise on `layout`.
        Self::given(unsafe { System.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise on `layout`.
        Self::given(unsafe { System.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise on all three.
        Self::given(unsafe { System.realloc(memory, layout, size) }, size)
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise that `memory` came from here with this `layout`.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn some_memory_is_free_and_less_than_a_petabyte() {
        assert!((1 << 20..1 << 50).contains(&super::free_memory()), "{}", super::free_memory());
    }
}
