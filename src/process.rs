//! Settings of a whole process and what it may take, for programs that are about nothing else; a library leaves
//! them alone.

/// Prepares this process for long runs of large tensors. Call it first, before any thread exists.
///
/// Candle's own pool of pinned, spinning threads is cut down to one: it competes with rayon's for
/// the cores, and the large operations are all rayon's. The C library, where it is glibc, keeps freed
/// memory for the next tensor instead of handing it back page by page (measured: 5 to 10 % of a
/// training step of a small model).
///
/// # Safety
/// No other thread may run yet: the environment is changed, which another might be reading.
pub unsafe fn prepare() {
    if std::env::var_os("CANDLE_NUM_THREADS").is_none() {
        // SAFETY: the caller's promise that no other thread runs.
        unsafe { std::env::set_var("CANDLE_NUM_THREADS", "1") };
    }
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: sets two limits of the allocator; both values are valid for it.
    unsafe {
        const LARGEST_ON_HEAP: libc::c_int = 32 << 20; // as far as it goes
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGEST_ON_HEAP);
        libc::mallopt(libc::M_TRIM_THRESHOLD, libc::c_int::MAX);
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
/// own view leaves of it, whatever files that group has cached.
pub fn free_memory() -> usize {
    let memory = sysinfo::MemoryRefreshKind::nothing().with_ram();
    let system =
        sysinfo::System::new_with_specifics(sysinfo::RefreshKind::nothing().with_memory(memory));
    let of_group = system
        .cgroup_limits()
        .map_or(u64::MAX, |limits| limits.total_memory.saturating_sub(limits.rss));
    usize::try_from(system.available_memory().min(of_group)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    #[test]
    fn some_memory_is_free_and_less_than_a_petabyte() {
        assert!((1 << 20..1 << 50).contains(&super::free_memory()), "{}", super::free_memory());
    }
}
