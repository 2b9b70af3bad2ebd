//! What idle sockets cost.

use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::json;
use tokio::task::JoinSet;

use super::{Customer, NUMBER, REST, all, attend, call, ensure_open, mib, millis, rest, shares};
use crate::machine::resident_bytes;
use crate::measure::report::Report;
use crate::measure::sockets::kib;
use crate::server::Server;

/// Lets customers call and leave again, looks at the server's resident memory, and once more when all
/// of them are back.
pub(super) async fn measure(
    server: &Server,
    count: usize,
    report: &mut Report,
) -> Result<Vec<Customer>> {
    let pid = server.ready.pid;
    let empty = resident_bytes(pid)?;
    let customers = call(server, NUMBER, 0..count, true).await?;
    rest(server).await?;
    let before = resident_bytes(pid)?;
    let opening = Instant::now();
    let customers = come_back(customers).await?;
    let opened_in = opening.elapsed();
    let customers = attend(customers, REST).await?;
    let after = resident_bytes(pid)?;
    ensure_open(server, count).await?;
    let per_socket = after.saturating_sub(before) / count.max(1) as u64;
    let per_chat = before.saturating_sub(empty) / count.max(1) as u64;
    report.line("");
    report.line(&format!(
        "Memory of {count} idle WebSockets of the web chat, one in each chat (VmRSS):"
    ));
    report.line(&format!(
        "  {} a socket; before it, {} a chat with a virtual agent",
        kib(per_socket),
        kib(per_chat)
    ));
    report.line(&format!(
        "  {} at the start, {} with the chats, {} with the sockets",
        mib(empty),
        mib(before),
        mib(after)
    ));
    report.line(&format!("  opened in {:.1} s", opened_in.as_secs_f64()));
    let figure = json!({
        "door": "web chat",
        "sockets": count,
        "bytes_per_socket": per_socket,
        "bytes_per_conversation": per_chat,
        "rss_empty": empty,
        "rss_before": before,
        "rss_after": after,
        "opened_in_ms": millis(opened_in),
    });
    report.figure("idle_sockets", &figure)?;
    Ok(customers)
}

/// Opens the sockets again, several at once.
async fn come_back(mut customers: Vec<Customer>) -> Result<Vec<Customer>> {
    let mut coming = JoinSet::new();
    for share in shares(customers.len()) {
        let mut share = customers.split_off(customers.len() - share);
        coming.spawn(async move {
            for customer in &mut share {
                customer.resume().await?;
            }
            Ok::<_, anyhow::Error>(share)
        });
    }
    Ok(all(coming).await.context("could not resume")?.into_iter().flatten().collect())
}
