//! Appends through one node beside PostgreSQL doing the same single statements in the same run.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use super::{Plan, Posting, WARM_UP};
use crate::cluster::Cluster;
use crate::measure::load::Round;
use crate::measure::raw::Raw;
use crate::measure::report::{Report, micros, percent, span};
use crate::measure::{commits_per_sync, median};

const HEADING: &str = "         ------------------------ Maru ------------------------  --------- PostgreSQL alone ---------\n\
     clients    posts/s      p50      p99    node  postgres  driver  appends/s      p50      p99  postgres   ratio  commits/sync";

/// Measures each number of clients. Rounds alternate, so that a noisy neighbor hits both sides.
pub(super) async fn measure(
    cluster: &Cluster,
    told: &str,
    plan: &Plan,
    report: &mut Report,
) -> Result<()> {
    report.line("");
    report.line(
        "Appends through one node, and as many connections that append with one statement each, in the same rounds",
    );
    report.line(HEADING);
    Raw::prepare(&cluster.postgres).await?;
    for clients in &plan.clients {
        let mut maru = Posting::prepare(cluster, 1, *clients).await?;
        let mut raw = Raw::connect(&cluster.postgres, *clients).await?;
        raw.round(&cluster.postgres, WARM_UP).await?;
        maru.round(WARM_UP).await?;
        let mut figures = Figures::default();
        for _ in 0..plan.rounds.max(1) {
            figures.raw.push(raw.round(&cluster.postgres, plan.span).await?);
            let before = cluster.first()?.metrics().await?;
            figures.maru.push(maru.round(plan.span).await?);
            let after = cluster.first()?.metrics().await?;
            figures.per_sync.extend(commits_per_sync(&before, &after));
        }
        figures.tell(report, told, *clients)?;
    }
    Ok(())
}

#[derive(Default)]
struct Figures {
    /// With how busy PostgreSQL was.
    maru: Vec<(Round, f64)>,
    raw: Vec<Round>,
    per_sync: Vec<f64>,
}

impl Figures {
    fn tell(&self, report: &mut Report, told: &str, clients: usize) -> Result<()> {
        let of_maru = |value: fn(&Round) -> f64| median(self.maru.iter().map(|(r, _)| value(r)));
        let of_raw = |value: fn(&Round) -> f64| median(self.raw.iter().map(value));
        let [p50, p99] = [|r: &Round| r.p50.as_secs_f64(), |r: &Round| r.p99.as_secs_f64()];
        let (posts, appends) = (of_maru(|r| r.per_second), of_raw(|r| r.per_second));
        let ratio = posts / appends.max(f64::MIN_POSITIVE);
        let [maru_p50, maru_p99] = [of_maru(p50), of_maru(p99)].map(Duration::from_secs_f64);
        let [raw_p50, raw_p99] = [of_raw(p50), of_raw(p99)].map(Duration::from_secs_f64);
        let node = of_maru(|r| r.server_cpu);
        let driver = of_maru(|r| r.driver_cpu);
        let postgres = median(self.maru.iter().map(|(_, postgres)| *postgres));
        let alone = of_raw(|r| r.server_cpu);
        let per_sync = median(self.per_sync.iter().copied());
        report.line(&format!(
            "{clients:>7} {posts:>10.0} {:>8} {:>8} {:>7} {:>9} {:>7} {appends:>10.0} {:>8} {:>8} {:>9} {:>7} {per_sync:>13.1}",
            span(maru_p50),
            span(maru_p99),
            percent(node),
            percent(postgres),
            percent(driver),
            span(raw_p50),
            span(raw_p99),
            percent(alone),
            percent(ratio),
        ));
        let figure = json!({
            "store": told,
            "clients": clients,
            "posts_per_second": posts.round(),
            "p50_us": micros(maru_p50),
            "p99_us": micros(maru_p99),
            "raw_per_second": appends.round(),
            "raw_p50_us": micros(raw_p50),
            "raw_p99_us": micros(raw_p99),
            "ratio": (ratio * 1000.0).round() / 1000.0,
            "commits_per_sync": (per_sync * 10.0).round() / 10.0,
            "cpu": { "node": node, "postgres": postgres, "driver": driver, "raw_postgres": alone },
            "rounds": self.raw.len(),
        });
        report.figure("cluster_appends", &figure)
    }
}
