//! A GET that follows redirects, as the platform did.

use http::HeaderMap;
use http::header::LOCATION;
use maru_egress::{Answer, Call, Egress, Failure};
use tokio::time::Instant;
use url::Url;

use crate::limits::REDIRECTS_MAX;

/// Makes the call, within its deadline over all. Each address is put before the policy anew. A redirect
/// beyond the limit, or to nowhere, is an answer like any other.
pub(crate) async fn get(egress: &Egress, mut call: Call) -> Result<Answer, Failure> {
    let ends = Instant::now() + call.deadline;
    let mut followed = 0;
    loop {
        let answer = egress.call(call.clone()).await?;
        let next = answer.status.is_redirection().then(|| target(&call.url, &answer.headers));
        let Some(next) = next.flatten().filter(|_| followed < REDIRECTS_MAX) else {
            return Ok(answer);
        };
        followed += 1;
        call.url = next.into();
        call.deadline = ends.saturating_duration_since(Instant::now());
    }
}

fn target(from: &str, headers: &HeaderMap) -> Option<String> {
    let location = headers.get(LOCATION)?.to_str().ok()?;
    Some(Url::parse(from).ok()?.join(location).ok()?.into())
}
