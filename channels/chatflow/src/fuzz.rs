//! What the fuzz targets, and the replay of their corpora, call.
#![doc(hidden)]

use crate::fields::Fields;

/// Reads a call's body as each content type, and looks at all that a call looks at.
pub fn body(bytes: &[u8]) {
    for content_type in [None, Some("application/json"), Some("application/x-www-form-urlencoded")]
    {
        let Ok(fields) = Fields::parse(content_type, bytes) else { continue };
        for name in ["client_id", "app_id", "user_key", "content", "type", "message_id", "node_id"]
        {
            let text = fields.text(name);
            assert!(fields.needed(name).is_err() || text.is_ok(), "{name}");
        }
        for name in ["variables", "slot"] {
            let _ = fields.object(name);
        }
        let _ = (fields.flag("served"), fields.is_joined());
    }
}
