//! What a user reads who stops a run.

/// From now on says on standard error how to go on when the process is interrupted or asked to end.
pub fn say_when_stopped() {
    #[cfg(unix)]
    fernn::process::say_when_stopped(
        "\nstopped; what was run is kept: start the same command again to go on\n",
    );
}
