//! Lines on their way to the standard error.

use std::io::{self, Write};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// How long lines gather before they are written together: at most as much is lost by SIGKILL.
const GATHER: Duration = Duration::from_millis(20);

/// How many bytes may gather. Whoever fills it up writes them, and waits until they are taken.
const GATHER_BYTES: usize = 64 * 1024;

/// Lines that gather for some milliseconds, since a system call for each would be a large part of
/// what a request costs. A warning or an error is written at once, with all that came before it.
pub(super) struct Lines {
    gathered: Mutex<Vec<u8>>,
    /// Told when there is something where nothing was.
    begun: Condvar,
    to: fn() -> Box<dyn Write>,
}

impl Lines {
    pub(super) const fn to(to: fn() -> Box<dyn Write>) -> Self {
        Self { gathered: Mutex::new(Vec::new()), begun: Condvar::new(), to }
    }

    /// Starts the thread that writes what has gathered.
    ///
    /// # Errors
    /// When there can be no thread.
    pub(super) fn start(&'static self) -> io::Result<()> {
        thread::Builder::new().name("log".into()).spawn(|| self.run()).map(|_| ())
    }

    fn run(&self) {
        loop {
            let gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
            let begun = self.begun.wait_while(gathered, |gathered| gathered.is_empty());
            drop(begun);
            thread::sleep(GATHER);
            self.flush();
        }
    }

    /// Writes what has gathered. A log that cannot be written has nobody to tell.
    pub(super) fn flush(&self) {
        self.add(&[], true);
    }

    fn add(&self, line: &[u8], urgent: bool) {
        // Held while it is written, so that lines stay in their order.
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        let begins = gathered.is_empty() && !line.is_empty();
        gathered.extend_from_slice(line);
        if urgent || gathered.len() >= GATHER_BYTES {
            let _ = (self.to)().write_all(&gathered);
            gathered.clear();
        } else if begins {
            self.begun.notify_one();
        }
    }
}

/// Where one line is written to.
pub(super) struct Line<'a> {
    lines: &'a Lines,
    urgent: bool,
}

impl Write for Line<'_> {
    /// The formatter hands over a line whole.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.lines.add(line, self.urgent);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.lines.flush();
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for &'static Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { lines: self, urgent: true }
    }

    fn make_writer_for(&'a self, of: &Metadata<'_>) -> Line<'a> {
        Line { lines: self, urgent: *of.level() <= Level::WARN }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static WRITTEN: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

    struct Pieces;

    impl Write for Pieces {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            WRITTEN.lock().unwrap().push(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_gather_and_a_warning_takes_all_along_in_their_order() {
        static LINES: Lines = Lines::to(|| Box::new(Pieces));
        let taken = || std::mem::take(&mut *WRITTEN.lock().unwrap());
        LINES.add(b"one\n", false);
        LINES.add(b"two\n", false);
        assert!(taken().is_empty());
        LINES.add(b"warning\n", true);
        assert_eq!(taken(), [b"one\ntwo\nwarning\n"]);
        LINES.add(&vec![b'x'; GATHER_BYTES], false);
        assert_eq!(taken().concat().len(), GATHER_BYTES);
        LINES.add(b"last\n", false);
        LINES.flush();
        assert_eq!(taken(), [b"last\n"]);
        // By themselves, too.
        LINES.start().unwrap();
        LINES.add(b"later\n", false);
        while taken() != [b"later\n"] {
            thread::yield_now();
        }
    }
}
