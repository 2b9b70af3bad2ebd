//! Runs a command beside a PostgreSQL server of its own: `with-postgres CMD [ARG…]`. The command
//! finds the server's URL in `MARU_TEST_POSTGRES`; the server is gone when the command has ended.

use std::io::Write as _;
use std::process::{Command, ExitCode};

use maru_testkit::{POSTGRES_URL, Postgres};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let Some(program) = arguments.next() else {
        return failed("usage: with-postgres CMD [ARG…]");
    };
    let server = Postgres::start_new();
    let status = Command::new(&program).args(arguments).env(POSTGRES_URL, server.url()).status();
    match status {
        Ok(status) => match status.code().map(u8::try_from) {
            Some(Ok(code)) => code.into(),
            _ => ExitCode::FAILURE,
        },
        Err(error) => failed(&format!("{} cannot be run: {error}", program.display())),
    }
}

fn failed(why: &str) -> ExitCode {
    // There is nowhere else to say it.
    let _ = writeln!(std::io::stderr(), "with-postgres: {why}");
    ExitCode::from(2)
}
