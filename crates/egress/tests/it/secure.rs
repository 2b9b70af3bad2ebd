//! TLS, and whom it trusts.

use std::io::Write;
use std::sync::Arc;

use maru_egress::{Egress, Failure, Options, Policy, SetupError};
use prometheus_client::registry::Registry;
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::server::{Server, egress_with, get, read_request};

fn acceptor(certified: &rcgen::CertifiedKey<rcgen::KeyPair>) -> TlsAcceptor {
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

#[tokio::test]
async fn a_private_authority_is_trusted_only_when_its_file_is_given() {
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let acceptor = acceptor(&certified);
    let server = Server::start(move |stream, _| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                return;
            };
            while read_request(&mut stream).await.is_some() {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
            }
        }
    })
    .await;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(certified.cert.pem().as_bytes()).unwrap();
    let policy = Policy { allow_loopback: true, ..Policy::default() };
    let url = format!("https://localhost:{}/secret", server.address.port());

    let (trusting, _) = egress_with(policy.clone(), |options| {
        options.extra_roots.push(file.path().to_owned());
    });
    assert_eq!(&trusting.call(get(url.as_str())).await.unwrap().body[..], b"ok");
    assert_eq!(&trusting.call(get(url.as_str())).await.unwrap().body[..], b"ok");
    assert_eq!(server.connections(), 1);

    let wrong_name = format!("https://{}/secret", server.address);
    let (strict, _) = egress_with(policy, |_| {});
    for (egress, url) in [(&strict, &url), (&trusting, &wrong_name)] {
        let failure = egress.call(get(url.as_str())).await.unwrap_err();
        assert!(
            matches!(&failure, Failure::Unreachable { cause } if cause.contains("certificate")),
            "{failure:?}"
        );
        assert!(!failure.may_have_arrived());
    }
}

#[test]
fn a_file_without_certificates_is_refused_by_its_name() {
    let empty = tempfile::NamedTempFile::new().unwrap();
    let broken = tempfile::NamedTempFile::new().unwrap();
    let der = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    std::fs::write(broken.path(), der).unwrap();
    let missing = empty.path().with_extension("missing");
    for path in [empty.path(), broken.path(), &missing] {
        let mut registry = Registry::default();
        let mut options = Options::new(&mut registry);
        options.extra_roots.push(path.to_owned());
        match Egress::new(options) {
            Err(SetupError::Roots { path: named, .. }) => assert_eq!(named, path),
            other => panic!("{}: {other:?}", path.display()),
        }
    }
}
