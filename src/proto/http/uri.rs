//! Percent-decoding. A `%` without two hexadecimal digits behind it stands for itself.

/// Decodes a path. What is not UTF-8 becomes U+FFFD.
pub fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let digits = behind.first().zip(behind.get(1));
        let pair = digits.and_then(|(high, low)| Some((hex(*high)?, hex(*low)?)));
        match pair.filter(|_| *first == b'%') {
            Some((high, low)) => {
                bytes.push(high << 4 | low);
                rest = &behind[2..];
            }
            None => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|bad| String::from_utf8_lossy(bad.as_bytes()).into())
}

/// The `name=value` pairs of a query or of a form, in order; `+` is a space.
pub fn pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(&name.replace('+', " ")), decode(&value.replace('+', " ")))
    })
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_percent_code_stands_for_itself() {
        for (text, want) in [
            ("/logtail/a%3Ab", "/logtail/a:b"),
            ("%", "%"),
            ("%f", "%f"),
            ("%zz", "%zz"),
            ("%4", "%4"),
            ("%%41", "%A"),
            ("%41%", "A%"),
            ("%4\u{e9}", "%4\u{e9}"),
            ("%c3%A9", "é"),
            ("%ff", "\u{fffd}"),
            ("%00+", "\0+"),
        ] {
            assert_eq!(decode(text), want, "{text}");
        }
    }

    #[test]
    fn a_query_is_pairs_of_names_and_values() {
        let read = |text: &str| -> Vec<String> {
            pairs(text).map(|(name, value)| format!("{name}:{value}")).collect()
        };
        assert_eq!(read("action=stop&processname=a%26b+c"), ["action:stop", "processname:a&b c"]);
        assert_eq!(read("&&a&=b&c=d=e&"), ["a:", ":b", "c:d=e"]);
        assert_eq!(read(""), [""; 0]);
    }

    proptest! {
        #[test]
        fn decoding_ends_and_undoes_encoding(text: String, soup in "[%0-9a-fz\u{e9}]{0,30}") {
            let encoded: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
            prop_assert_eq!(decode(&encoded), text);
            prop_assert!(decode(&soup).len() <= 3 * soup.len());
        }
    }
}
