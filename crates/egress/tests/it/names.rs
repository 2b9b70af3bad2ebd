//! Names, and the addresses behind them.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use maru_egress::{Call, Failure, Lookup, Policy};

use crate::server::{SHORT, Server, egress_with, get};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";
const METADATA: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Gives its answers in turn, then the last one for ever.
#[derive(Debug)]
struct Turns {
    answers: Vec<Vec<IpAddr>>,
    asked: AtomicUsize,
}

impl Lookup for Turns {
    fn lookup(&self, _: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let turn = self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = self.answers.get(turn).or(self.answers.last()).cloned().unwrap_or_default();
        ready(Ok(answer)).boxed()
    }
}

fn turns(answers: &[&[IpAddr]]) -> Arc<Turns> {
    let answers = answers.iter().map(|answer| answer.to_vec()).collect();
    Arc::new(Turns { answers, asked: AtomicUsize::new(0) })
}

fn rules(rules: &[&str]) -> Policy {
    let allow = rules.iter().map(|rule| rule.parse().unwrap()).collect();
    Policy { allow, ..Policy::default() }
}

#[tokio::test]
async fn a_name_is_refused_for_what_it_resolves_to() {
    for address in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00::1", "::ffff:10.0.0.1"]
    {
        let lookup = turns(&[&[address.parse().unwrap()]]);
        let (egress, _) = egress_with(Policy::default(), |options| options.lookup = lookup);
        let failure = egress.call(get("http://bot.example/secret")).await.unwrap_err();
        assert!(matches!(failure, Failure::NotAllowed { .. }), "{address}: {failure:?}");
        assert!(!failure.may_have_arrived());
    }
}

#[tokio::test]
async fn the_address_that_was_judged_is_the_one_connected_to() {
    let server = Server::answering(OK).await;
    let url = format!("http://bot.example:{}/", server.address.port());
    // Allowed first, then rebound to a place that is not; each call is judged by its own lookup, and
    // there is exactly one lookup a call.
    let lookup = turns(&[&[LOOPBACK], &[METADATA], &[LOOPBACK]]);
    let (egress, _) = egress_with(rules(&["127.0.0.1"]), |options| {
        options.lookup = lookup.clone();
    });
    assert!(egress.call(get(url.as_str())).await.is_ok());
    let failure = egress.call(get(url.as_str())).await.unwrap_err();
    assert!(matches!(failure, Failure::NotAllowed { .. }), "{failure:?}");
    assert!(egress.call(get(url.as_str())).await.is_ok());
    assert_eq!(lookup.asked.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn of_several_addresses_only_the_allowed_are_tried() {
    let server = Server::answering(OK).await;
    let forbidden: IpAddr = "127.0.0.2".parse().unwrap();
    // Were the first one tried it would be refused by the system, and the second tried after it; so
    // a server listens there too, and must see nobody.
    let port = server.address.port();
    let trap = tokio::net::TcpListener::bind((forbidden, port)).await.unwrap();
    let lookup = turns(&[&[forbidden, LOOPBACK]]);
    let (egress, _) = egress_with(rules(&["127.0.0.1"]), |options| options.lookup = lookup);
    egress.call(get(format!("http://bot.example:{port}/"))).await.unwrap();
    assert!(tokio::time::timeout(SHORT, trap.accept()).await.is_err());
}

#[tokio::test]
async fn a_rule_with_a_port_holds_for_names_at_that_port_only() {
    let (server, other) = (Server::answering(OK).await, Server::answering(OK).await);
    let (port, other_port) = (server.address.port(), other.address.port());
    for rule in [format!("127.0.0.1:{port}"), format!("bot.example:{port}")] {
        let (egress, _) = egress_with(rules(&[rule.as_str()]), |options| {
            options.lookup = turns(&[&[LOOPBACK]]);
        });
        egress.call(get(format!("http://bot.example:{port}/"))).await.unwrap();
        let failure = egress.call(get(format!("http://bot.example:{other_port}/"))).await;
        assert!(matches!(failure, Err(Failure::NotAllowed { .. })), "{rule}: {failure:?}");
    }
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn the_systems_names_are_found_and_judged() {
    let server = Server::answering(OK).await;
    let url = format!("http://localhost:{}/", server.address.port());
    let (egress, _) = egress_with(rules(&["localhost"]), |_| {});
    egress.call(get(url.as_str())).await.unwrap();
    let (egress, _) = egress_with(Policy::default(), |_| {});
    let failure = egress.call(get(url.as_str())).await.unwrap_err();
    assert!(matches!(failure, Failure::NotAllowed { .. }), "{failure:?}");
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_unreachable() {
    // `.invalid` never exists (RFC 6761); a name server that is silent shows as a deadline instead.
    let (egress, _) = egress_with(Policy::default(), |_| {});
    let failure = egress.call(get("http://bot.invalid/secret")).await.unwrap_err();
    assert!(matches!(failure, Failure::Unreachable { .. }), "{failure:?}");
    let (egress, _) = egress_with(Policy::default(), |options| options.lookup = turns(&[&[]]));
    let failure = egress.call(get("http://bot.example/secret")).await.unwrap_err();
    assert!(matches!(failure, Failure::Unreachable { .. }), "{failure:?}");
}

#[derive(Debug)]
struct Silent;

impl Lookup for Silent {
    fn lookup(&self, _: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        std::future::pending().boxed()
    }
}

#[tokio::test]
async fn a_name_server_that_never_answers_cannot_have_let_the_request_through() {
    let (egress, _) = egress_with(Policy::default(), |options| {
        options.lookup = Arc::new(Silent);
    });
    let failure = egress.call(Call { deadline: SHORT, ..get("http://bot.example/") }).await;
    assert_eq!(failure.unwrap_err(), Failure::TimedOut { sent: false });
}
