//! The one key of an installation.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maru_activity::env::Env;
use zeroize::Zeroizing;

const KEY_LENGTH: usize = 32;

/// The first byte of everything sealed: which way it was sealed.
const FORMAT: u8 = 1;

/// Longer than any key file, in bytes.
const FILE_MAX: u64 = 1024;

/// The key of an installation, shared by the nodes of a cluster. It seals what must be read back,
/// with AES-256-GCM under random nonces: good for some four thousand million sealings, and keys
/// and passwords are few.
pub struct InstanceKey {
    sealing: LessSafeKey,
    /// What secrets are derived from: apart from the sealing key, though both come of the same bytes.
    deriving: Prk,
}

/// Why there is no instance key.
#[derive(Debug, thiserror::Error)]
pub enum InstanceKeyError {
    /// The text is not base64 of 32 bytes.
    #[error("an instance key is 32 bytes as base64 text")]
    Malformed,
    /// The file does not hold a key.
    #[error("the instance key {0} is damaged: it should hold 32 bytes as base64 text")]
    Damaged(PathBuf),
    /// Others may read or change the file.
    #[error("the instance key {path} is open to others (mode {mode:04o}): run chmod 600 on it")]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file cannot be read or made.
    #[error("the instance key {path} cannot be {verb}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What was tried: `read` or `made`.
        verb: &'static str,
        /// Why not.
        source: std::io::Error,
    },
}

/// Sealed bytes that cannot be opened: sealed by another key, or for another purpose, or damaged.
/// Which of these, the cipher does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("sealed with another key, for another purpose, or damaged")]
pub struct Unsealable;

impl InstanceKey {
    /// From base64 text of 32 bytes; white space around it is ignored.
    ///
    /// # Errors
    /// When it is something else.
    pub fn from_text(text: &str) -> Result<Self, InstanceKeyError> {
        let mut bytes = Zeroizing::new([0; KEY_LENGTH]);
        let length = STANDARD
            .decode_slice(text.trim(), bytes.as_mut_slice())
            .map_err(|_| InstanceKeyError::Malformed)?;
        if length != KEY_LENGTH {
            return Err(InstanceKeyError::Malformed);
        }
        let key = UnboundKey::new(&AES_256_GCM, bytes.as_slice())
            .map_err(|_| InstanceKeyError::Malformed)?;
        let deriving =
            Salt::new(HKDF_SHA256, b"maru/instance-key/derive").extract(bytes.as_slice());
        Ok(Self { sealing: LessSafeKey::new(key), deriving })
    }

    /// From a file, which is made with mode 0600 if it is not there.
    ///
    /// # Errors
    /// When the file cannot be read or made, is open to others, or holds something else.
    pub fn load_or_create(path: &Path, env: &Env) -> Result<Self, InstanceKeyError> {
        if let Some(key) = load(path)? {
            return Ok(key);
        }
        let failed =
            |source| InstanceKeyError::File { path: path.to_owned(), verb: "made", source };
        create(path, env).map_err(failed)?;
        // Read again: should another process have been faster, its key is the key.
        load(path)?.ok_or_else(|| failed(std::io::ErrorKind::NotFound.into()))
    }

    /// What tells this key from others, and tells nothing of the key itself.
    pub fn fingerprint(&self) -> String {
        let derived = self.derive("maru/instance-key/fingerprint", &[]);
        STANDARD.encode(&derived[..16])
    }

    /// Seals bytes for a purpose: only who names the same purpose can open them, so that one
    /// record cannot be put in another's place.
    pub fn seal(&self, env: &Env, purpose: &str, plain: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_LEN];
        env.random.fill(&mut nonce);
        let mut body = plain.to_vec();
        let tag = self
            .sealing
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(purpose.as_bytes()),
                &mut body,
            )
            .expect("AES-GCM seals anything below 64 GiB");
        let mut sealed = Vec::with_capacity(1 + NONCE_LEN + body.len() + tag.as_ref().len());
        sealed.push(FORMAT);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&body);
        sealed.extend_from_slice(tag.as_ref());
        sealed
    }

    /// Opens what was sealed for the same purpose.
    ///
    /// # Errors
    /// [`Unsealable`].
    pub fn unseal(&self, purpose: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unsealable> {
        let Some((&FORMAT, rest)) = sealed.split_first() else { return Err(Unsealable) };
        let (nonce, body) = rest.split_first_chunk::<NONCE_LEN>().ok_or(Unsealable)?;
        let mut plain = Zeroizing::new(body.to_vec());
        let length = self
            .sealing
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(purpose.as_bytes()),
                &mut plain,
            )
            .map_err(|_| Unsealable)?
            .len();
        plain.truncate(length);
        Ok(plain)
    }
}

impl InstanceKey {
    /// A secret that follows from this key, a purpose and what it is about, by HKDF-SHA256. It is
    /// the same each time, so it needs to be kept nowhere, and tells nothing of the key or of what
    /// else is derived.
    pub fn derive(&self, purpose: &str, about: &[&str]) -> Zeroizing<[u8; 32]> {
        // Each part has its length in front, so that no two lists of parts read the same.
        let mut info = Vec::new();
        for part in std::iter::once(&purpose).chain(about) {
            info.extend_from_slice(&(part.len() as u64).to_be_bytes());
            info.extend_from_slice(part.as_bytes());
        }
        let mut secret = Zeroizing::new([0; 32]);
        self.deriving
            .expand(&[&info], HKDF_SHA256)
            .and_then(|derived| derived.fill(secret.as_mut_slice()))
            .expect("HKDF-SHA256 gives 32 bytes");
        secret
    }
}

impl fmt::Debug for InstanceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InstanceKey(…)")
    }
}

/// The key in a file; `None` if there is no file.
fn load(path: &Path) -> Result<Option<InstanceKey>, InstanceKeyError> {
    let failed = |source| InstanceKeyError::File { path: path.to_owned(), verb: "read", source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o7777;
    // A group may read it: that is how container platforms hand files to their processes.
    if mode & 0o027 != 0 {
        return Err(InstanceKeyError::Exposed { path: path.to_owned(), mode });
    }
    let mut text = Zeroizing::new(String::new());
    file.take(FILE_MAX).read_to_string(&mut text).map_err(failed)?;
    let key = InstanceKey::from_text(&text);
    key.map(Some).map_err(|_| InstanceKeyError::Damaged(path.to_owned()))
}

/// Makes the file with a fresh key. It appears under its name whole or not at all, even if the
/// machine stops in the middle, and one that is there already stays.
fn create(path: &Path, env: &Env) -> std::io::Result<()> {
    let mut bytes = Zeroizing::new([0; KEY_LENGTH]);
    env.random.fill(bytes.as_mut_slice());
    let text = Zeroizing::new(STANDARD.encode(bytes.as_slice()));

    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", env.base62(8)));
    let draft = PathBuf::from(name);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    let linked = file
        .write_all(text.as_bytes())
        .and_then(|()| file.write_all(b"\n"))
        .and_then(|()| file.sync_all())
        .and_then(|()| std::fs::hard_link(&draft, path));
    std::fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(env: &Env) -> InstanceKey {
        let mut bytes = [0; KEY_LENGTH];
        env.random.fill(&mut bytes);
        InstanceKey::from_text(&STANDARD.encode(bytes)).unwrap()
    }

    #[test]
    fn only_the_same_key_and_purpose_open_what_was_sealed() {
        let env = Env::system();
        let (mine, other) = (key(&env), key(&env));
        let sealed = mine.seal(&env, "a purpose", b"plain");
        assert_eq!(mine.unseal("a purpose", &sealed).unwrap().as_slice(), b"plain");
        assert_eq!(mine.unseal("another purpose", &sealed), Err(Unsealable));
        assert_eq!(other.unseal("a purpose", &sealed), Err(Unsealable));
        assert_ne!(mine.seal(&env, "a purpose", b"plain"), sealed, "nonces are fresh");

        for place in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[place] ^= 1;
            assert_eq!(mine.unseal("a purpose", &damaged), Err(Unsealable), "byte {place}");
            assert_eq!(mine.unseal("a purpose", &sealed[..place]), Err(Unsealable));
        }
        assert_eq!(mine.unseal("p", &mine.seal(&env, "p", b"")).unwrap().as_slice(), b"");
    }

    #[test]
    fn what_is_derived_follows_from_key_purpose_and_parts_and_from_nothing_else() {
        let env = Env::system();
        let (mine, other) = (key(&env), key(&env));
        let secret = mine.derive("callback", &["realm", "bot", "1"]);
        assert_eq!(secret, mine.derive("callback", &["realm", "bot", "1"]));
        for different in [
            other.derive("callback", &["realm", "bot", "1"]),
            mine.derive("another", &["realm", "bot", "1"]),
            mine.derive("callback", &["realm", "bot", "2"]),
            mine.derive("callback", &["realmbot", "", "1"]),
            mine.derive("callback", &["realm", "bot1"]),
            mine.derive("callback", &[]),
        ] {
            assert_ne!(secret, different);
        }
    }

    #[test]
    fn a_key_file_is_made_once_and_read_again() {
        let env = Env::system();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("instance.key");
        let sealed = InstanceKey::load_or_create(&path, &env).unwrap().seal(&env, "p", b"x");
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
        let again = InstanceKey::load_or_create(&path, &env).unwrap();
        assert_eq!(again.unseal("p", &sealed).unwrap().as_slice(), b"x");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn a_key_file_that_is_open_to_others_or_damaged_is_refused_and_left_alone() {
        let env = Env::system();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("instance.key");
        InstanceKey::load_or_create(&path, &env).unwrap();
        let set = |mode| std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        for mode in [0o644, 0o604, 0o602, 0o660, 0o777] {
            set(mode);
            let refused = InstanceKey::load_or_create(&path, &env);
            assert!(matches!(refused, Err(InstanceKeyError::Exposed { .. })), "{mode:o}");
        }
        set(0o440);
        assert!(InstanceKey::load_or_create(&path, &env).is_ok());

        set(0o600);
        for text in ["", "short", &STANDARD.encode([0; 31]), &STANDARD.encode([0; 33])] {
            std::fs::write(&path, text).unwrap();
            let refused = InstanceKey::load_or_create(&path, &env);
            assert!(matches!(refused, Err(InstanceKeyError::Damaged(_))), "{text}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn processes_that_start_at_once_share_one_key() {
        let env = Env::system();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("instance.key");
        let keys: Vec<InstanceKey> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| InstanceKey::load_or_create(&path, &env).unwrap()))
                .collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).collect()
        });
        let sealed = keys[0].seal(&env, "p", b"x");
        assert!(keys.iter().all(|key| key.unseal("p", &sealed).is_ok()));
    }
}
