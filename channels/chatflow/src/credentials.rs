//! Who calls: a client and one of its apps, by their secrets.

use std::sync::Arc;

use http::{HeaderMap, HeaderName};
use maru_chatflow::{AppRecord, Error as ServiceError};
use maru_door::Caller;

use crate::ChatFlowApi;
use crate::error::Error;
use crate::fields::Fields;
use crate::limits::SECRET_BYTES_MAX;

/// For calls without a body; good for all others too.
const CLIENT_ID: HeaderName = HeaderName::from_static("x-chatflow-client-id");
const APP_ID: HeaderName = HeaderName::from_static("x-chatflow-app-id");

impl ChatFlowApi {
    /// The app that calls. Its secrets stand in headers or in the body, and never in the address:
    /// addresses get into logs.
    pub(crate) async fn app(
        &self,
        from: &Caller,
        headers: &HeaderMap,
        fields: &Fields,
    ) -> Result<Arc<AppRecord>, Error> {
        let client_id = credential(headers, &CLIENT_ID, fields, "client_id")?;
        let app_id = credential(headers, &APP_ID, fields, "app_id")?;
        let app = match self.chatflow.caller(&client_id, &app_id).await {
            Err(ServiceError::UnknownCaller) => {
                // Only who was wrong is counted: one address may be the way of many callers.
                self.refusals.check(&from.peer).map_err(Error::TooMany)?;
                return Err(ServiceError::UnknownCaller.into());
            }
            app => app?,
        };
        self.calls.check(&app.id).map_err(Error::TooMany)?;
        Ok(app)
    }
}

fn credential(
    headers: &HeaderMap,
    header: &HeaderName,
    fields: &Fields,
    name: &'static str,
) -> Result<String, Error> {
    let in_body = fields.text(name)?;
    let in_header = headers.get(header).map(|value| value.to_str().unwrap_or_default());
    let text = match (in_header, &in_body) {
        (Some(header), Some(body)) if header != body => {
            return Err(Error::bad(format!("{name} is another one in the header")));
        }
        (Some(header), _) => header,
        (None, Some(body)) => body,
        (None, None) => "",
    };
    if text.is_empty() {
        return Err(Error::bad(format!("{name} is missing")));
    }
    if text.len() > SECRET_BYTES_MAX {
        return Err(ServiceError::UnknownCaller.into());
    }
    Ok(text.to_owned())
}
