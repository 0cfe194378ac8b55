//! Keeps the memory of the process to itself: secrets are in it while they are used.

/// No core dumps from here on, and on Linux no look into the memory by other processes of the same user. Where the
/// system does not allow it, the session is as good as any other program's, so that this is not worth a word.
pub fn keep_private() {
    #[cfg(unix)]
    let _ = nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_CORE, 0, 0);
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_dumpable(false);
}
