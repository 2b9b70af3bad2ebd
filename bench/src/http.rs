//! A minimal HTTP/1.1 client: one keep-alive connection, one call at a time.
//!
//! The driver shares two cores with what it measures, so it does as little as can be done: a request
//! is written as prepared bytes, and of the answer only the status and the length are read. It
//! understands what Maru and axum send, answers with a `Content-Length`, and says so of any other.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// The longest head of an answer that is read.
const HEAD_MAX: usize = 16 * 1024;

/// The driver's own address. It differs from the server's, so that a connection tried while the
/// server is down can never be answered by itself (TCP's simultaneous open on one port).
pub const DRIVER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// A keep-alive connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer whose body lies in the connection's buffer.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: &'a [u8],
    /// Whether the server closes the connection after it.
    pub closes: bool,
}

/// Opens a TCP connection from a source address of the loopback network.
///
/// # Errors
/// What the system says.
pub async fn connect(to: SocketAddr, from: Ipv4Addr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(IpAddr::V4(from), 0))?;
    let stream = socket.connect(to).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

impl Connection {
    /// Opens a connection from the driver's own address.
    ///
    /// # Errors
    /// What the system says.
    pub async fn open(to: SocketAddr) -> io::Result<Self> {
        let stream = connect(to, DRIVER).await?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096) })
    }

    /// The connection's own end, by which a trace of the server names it.
    ///
    /// # Errors
    /// What the system says.
    pub fn local(&self) -> io::Result<SocketAddr> {
        self.stream.local_addr()
    }

    /// Writes a whole request and reads its answer. After an error the connection is of no use: the
    /// server may or may not have taken the request.
    ///
    /// # Errors
    /// What the system says; `UnexpectedEof` if the server closed; `InvalidData` if the answer is
    /// not one that this client reads.
    pub async fn call(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head = loop {
            self.more().await?;
            if let Some(head) = Head::parse(&self.buffer)? {
                break head;
            }
            if self.buffer.len() > HEAD_MAX {
                return Err(invalid("the head of the answer is too long"));
            }
        };
        while self.buffer.len() < head.end + head.length {
            self.more().await?;
        }
        if self.buffer.len() > head.end + head.length {
            return Err(invalid("the answer is longer than it says"));
        }
        let body = self.buffer.get(head.end..).unwrap_or_default();
        Ok(Answer { status: head.status, body, closes: head.closes })
    }

    async fn more(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(io::Error::new(ErrorKind::UnexpectedEof, "the server closed the connection")),
            _ => Ok(()),
        }
    }
}

/// Writes a request. `token` goes into `Authorization: Bearer`.
pub fn request(
    method: &str,
    host: SocketAddr,
    path: &str,
    token: Option<&str>,
    body: &[u8],
) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\n");
    if let Some(token) = token {
        text.push_str("authorization: Bearer ");
        text.push_str(token);
        text.push_str("\r\n");
    }
    if !body.is_empty() || method == "POST" {
        text.push_str("content-type: application/json\r\ncontent-length: ");
        text.push_str(&body.len().to_string());
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// What is read of an answer's head.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    /// Where the body begins.
    end: usize,
    length: usize,
    closes: bool,
}

impl Head {
    /// Reads a head, if it is there whole.
    fn parse(bytes: &[u8]) -> io::Result<Option<Self>> {
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Ok(None);
        };
        let text = bytes.get(..end).and_then(|head| std::str::from_utf8(head).ok());
        let mut lines = text.ok_or_else(|| invalid("the head is not text"))?.split("\r\n");
        let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 "));
        let status = status.and_then(|rest| rest.get(..3)).and_then(|code| code.parse().ok());
        let status: u16 = status.ok_or_else(|| invalid("not an HTTP/1.1 answer"))?;
        let (mut length, mut closes) = (None, false);
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            let value = value.trim();
            if name.eq_ignore_ascii_case("content-length") {
                length = value.parse().ok();
            } else if name.eq_ignore_ascii_case("connection") {
                closes = value.eq_ignore_ascii_case("close");
            }
        }
        let length = match length {
            Some(length) => length,
            None if matches!(status, 204 | 304) => 0,
            None => return Err(invalid("an answer without Content-Length")),
        };
        Ok(Some(Self { status, end: end + 4, length, closes }))
    }
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_once_it_is_whole() {
        let whole = b"HTTP/1.1 201 Created\r\nContent-Length: 12\r\nconnection: close\r\n\r\n{";
        for cut in 0..whole.len() - 1 {
            assert_eq!(Head::parse(&whole[..cut]).unwrap(), None, "{cut}");
        }
        let head = Head::parse(whole).unwrap().unwrap();
        assert_eq!(head, Head { status: 201, end: whole.len() - 1, length: 12, closes: true });
    }

    #[test]
    fn what_is_not_understood_is_an_error_and_not_a_guess() {
        for bad in [
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            "HTTP/1.1 2 OK\r\ncontent-length: 0\r\n\r\n",
            "SSH-2.0-x\r\n\r\n",
        ] {
            assert!(Head::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
