//! Addresses of files: sealed, for one conversation, and good for some days.
//!
//! The id of a file is a capability that never expires, so it must not stand in an address. The
//! ticket in an address is therefore not signed but sealed: AES-256-GCM-SIV (RFC 8452), which is safe
//! with one nonce for all and then gives the same ticket for the same contents, so that browsers can
//! keep what they fetched.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use maru_accounts::InstanceKey;
use maru_activity::{ConversationId, Timestamp};
use maru_hall::{BlobId, Conversation};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{Files, LINK_DAYS};

/// The path that addresses of files begin with. Behind it stand the ticket and the file's name.
pub const PATH: &str = "/nxchat/file/";

/// What the key is derived for, and what a ticket is bound to.
const PURPOSE: &str = "files/link";

/// The longest ticket, in bytes of its text: far above any of ours.
const TICKET_MAX: usize = 512;

const DAY_SECS: i64 = 86_400;

/// What may stand in a path as it is (RFC 3986, unreserved).
const NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What an address leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkOf {
    /// A file as it was sent: only ever saved.
    File,
    /// A preview that was drawn here: shown in place.
    Preview,
}

/// What a ticket stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Linked {
    /// The conversation that it was given out for.
    pub conversation: ConversationId,
    /// The file.
    pub blob: BlobId,
    /// Whether it is a file or a preview.
    pub of: LinkOf,
}

/// Seals tickets, and opens them.
pub(crate) struct Sealer(LessSafeKey);

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer(…)")
    }
}

impl Sealer {
    pub(crate) fn new(key: &InstanceKey) -> Self {
        let key = key.derive(PURPOSE, &[]);
        let key = UnboundKey::new(&AES_256_GCM_SIV, key.as_slice());
        Self(LessSafeKey::new(key.expect("32 bytes are a key of AES-256-GCM-SIV")))
    }

    fn seal(&self, plain: &str) -> String {
        let mut sealed = plain.as_bytes().to_vec();
        let nonce = Nonce::assume_unique_for_key([0; NONCE_LEN]);
        self.0
            .seal_in_place_append_tag(nonce, Aad::from(PURPOSE.as_bytes()), &mut sealed)
            .expect("AES-GCM-SIV seals anything below 64 GiB");
        URL_SAFE_NO_PAD.encode(sealed)
    }

    fn open(&self, ticket: &str) -> Option<String> {
        if ticket.len() > TICKET_MAX {
            return None;
        }
        let mut sealed = URL_SAFE_NO_PAD.decode(ticket).ok()?;
        let nonce = Nonce::assume_unique_for_key([0; NONCE_LEN]);
        let plain = self.0.open_in_place(nonce, Aad::from(PURPOSE.as_bytes()), &mut sealed).ok()?;
        std::str::from_utf8(plain).ok().map(str::to_owned)
    }
}

impl Files {
    /// The address of a conversation's file, with its name at the end for people to read. Whoever has
    /// it may fetch the file until it expires. `base_url` is how its reader reaches this server.
    pub fn link(
        &self,
        base_url: &str,
        conversation: &Conversation,
        blob: &BlobId,
        of: LinkOf,
        name: &str,
    ) -> String {
        let until = expiry(self.hall.env().now());
        let of = match of {
            LinkOf::File => 'f',
            LinkOf::Preview => 'p',
        };
        let ticket = self.links.seal(&format!("{of} {until} {} {blob}", conversation.id));
        let name = utf8_percent_encode(if name.is_empty() { "file" } else { name }, NAME);
        format!("{base_url}{PATH}{ticket}/{name}")
    }

    /// What an address leads to that this server gave out, whichever of its names it was reached by;
    /// `None` for any other, and for one that has expired.
    pub fn linked(&self, url: &str) -> Option<Linked> {
        let (_, rest) = url.split_once(PATH)?;
        self.redeem(rest.split(['/', '?', '#']).next()?)
    }

    pub(crate) fn redeem(&self, ticket: &str) -> Option<Linked> {
        let plain = self.links.open(ticket)?;
        let mut parts = plain.splitn(4, ' ');
        let of = match parts.next()? {
            "f" => LinkOf::File,
            "p" => LinkOf::Preview,
            _ => return None,
        };
        let until: i64 = parts.next()?.parse().ok()?;
        let conversation = ConversationId::from(parts.next()?.to_owned());
        let blob = BlobId::parse(parts.next()?)?;
        (self.hall.env().now().as_secs() < until).then_some(Linked { conversation, blob, of })
    }
}

fn expiry(now: Timestamp) -> i64 {
    (now.as_secs().div_euclid(DAY_SECS) + 1 + LINK_DAYS).saturating_mul(DAY_SECS)
}
