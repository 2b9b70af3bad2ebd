//! Where files are kept that were sent.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use maru_accounts::{Secret, resolve_reference};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::local::LocalFileSystem;
use object_store::prefix::PrefixStore;
use object_store::{Certificate, ClientOptions, ObjectStore, RetryConfig};

use super::urls::BlobsUrl;
use crate::config::Config;
use crate::folder::Paths;

/// How often a call to the bucket is tried again, and for how long: a user waits for it.
const RETRIES: usize = 3;
const RETRY_FOR: Duration = Duration::from_secs(20);

/// Opens the place that the configuration names. A bucket is not asked for yet: while it cannot be
/// reached, all goes on but files.
pub(crate) fn open(config: &Config, paths: &Paths) -> anyhow::Result<Arc<dyn ObjectStore>> {
    match &config.blobs.url {
        BlobsUrl::Folder(None) => folder(&paths.blobs()),
        BlobsUrl::Folder(Some(path)) => folder(path),
        BlobsUrl::S3 { bucket, prefix } => s3(config, bucket, prefix),
    }
}

/// Files are on disk, and so are the folders they are in, before anyone is told of them.
fn folder(path: &Path) -> anyhow::Result<Arc<dyn ObjectStore>> {
    std::fs::create_dir_all(path).with_context(|| path.display().to_string())?;
    Ok(Arc::new(LocalFileSystem::new_with_prefix(path)?.with_fsync(true)))
}

fn s3(config: &Config, bucket: &str, prefix: &str) -> anyhow::Result<Arc<dyn ObjectStore>> {
    let retry =
        RetryConfig { max_retries: RETRIES, retry_timeout: RETRY_FOR, ..RetryConfig::default() };
    let mut client = ClientOptions::new();
    for path in &config.egress.extra_roots {
        let pem = std::fs::read(path).with_context(|| path.display().to_string())?;
        for root in Certificate::from_pem_bundle(&pem)? {
            client = client.with_root_certificate(root);
        }
    }
    // Before what may add to it.
    let builder = AmazonS3Builder::new().with_client_options(client).with_retry(retry);
    let builder = config.blobs.options.iter().try_fold(from_environment(builder), option)?;
    let builder = builder.with_bucket_name(bucket);
    let bucket = builder.build().context("blobs.url")?;
    Ok(match prefix {
        "" => Arc::new(bucket),
        prefix => Arc::new(PrefixStore::new(bucket, prefix)),
    })
}

/// With what the variables `AWS_…` say.
fn from_environment(builder: AmazonS3Builder) -> AmazonS3Builder {
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with("AWS_"));
    variables.fold(builder, |builder, (name, value)| match name.to_ascii_lowercase().parse() {
        Ok(key) => builder.with_config(key, value),
        // There are more of them than this client knows.
        Err(_) => builder,
    })
}

fn option(builder: AmazonS3Builder, option: &Secret) -> anyhow::Result<AmazonS3Builder> {
    let (name, value) = option.expose().split_once('=').unwrap_or((option.expose(), ""));
    let key: AmazonS3ConfigKey = name
        .trim()
        .to_ascii_lowercase()
        .parse()
        .map_err(|_| anyhow!("blobs.options: there is no option {name:?}"))?;
    let value = resolve_reference(value).with_context(|| format!("blobs.options: {name}"))?;
    Ok(builder.with_config(key, value.expose()))
}
