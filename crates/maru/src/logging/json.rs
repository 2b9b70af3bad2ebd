//! Lines of JSON.

use std::fmt::{self, Write as _};

use maru_activity::Timestamp;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_log::NormalizeEvent as _;
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// Writes each event as one object: `timestamp`, `level`, what it says, where it comes from, and the
/// span around it. The library's own way of doing that takes three times as long, which is a
/// twentieth of what a post costs.
pub(super) struct Json {
    pub(super) now: fn() -> Timestamp,
}

impl<S> FormatEvent<S, JsonFields> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut out: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        // Of what comes by the `log` crate, the event's own data tell where from.
        let normalized = event.normalized_metadata();
        let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());
        write!(out, "{{\"timestamp\":\"{}\",\"level\":\"{}\"", (self.now)(), metadata.level())?;
        let mut fields = Fields { out: out.by_ref(), wrote: Ok(()) };
        event.record(&mut fields);
        fields.wrote?;
        out.write_str(",\"target\":")?;
        text(&mut out, metadata.target())?;
        if let Some(span) = context.lookup_current() {
            out.write_str(",\"span\":{\"name\":")?;
            text(&mut out, span.name())?;
            let extensions = span.extensions();
            let said = extensions.get::<FormattedFields<JsonFields>>();
            let members = said.and_then(|said| said.fields.strip_prefix('{')?.strip_suffix('}'));
            if let Some(members) = members.filter(|members| !members.is_empty()) {
                write!(out, ",{members}")?;
            }
            out.write_char('}')?;
        }
        out.write_str("}\n")
    }
}

/// An event's fields on their way into the line.
struct Fields<'a> {
    out: Writer<'a>,
    wrote: fmt::Result,
}

impl Fields<'_> {
    fn member(&mut self, field: &Field, value: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        // What `log` says of itself is told as metadata.
        if self.wrote.is_err() || field.name().starts_with("log.") {
            return;
        }
        self.wrote = (|| {
            self.out.write_char(',')?;
            text(&mut self.out, field.name())?;
            self.out.write_char(':')?;
            value(&mut self.out)
        })();
    }
}

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.member(field, |out| text(out, value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.member(field, |out| write!(out, "{value}"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.member(field, |out| write!(out, "{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.member(field, |out| write!(out, "{value}"));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.member(field, |out| match value.is_finite() {
            true => write!(out, "{value}"),
            false => out.write_str("null"),
        });
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.member(field, |out| {
            out.write_char('"')?;
            write!(Escaping(out), "{value:?}")?;
            out.write_char('"')
        });
    }
}

fn text(out: &mut Writer<'_>, text: &str) -> fmt::Result {
    out.write_char('"')?;
    Escaping(out).write_str(text)?;
    out.write_char('"')
}

/// Writes what is to stand between the quotes of a JSON string.
struct Escaping<'a, 'w>(&'a mut Writer<'w>);

impl fmt::Write for Escaping<'_, '_> {
    fn write_str(&mut self, mut text: &str) -> fmt::Result {
        let special = |byte: u8| byte < b' ' || matches!(byte, b'"' | b'\\');
        while let Some(at) = text.bytes().position(special) {
            // What is special is one byte long, so both parts are whole.
            let (plain, rest) = text.split_at(at);
            let (one, rest) = rest.split_at(1);
            self.0.write_str(plain)?;
            match one {
                "\n" => self.0.write_str("\\n")?,
                "\"" | "\\" => write!(self.0, "\\{one}")?,
                _ => write!(self.0, "\\u{:04x}", one.as_bytes()[0])?,
            }
            text = rest;
        }
        self.0.write_str(text)
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(events: impl FnOnce()) -> String {
        let written = Written::default();
        let to = written.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::DEBUG)
            .with_writer(move || to.clone())
            .fmt_fields(JsonFields::new())
            .event_format(Json { now: || Timestamp::from_secs(0) })
            .finish();
        tracing::subscriber::with_default(subscriber, events);
        String::from_utf8(written.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn a_line_is_one_object_with_what_the_event_says() {
        let line = written(|| {
            let (status, took, name) = (200_u16, 1.5, "ann");
            tracing::info!(target: "t", status, took, ok = true, left = -3, %name, "{name} was here");
        });
        assert_eq!(
            line,
            "{\"timestamp\":\"1970-01-01T00:00:00.0000000Z\",\"level\":\"INFO\",\
             \"message\":\"ann was here\",\"status\":200,\"took\":1.5,\"ok\":true,\"left\":-3,\
             \"name\":\"ann\",\"target\":\"t\"}\n"
        );
    }

    #[test]
    fn the_span_around_it_is_told() {
        let lines = written(|| {
            tracing::debug_span!("request", request.id = "r1").in_scope(|| tracing::info!("x"));
            tracing::debug_span!("bare").in_scope(|| tracing::info!("y"));
        });
        let spans: Vec<serde_json::Value> = lines
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["span"].clone())
            .collect();
        let request = serde_json::json!({ "name": "request", "request.id": "r1" });
        assert_eq!(spans, [request, serde_json::json!({ "name": "bare" })]);
    }

    #[test]
    fn nothing_that_is_said_breaks_out_of_its_line() {
        for said in ["\"", "\\", "a\nb", "\r\u{0}\u{1f}", "\\\"}\n{\"", "끝\u{7f}\u{2028}", "\\n"]
        {
            let lines = written(|| tracing::error!(said, debug = ?said, "{said}"));
            assert_eq!(lines.matches('\n').count(), 1, "{lines}");
            let line: serde_json::Value = serde_json::from_str(&lines).unwrap();
            assert_eq!((&line["said"], &line["message"]), (&said.into(), &said.into()));
            assert_eq!(line["debug"], format!("{said:?}"));
        }
        let line = written(|| tracing::info!(bad = f64::NAN));
        assert!(line.contains("\"bad\":null"), "{line}");
    }
}
