//! How the other side of an https call proves who it is.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use crate::SetupError;

/// Trusts what the operating system trusts (on Linux the system's certificate files, or
/// `SSL_CERT_FILE` and `SSL_CERT_DIR`), and the authorities in the PEM files given. The provider is
/// named here, so nothing depends on, or sets, the process-wide default.
pub(crate) fn config(extra_roots: &[PathBuf]) -> Result<ClientConfig, SetupError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut extra = Vec::new();
    for path in extra_roots {
        let read = read(path);
        extra.extend(read.map_err(|cause| SetupError::Roots { path: path.clone(), cause })?);
    }
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()?;
    let mut config = match verifier(extra, provider)? {
        Some(verifier) => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth(),
        None => builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// The authorities in a file, each of them usable: a mistake should name the file it is in.
fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let mut trial = RootCertStore::empty();
    let mut found = Vec::new();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| error.to_string())? {
        let certificate = certificate.map_err(|error| error.to_string())?;
        trial.add(certificate.clone()).map_err(|error| error.to_string())?;
        found.push(certificate);
    }
    if found.is_empty() { Err("it holds no certificate".to_owned()) } else { Ok(found) }
}

/// None on a system without any certificate authorities, such as a bare container: calls over plain
/// http still work there, and every https call fails as unreachable.
fn verifier(
    extra: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
) -> Result<Option<Verifier>, SetupError> {
    let given = !extra.is_empty();
    match Verifier::new_with_extra_roots(extra, provider) {
        Ok(verifier) => Ok(Some(verifier)),
        // The only other thing that can fail is finding the system's own.
        Err(error) if given => Err(error.into()),
        Err(error) => {
            tracing::warn!(
                %error,
                "no certificate authorities were found on this system: every https call will fail",
            );
            Ok(None)
        }
    }
}
