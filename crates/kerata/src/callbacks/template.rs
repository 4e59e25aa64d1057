//! File names with places for values, as Python's `str.format` fills them: `{epoch:02d}-{val_loss:.2f}.keras`.

use kerata_core::{Error, Result};

use super::{Logs, no_metric};

/// A value that may be filled in.
#[derive(Clone, Copy)]
enum Value {
    Whole(u64),
    Float(f64),
}

/// Fills in `epoch` and `batch` (both from 1 on) and the logs.
pub(super) fn fill(template: &str, epoch: u64, batch: Option<u64>, logs: &Logs) -> Result<String> {
    let mut out = String::new();
    let mut rest = template.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '{' | '}' if rest.peek() == Some(&c) => {
                rest.next();
                out.push(c);
            }
            '{' => {
                let mut field = String::new();
                loop {
                    match rest.next() {
                        Some('}') => break,
                        Some(c) => field.push(c),
                        None => return Err(Error::usage(format!("`{{` without `}}` in `{template}`"))),
                    }
                }
                let (name, spec) = field.split_once(':').unwrap_or((&field, ""));
                let value = match (name, batch) {
                    ("epoch", _) => Value::Whole(epoch),
                    ("batch", Some(batch)) => Value::Whole(batch),
                    _ => Value::Float(logs.get(name).copied().ok_or_else(|| no_metric(name, logs))?),
                };
                out.push_str(&format_value(value, spec)?);
            }
            '}' => return Err(Error::usage(format!("`}}` without `{{` in `{template}`"))),
            c => out.push(c),
        }
    }
    Ok(out)
}

/// `[[fill]align][sign][0][width][.precision][type]` of Python's format language.
struct Spec {
    fill: char,
    align: char,
    sign: char,
    width: usize,
    precision: Option<usize>,
    kind: Option<char>,
}

impl Spec {
    fn parse(spec: &str) -> Result<Self> {
        let wrong = || Error::usage(format!("format `{spec}` is not known"));
        let chars: Vec<char> = spec.chars().collect();
        let mut at = 0;
        let is_align = |c: Option<&char>| c.is_some_and(|c| matches!(c, '<' | '>' | '^' | '='));
        let mut new = Self { fill: ' ', align: '>', sign: '-', width: 0, precision: None, kind: None };
        if is_align(chars.get(1)) {
            (new.fill, new.align) = (chars[0], chars[1]);
            at = 2;
        } else if is_align(chars.first()) {
            new.align = chars[0];
            at = 1;
        }
        if let Some(sign) = chars.get(at).filter(|c| matches!(c, '+' | '-' | ' ')) {
            new.sign = *sign;
            at += 1;
        }
        if chars.get(at) == Some(&'0') && at < 2 && new.fill == ' ' {
            (new.fill, new.align) = ('0', '=');
            at += 1;
        }
        let number = |at: &mut usize| {
            let start = *at;
            while chars.get(*at).is_some_and(char::is_ascii_digit) {
                *at += 1;
            }
            let digits: String = chars.get(start..*at).unwrap_or_default().iter().collect();
            digits.parse::<usize>().ok().filter(|width| *width <= 200)
        };
        new.width = number(&mut at).unwrap_or(0);
        if chars.get(at) == Some(&'.') {
            at += 1;
            new.precision = Some(number(&mut at).ok_or_else(wrong)?);
        }
        new.kind = chars.get(at).copied();
        if chars.len() > at + 1 {
            return Err(wrong());
        }
        Ok(new)
    }

    fn pad(&self, is_negative: bool, digits: &str) -> String {
        let sign = match (is_negative, self.sign) {
            (true, _) => "-",
            (false, '+') => "+",
            (false, ' ') => " ",
            _ => "",
        };
        let missing = self.width.saturating_sub(sign.len() + digits.chars().count());
        let fill = |count: usize| self.fill.to_string().repeat(count);
        match self.align {
            '=' => format!("{sign}{}{digits}", fill(missing)),
            '<' => format!("{sign}{digits}{}", fill(missing)),
            '^' => format!("{}{sign}{digits}{}", fill(missing / 2), fill(missing - missing / 2)),
            _ => format!("{}{sign}{digits}", fill(missing)),
        }
    }
}

fn format_value(value: Value, spec: &str) -> Result<String> {
    let spec = Spec::parse(spec)?;
    let number = match value {
        Value::Whole(whole) => whole as f64,
        Value::Float(float) => float,
    };
    let digits = match (spec.kind, value) {
        (Some('d') | None, Value::Whole(whole)) => whole.to_string(),
        (Some('d'), Value::Float(_)) => {
            return Err(Error::usage("`d` is for whole numbers").hint("use `.2f` for losses and metrics"));
        }
        _ if number.is_nan() => "nan".to_owned(),
        _ if number.is_infinite() => "inf".to_owned(),
        (Some('f' | 'F'), _) => format!("{:.*}", spec.precision.unwrap_or(6), number.abs()),
        (Some('e'), _) => scientific(number.abs(), spec.precision.unwrap_or(6)),
        (Some('g'), _) => general(number.abs(), spec.precision.unwrap_or(6), true),
        (Some('%'), _) => format!("{:.*}%", spec.precision.unwrap_or(6), number.abs() * 100.0),
        (None, _) => match spec.precision {
            Some(precision) => general(number.abs(), precision, false),
            None => kerata_core::Tree::Float(number.abs()).to_json(),
        },
        (Some(kind), _) => return Err(Error::usage(format!("format type `{kind}` is not known"))),
    };
    Ok(spec.pad(number.is_sign_negative() && !number.is_nan(), &digits))
}

/// `1.50e-03`.
fn scientific(number: f64, precision: usize) -> String {
    let text = format!("{number:.precision$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// The shorter of `f` and `e` with so many digits that mean something; without a type a number keeps a digit behind the point.
fn general(number: f64, precision: usize, is_g: bool) -> String {
    let precision = precision.max(1);
    let rounded = format!("{number:.*e}", precision - 1);
    let exponent: i32 = rounded.split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0);
    let highest = precision as i32 - i32::from(!is_g);
    let trim = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if exponent < -4 || exponent >= highest.max(1) {
        let text = scientific(number, precision - 1);
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "+00"));
        return format!("{}e{exponent}", trim(digits));
    }
    let decimals = usize::try_from(precision as i32 - 1 - exponent).unwrap_or(0);
    let text = trim(&format!("{number:.decimals$}"));
    if is_g || text.contains('.') { text } else { format!("{text}.0") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_as_python_does() {
        // Right sides: what `str.format(epoch=7, batch=12, val_loss=0.123456, acc=1.0, tiny=1.5e-7)` gives in Python.
        let logs = Logs::from_iter([
            ("val_loss".to_owned(), 0.123456),
            ("acc".to_owned(), 1.0),
            ("tiny".to_owned(), 1.5e-7),
        ]);
        for (template, expected) in [
            ("m.{epoch:02d}-{val_loss:.2f}.keras", "m.07-0.12.keras"),
            ("{epoch}-{batch:04d}", "7-0012"),
            ("{acc}", "1.0"),
            ("{val_loss}", "0.123456"),
            ("{tiny}", "1.5e-07"),
            ("{tiny:.1e}", "1.5e-07"),
            ("{val_loss:8.3f}|", "   0.123|"),
            ("{val_loss:<8.3f}|", "0.123   |"),
            ("{val_loss:+.3f}", "+0.123"),
            ("{val_loss:08.3f}", "0000.123"),
            ("{acc:.1%}", "100.0%"),
            ("{acc:g}", "1"),
            ("{val_loss:.3g}", "0.123"),
            ("{val_loss:.3}", "0.123"),
            ("{acc:.3}", "1.0"),
            ("{epoch:.1f}", "7.0"),
            ("{{x}}", "{x}"),
            ("{epoch:*^5d}", "**7**"),
        ] {
            assert_eq!(fill(template, 7, Some(12), &logs).unwrap(), expected, "{template}");
        }
        let error = fill("{loss:.2f}", 7, None, &logs).unwrap_err();
        assert_eq!(error.hint_text(), Some("metrics are: val_loss, acc, tiny"));
        assert!(fill("{acc:d}", 7, None, &logs).is_err());
        assert!(fill("{batch}", 7, None, &logs).is_err());
        assert!(fill("{epoch", 7, None, &logs).is_err());
    }
}
