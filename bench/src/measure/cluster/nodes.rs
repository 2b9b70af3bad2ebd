//! What one, two and three nodes take together.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use super::{Plan, Posting, WARM_UP};
use crate::cluster::Cluster;
use crate::measure::load::Round;
use crate::measure::median;
use crate::measure::report::{Report, micros, percent, span};

/// Lets the most clients of the plan post to the first node, to the first two, and to all.
pub(super) async fn measure(
    cluster: &Cluster,
    told: &str,
    plan: &Plan,
    report: &mut Report,
) -> Result<()> {
    let clients = plan.clients.iter().copied().max().unwrap_or(64);
    report.line("");
    report.line(&format!(
        "{clients} clients on one, two and three nodes, which share this machine's cores"
    ));
    report.line("  nodes    posts/s      p50      p99   nodes  postgres  driver");
    for nodes in 1..=cluster.nodes.len() {
        let mut posting = Posting::prepare(cluster, nodes, clients).await?;
        posting.round(WARM_UP).await?;
        let mut rounds = Vec::new();
        for _ in 0..plan.rounds.max(1) {
            rounds.push(posting.round(plan.span).await?);
        }
        let of = |value: fn(&Round) -> f64| median(rounds.iter().map(|(round, _)| value(round)));
        let (posts, used, driver) =
            (of(|r| r.per_second), of(|r| r.server_cpu), of(|r| r.driver_cpu));
        let [p50, p99] = [of(|r| r.p50.as_secs_f64()), of(|r| r.p99.as_secs_f64())];
        let [p50, p99] = [p50, p99].map(Duration::from_secs_f64);
        let postgres = median(rounds.iter().map(|(_, postgres)| *postgres));
        report.line(&format!(
            "{nodes:>7} {posts:>10.0} {:>8} {:>8} {:>7} {:>9} {:>7}",
            span(p50),
            span(p99),
            percent(used),
            percent(postgres),
            percent(driver),
        ));
        let figure = json!({
            "store": told,
            "nodes": nodes,
            "clients": clients,
            "posts_per_second": posts.round(),
            "p50_us": micros(p50),
            "p99_us": micros(p99),
            "cpu": { "nodes": used, "postgres": postgres, "driver": driver },
            "rounds": rounds.len(),
        });
        report.figure("cluster_nodes", &figure)?;
    }
    Ok(())
}
