//! What can be done to a value on its way into a text.

use super::{Render, Scope};
use crate::limits::NAME_CHARS_MAX;
use crate::text;

/// A filter: `|upper`, `|default:guest`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Filter {
    /// Another text for what is missing or empty.
    Default(String),
    /// In upper case.
    Upper,
    /// In lower case.
    Lower,
    /// A number with commas between its thousands, and this many decimals if it says.
    Number(Option<usize>),
    /// A date or time in this `strftime` format.
    Date(String),
}

/// The most decimals that `number` gives.
const DECIMALS_MAX: usize = 9;
/// The most characters that a date takes.
const DATE_CHARS_MAX: usize = 200;

impl Filter {
    /// Reads a filter. `Err` says what is wrong with it.
    pub(super) fn parse(name: &str, argument: Option<&str>) -> Result<Self, String> {
        match (name, argument) {
            ("default", Some(text)) => Ok(Self::Default(text.to_owned())),
            ("default", None) => Err("default needs a text: default:guest".to_owned()),
            ("upper", None) => Ok(Self::Upper),
            ("lower", None) => Ok(Self::Lower),
            ("number", None) => Ok(Self::Number(None)),
            ("number", Some(decimals)) => match decimals.parse() {
                Ok(decimals) if decimals <= DECIMALS_MAX => Ok(Self::Number(Some(decimals))),
                _ => Err(format!("number takes 0 to {DECIMALS_MAX} decimals")),
            },
            ("date", format) => {
                let format = format.unwrap_or("%Y-%m-%d");
                check_format(format)?;
                Ok(Self::Date(format.to_owned()))
            }
            ("upper" | "lower", Some(_)) => Err(format!("{name} takes nothing")),
            _ => Err(format!(
                "no filter is called \u{201c}{}\u{201d}: there are default, upper, lower, number \
                 and date",
                text::cut(name, 40)
            )),
        }
    }

    /// `None` stands for a value that is not there.
    pub(super) fn apply(&self, text: Option<String>, render: &mut Render<'_>) -> Option<String> {
        if let Self::Default(instead) = self {
            return Some(text.filter(|text| !text.is_empty()).unwrap_or_else(|| instead.clone()));
        }
        let text = text?;
        let done = match self {
            Self::Default(_) => None,
            Self::Upper => Some(text.to_uppercase()),
            Self::Lower => Some(text.to_lowercase()),
            Self::Number(decimals) => grouped(&text, *decimals),
            Self::Date(format) => date(&text, format, &render.scope),
        };
        if done.is_none() {
            render.notes.push(format!("{self:?} does not fit a value; it was left as it is"));
        }
        Some(done.unwrap_or(text))
    }
}

/// A number with commas between its thousands.
fn grouped(text: &str, decimals: Option<usize>) -> Option<String> {
    let number: f64 = text.trim().replace(',', "").parse().ok()?;
    if !number.is_finite() || number.abs() >= 1e15 {
        return None;
    }
    let plain = match decimals {
        Some(decimals) => format!("{number:.decimals$}"),
        None => number.to_string(),
    };
    let (sign, plain) = match plain.strip_prefix('-') {
        Some(plain) => ("-", plain),
        None => ("", plain.as_str()),
    };
    let (whole, part) = plain.split_once('.').map_or((plain, None), |(w, p)| (w, Some(p)));
    let mut result = sign.to_owned();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            result.push(',');
        }
        result.push(digit);
    }
    if let Some(part) = part {
        result.push('.');
        result.push_str(part);
    }
    Some(result)
}

/// Says at load what would go wrong with a format later: its length does not depend on the date.
fn check_format(format: &str) -> Result<(), String> {
    let sample = jiff::Timestamp::UNIX_EPOCH.to_zoned(jiff::tz::TimeZone::UTC);
    if text::length(format) > NAME_CHARS_MAX {
        return Err(format!("a date's format has at most {NAME_CHARS_MAX} characters"));
    }
    match jiff::fmt::strtime::format(format, &sample) {
        Ok(sample) if text::length(&sample) <= DATE_CHARS_MAX => Ok(()),
        Ok(_) => Err("the date would be too long".to_owned()),
        Err(error) => Err(format!("a date cannot be written so: {error}")),
    }
}

fn date(value: &str, format: &str, scope: &Scope<'_>) -> Option<String> {
    let value = value.trim();
    let zone = scope.zoned(scope.now).time_zone().clone();
    let zoned = match value.parse::<jiff::Timestamp>() {
        Ok(time) => time.to_zoned(zone),
        // A civil date parses from a longer text's beginning too, and its time would get lost.
        Err(_) => value.parse::<jiff::civil::DateTime>().ok()?.to_zoned(zone).ok()?,
    };
    jiff::fmt::strtime::format(format, &zoned).ok()
}
