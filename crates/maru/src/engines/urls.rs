//! The URLs that name the engines: which there are, and how they are shown without their secrets.

use std::fmt;
use std::path::PathBuf;

use maru_accounts::Secret;
use url::Url;

/// What stands in the place of what is not shown.
const NOT_SHOWN: &str = "(not shown)";

/// Where everything is kept.
#[derive(Clone, Debug)]
pub enum StoreUrl {
    /// In a database file in the data folder.
    Sqlite,
    /// In PostgreSQL. The URL holds a password, as a rule.
    Postgres(Secret),
}

impl StoreUrl {
    /// Reads it; nothing at all is SQLite.
    ///
    /// # Errors
    /// What is wrong with it, without repeating it.
    pub fn read(text: &str) -> Result<Self, String> {
        match text.trim() {
            "" | "sqlite:" => Ok(Self::Sqlite),
            text if begins_with(text, &["postgres://", "postgresql://"]) => {
                Ok(Self::Postgres(Secret::new(text)))
            }
            text if begins_with(text, &["sqlite:"]) => {
                Err("sqlite: takes no path: the database is in the data folder, see `data`"
                    .to_owned())
            }
            text => Err(format!(
                "{} is no store: there are sqlite: and postgres://USER:PASSWORD@HOST/DATABASE",
                scheme(text)
            )),
        }
    }
}

/// Checks a list of NATS servers with commas between.
///
/// # Errors
/// What is wrong with it, without repeating it.
pub fn check_hints(text: &str) -> Result<(), String> {
    for server in text.split(',').map(str::trim) {
        if !begins_with(server, &["nats://", "tls://"]) {
            return Err(format!(
                "{} carries no hints: there is nats://HOST:PORT (or tls:// to insist on TLS), several with \
                 commas between",
                scheme(server)
            ));
        }
    }
    Ok(())
}

/// Where files are kept that were sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlobsUrl {
    /// In a folder; none: in the data folder.
    Folder(Option<PathBuf>),
    /// In a bucket of S3 or what is compatible with it, below a prefix.
    S3 {
        /// The bucket's name.
        bucket: String,
        /// What all keys begin with; may be empty.
        prefix: String,
    },
}

impl BlobsUrl {
    /// Reads it; nothing at all is the data folder.
    ///
    /// # Errors
    /// What is wrong with it, without repeating it.
    pub fn read(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self::Folder(None));
        }
        let wrong = || {
            format!(
                "{} is no place for files: there are file:///FOLDER and s3://BUCKET/PREFIX",
                scheme(text)
            )
        };
        let url = Url::parse(text.trim()).map_err(|_| wrong())?;
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
            return Err("keys and options do not belong here, but into blobs.options or the \
                        environment (AWS_…)"
                .to_owned());
        }
        match (url.scheme(), url.host_str()) {
            ("file", None) => {
                let path = url.to_file_path().map_err(|()| wrong())?;
                Ok(Self::Folder(Some(path)))
            }
            ("s3", Some(bucket)) => {
                let prefix = url.path().trim_matches('/').to_owned();
                Ok(Self::S3 { bucket: bucket.to_owned(), prefix })
            }
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for BlobsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(None) => Ok(()),
            Self::Folder(Some(path)) => match Url::from_file_path(path) {
                Ok(url) => write!(f, "{url}"),
                Err(()) => write!(f, "{}", path.display()),
            },
            Self::S3 { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

/// A URL, or several with commas between, as it may be told to anyone: without names, passwords and
/// options. Whatever is not certain to be without a secret is not shown at all.
pub fn shown(text: &str) -> String {
    if is_reference(text) || matches!(text, "" | "sqlite:") {
        return text.to_owned();
    }
    let parts: Vec<&str> = text.split(',').collect();
    // Several hosts of one URL have commas between them, too.
    let urls = if parts.iter().all(|part| part.contains("://")) { parts } else { vec![text] };
    let shown: Option<Vec<String>> = urls.into_iter().map(one_shown).collect();
    shown.map_or_else(|| NOT_SHOWN.to_owned(), |shown| shown.join(","))
}

fn one_shown(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at_checked(end)?;
    let mut ats = authority.matches('@').chain(rest.matches('@'));
    let (named, more) = (ats.next().is_some(), ats.next().is_some());
    // A password with a '/' or an '@' of its own does not end where it seems to.
    if more || rest.contains('@') {
        return None;
    }
    let host = authority.rsplit('@').next().unwrap_or_default();
    let who = if named { format!("{NOT_SHOWN}@") } else { String::new() };
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    Some(format!("{scheme}://{who}{host}{path}"))
}

/// `NAME=VALUE` as it may be told to anyone.
pub fn shown_option(option: &str) -> String {
    match option.split_once('=') {
        Some((name, value)) if !is_reference(value) => format!("{name}={NOT_SHOWN}"),
        Some(_) => option.to_owned(),
        None => NOT_SHOWN.to_owned(),
    }
}

/// Whether a text says where a secret is, and is none itself.
pub fn is_reference(text: &str) -> bool {
    text.starts_with("env:") || text.starts_with("file:") && !text.starts_with("file://")
}

fn begins_with(text: &str, schemes: &[&str]) -> bool {
    let is = |scheme: &&str| {
        text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    schemes.iter().any(is)
}

/// The scheme of a URL, for a message; what has none is not repeated.
fn scheme(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    match text.split_once("://") {
        Some((scheme, _)) if (1..=24).contains(&scheme.len()) && scheme.bytes().all(plain) => {
            format!("{scheme}://")
        }
        _ => "what is given".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_holds_no_secret() {
        for (url, expected) in [
            ("postgres://maru:hunter2@db/maru", "postgres://(not shown)@db/maru"),
            (
                "postgres://maru:hunter2@a:5432,b:5433/maru?x=1",
                "postgres://(not shown)@a:5432,b:5433/maru",
            ),
            ("postgres://db/maru?password=hunter2", "postgres://db/maru"),
            ("postgres://maru:hunter2/@db/maru", NOT_SHOWN),
            ("postgres://maru:hun@ter2@db/maru", NOT_SHOWN),
            ("postgres://maru:hunter2?x@db/maru", NOT_SHOWN),
            ("postgres://db/maru?password=@hunter2", NOT_SHOWN),
            ("nats://hunter2@a:4222", "nats://(not shown)@a:4222"),
            ("nats://u:hunter2@a,nats://b:4222", "nats://(not shown)@a,nats://b:4222"),
            ("nats://u:hunter2,x@a", "nats://(not shown)@a"),
            ("hunter2", NOT_SHOWN),
            ("env:MARU_DB", "env:MARU_DB"),
            ("file:/run/db", "file:/run/db"),
            ("sqlite:", "sqlite:"),
        ] {
            let told = shown(url);
            assert_eq!(told, expected, "{url}");
            assert!(!told.contains("hunter2") && !told.contains("ter2"));
        }
        assert_eq!(shown_option("secret_access_key=hunter2"), "secret_access_key=(not shown)");
        assert_eq!(shown_option("secret_access_key=env:KEY"), "secret_access_key=env:KEY");
        assert_eq!(shown_option("hunter2"), NOT_SHOWN);
    }

    #[test]
    fn an_unknown_scheme_names_the_known_ones_and_not_the_password() {
        let store = StoreUrl::read("mysql://u:hunter2@db/x").unwrap_err();
        assert!(
            store.contains("mysql://")
                && store.contains("postgres://")
                && !store.contains("hunter2")
        );
        let hints = check_hints("nats://a,redis://:hunter2@b").unwrap_err();
        assert!(
            hints.contains("redis://") && hints.contains("nats://") && !hints.contains("hunter2")
        );
        let blobs = BlobsUrl::read("gs://bucket").unwrap_err();
        assert!(blobs.contains("gs://") && blobs.contains("s3://"));
        for secret in ["hunter2", "s3://key:hunter2@bucket", "s3://bucket?secret=hunter2"] {
            assert!(!BlobsUrl::read(secret).unwrap_err().contains("hunter2"));
        }
        assert!(!StoreUrl::read("hunter2").unwrap_err().contains("hunter2"));
        assert!(StoreUrl::read("sqlite:/x.db").unwrap_err().contains("data folder"));
    }

    #[test]
    fn urls_are_read() {
        assert!(matches!(StoreUrl::read(""), Ok(StoreUrl::Sqlite)));
        assert!(matches!(StoreUrl::read("POSTGRESQL://h/d"), Ok(StoreUrl::Postgres(_))));
        assert_eq!(BlobsUrl::read(""), Ok(BlobsUrl::Folder(None)));
        assert_eq!(BlobsUrl::read("file:///a%20b"), Ok(BlobsUrl::Folder(Some("/a b".into()))));
        let s3 = BlobsUrl::S3 { bucket: "b".into(), prefix: "one/two".into() };
        assert_eq!(BlobsUrl::read("s3://b/one/two/"), Ok(s3));
        check_hints("nats://a:4222, tls://b").unwrap();
    }
}
