//! Telling the operator by a program.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process;

use crate::alert::Message;

/// So much of what a program complains of is logged, in bytes.
const COMPLAINT_MAX: u64 = 300;

/// A program that tells the operator. It is run without a shell; the message is on its standard input
/// as a JSON object, and in the variables `ALERT_EVENT`, `…_REALM`, `…_CAUSE`, `…_TITLE`,
/// `…_TEXT`, `…_TO` and `…_AT`.
#[derive(Clone, Debug)]
pub struct Command {
    /// The program.
    pub program: PathBuf,
    /// What it is called with.
    pub arguments: Vec<String>,
    /// It is killed after this long.
    pub timeout: Duration,
}

impl Command {
    /// Runs it: good if it ends with 0 in time.
    pub(crate) async fn run(&self, message: &Message<'_>) -> Result<(), String> {
        let mut command = process::Command::new(&self.program);
        command
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        for (name, value) in message.members().named() {
            // A zero byte cannot stand in a variable.
            let value = value.replace('\0', " ");
            command.env(format!("ALERT_{}", name.to_uppercase()), value);
        }
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let input = message.json();
        let ended = tokio::time::timeout(self.timeout, async {
            if let Some(mut stdin) = child.stdin.take() {
                // A program that does not read is none the worse for it.
                let _ = stdin.write_all(&input).await;
            }
            let mut complaint = Vec::new();
            if let Some(mut stderr) = child.stderr.take() {
                let _ = (&mut stderr).take(COMPLAINT_MAX).read_to_end(&mut complaint).await;
                // Whoever writes more than that is not left waiting for a reader.
                let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
            }
            (child.wait().await, complaint)
        });
        match ended.await {
            Err(_) => Err(format!("did not end within {} s", self.timeout.as_secs())),
            Ok((Err(error), _)) => Err(error.to_string()),
            Ok((Ok(status), _)) if status.success() => Ok(()),
            Ok((Ok(status), complaint)) => {
                let complaint = String::from_utf8_lossy(&complaint);
                Err(format!("{status}: {}", complaint.trim()))
            }
        }
    }
}
