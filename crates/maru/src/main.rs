//! The Maru server and its command line.

use std::process::ExitCode;

use clap::Parser as _;
use maru::cli::{Cli, run};
use maru::terminal::{Plain, complain};
// What one thread asks for and another gives back, the system's allocator handles badly. Linked in,
// this one takes its place, for what is written in C as well (docs/decisions/0023-mimalloc.md).
use mimalloc as _;
use rustix::fs::Mode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    // What it writes (the database, files that were sent, backups) is for its owner alone.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(format!("maru: the runtime cannot be started: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let ended = runtime.block_on(run(cli));
    // What still waits for the terminal's input never ends by itself.
    runtime.shutdown_background();
    maru::logging::finish();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            complain(format!("maru: {}", Plain(&failure.message)));
            failure.exit_code()
        }
    }
}
