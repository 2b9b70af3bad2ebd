//! Where connections come in.

use std::fmt;
use std::fs::DirBuilder;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio_rustls::TlsAcceptor;

use super::tls::{TlsError, TlsFiles};

/// A place where connections come in: a TCP port, with TLS or without, or a Unix socket.
pub struct Listener {
    socket: Socket,
    tls: Option<TlsAcceptor>,
}

enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

/// A connection that just came in.
pub(super) enum Accepted {
    Tcp(TcpStream, SocketAddr),
    Unix(UnixStream),
}

impl Listener {
    /// Listens on a TCP address; port 0 takes any that is free.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub async fn tcp(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        Ok(Self { socket: Socket::Tcp(listener), tls: None })
    }

    /// Listens on a Unix socket that only this user may open (mode 0600). One that an earlier
    /// process left there is replaced: the caller makes sure that there is no other process.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn unix(path: &Path) -> io::Result<Self> {
        let parent = path.parent().unwrap_or(Path::new("."));
        // A socket is made with the permissions of the process's mask, so it is made where nobody
        // else can reach it and moved when it is ready. The name is short: a socket's path may
        // have 107 bytes only.
        let hidden = parent.join(format!(".{:x}", std::process::id()));
        // One that a killed process of the same id left behind.
        let _ = std::fs::remove_dir_all(&hidden);
        DirBuilder::new().mode(0o700).create(&hidden)?;
        let draft = hidden.join("s");
        let made = UnixListener::bind(&draft).and_then(|listener| {
            std::fs::set_permissions(&draft, PermissionsExt::from_mode(0o600))?;
            std::fs::rename(&draft, path)?;
            Ok(listener)
        });
        let removed = std::fs::remove_dir_all(&hidden);
        let listener = made?;
        removed?;
        Ok(Self { socket: Socket::Unix(listener, path.to_owned()), tls: None })
    }

    /// Speaks TLS with this certificate.
    ///
    /// # Errors
    /// When the files cannot be used.
    pub fn with_tls(mut self, files: &TlsFiles) -> Result<Self, TlsError> {
        self.tls = Some(files.acceptor()?);
        Ok(self)
    }

    /// The address, if it is a TCP one.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        match &self.socket {
            Socket::Tcp(listener) => listener.local_addr().ok(),
            Socket::Unix(..) => None,
        }
    }

    /// Whether it speaks TLS.
    pub fn is_secure(&self) -> bool {
        self.tls.is_some()
    }

    pub(super) fn tls(&self) -> Option<TlsAcceptor> {
        self.tls.clone()
    }

    pub(super) async fn accept(&self) -> io::Result<Accepted> {
        match &self.socket {
            Socket::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // Answers are small, and nobody should wait for more of them to fill a packet.
                // A socket that refuses is closed already, which reading from it will show.
                let _ = stream.set_nodelay(true);
                Ok(Accepted::Tcp(stream, peer))
            }
            Socket::Unix(listener, _) => {
                listener.accept().await.map(|(stream, _)| Accepted::Unix(stream))
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Socket::Unix(_, path) = &self.socket {
            // If it cannot be removed, the next start replaces it.
            let _ = std::fs::remove_file(path);
        }
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Listener");
        match &self.socket {
            Socket::Tcp(listener) => shown.field("tcp", &listener.local_addr().ok()),
            Socket::Unix(_, path) => shown.field("unix", path),
        };
        shown.field("tls", &self.is_secure()).finish()
    }
}
