//! Whole numbers as Python's `int()` reads them, which is how Supervisor reads every number.

/// Reads a decimal number: white space around it, a sign and single underscores between digits
/// are allowed. What exceeds 64 bits is the nearest that fits. `None` if it is not a number.
pub fn parse(text: &str) -> Option<i64> {
    radix(text, 10)
}

/// Reads an octal number the way `int(text, 8)` does: as [`parse`], with an optional `0o`.
pub fn octal(text: &str) -> Option<i64> {
    radix(text, 8)
}

fn radix(text: &str, radix: u32) -> Option<i64> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix(['+', '-']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    let prefixed = digits.strip_prefix("0o").or(digits.strip_prefix("0O"));
    let digits = match prefixed {
        Some(rest) if radix == 8 => rest.strip_prefix('_').unwrap_or(rest),
        _ => digits,
    };
    if digits.starts_with('_') || digits.ends_with('_') || digits.contains("__") {
        return None;
    }
    let mut value = None;
    for c in digits.chars().filter(|&c| c != '_') {
        let digit = i64::from(c.to_digit(radix)?);
        value = Some(value.unwrap_or(0i64).saturating_mul(i64::from(radix)).saturating_add(digit));
    }
    value.map(|v| if negative { -v } else { v })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_python_reads_them() {
        for (text, want) in [
            ("10", Some(10)),
            (" -5\n", Some(-5)),
            ("+1_000", Some(1000)),
            ("007", Some(7)),
            ("99999999999999999999", Some(i64::MAX)),
            ("", None),
            ("-", None),
            ("1__0", None),
            ("_1", None),
            ("1_", None),
            ("1.0", None),
            ("0x10", None),
            ("0o10", None),
            ("- 1", None),
        ] {
            assert_eq!(parse(text), want, "{text:?}");
        }
    }

    #[test]
    fn octal_numbers_may_carry_pythons_prefix() {
        for (text, want) in [
            ("022", Some(0o22)),
            ("0o700", Some(0o700)),
            ("0O_7", Some(7)),
            ("777 ", Some(0o777)),
            ("8", None),
            ("0o", None),
            ("rwx", None),
        ] {
            assert_eq!(octal(text), want, "{text:?}");
        }
    }
}
