//! Byte sizes as the configuration spells them: `1024`, `50MB`, `10 kb`.

use crate::base::int;

/// Reads a size; `KB`, `MB` and `GB` in any case are powers of 1024 and there is no other unit.
/// What is negative counts as 0, which turns the thing off, as in Supervisor. `None` if it is not
/// a size. Supervisor: `byte_size` in datatypes.py.
pub fn parse(text: &str) -> Option<u64> {
    let lower = text.to_lowercase();
    let units = [("kb", 1 << 10), ("mb", 1 << 20), ("gb", 1 << 30)];
    let (digits, factor) = units
        .iter()
        .find_map(|&(unit, factor)| lower.strip_suffix(unit).map(|rest| (rest, factor)))
        .unwrap_or((&lower, 1i64));
    Some(int::parse(digits)?.saturating_mul(factor).try_into().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_take_supervisors_three_units_and_no_other() {
        for (text, want) in [
            ("0", Some(0)),
            ("1024", Some(1024)),
            ("50MB", Some(50 << 20)),
            ("1 kB", Some(1024)),
            ("2gb", Some(2 << 30)),
            ("-1", Some(0)),
            ("-3MB", Some(0)),
            ("9999999999999GB", Some(i64::MAX as u64)),
            ("", None),
            ("MB", None),
            ("10k", None),
            ("1.5MB", None),
            ("10B", None),
        ] {
            assert_eq!(parse(text), want, "{text:?}");
        }
    }
}
