//! Giving a file out.

use axum::response::Response;
use http::{HeaderName, HeaderValue, header};
use maru_door::download;
use maru_hall::BlobError;

use crate::{Files, LinkOf};

const REFERRER_POLICY: HeaderName = HeaderName::from_static("referrer-policy");

impl Files {
    /// The file behind an address's ticket, to be saved, or the preview, to be shown. `None`: there is
    /// none, or not any more.
    ///
    /// # Errors
    /// When the place where files are kept does not answer.
    pub async fn serve(&self, ticket: &str) -> Result<Option<Response>, BlobError> {
        let Some(linked) = self.redeem(ticket) else { return Ok(None) };
        let (blob, bytes) = match self.hall.blobs().get(&linked.blob).await {
            Ok(found) => found,
            Err(BlobError::Unknown) => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut response = download(&blob.content_type, &blob.name, bytes);
        let headers = response.headers_mut();
        if linked.of == LinkOf::File {
            // A stranger's bytes, whatever they are, are not shown in place. A picture in a page is
            // drawn all the same.
            to_be_saved(headers);
        }
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        Ok(Some(response))
    }
}

fn to_be_saved(headers: &mut http::HeaderMap) {
    let named = headers.get(header::CONTENT_DISPOSITION).and_then(|value| value.to_str().ok());
    let names = named.and_then(|text| text.split_once(';')).map(|(_, names)| names);
    let saved = match names {
        Some(names) => HeaderValue::try_from(format!("attachment;{names}")).ok(),
        None => None,
    };
    let saved = saved.unwrap_or(HeaderValue::from_static("attachment"));
    headers.insert(header::CONTENT_DISPOSITION, saved);
}
