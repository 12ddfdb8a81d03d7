//! Output of programs as HTML: colours and weights (SGR) become classed spans, every other escape
//! vanishes, and the rest is text. The page's script does the same (`assets/ansi.js`).

use super::escape;

/// Bytes an escape may have; beyond it is text.
const ESCAPE_BYTES_MAX: usize = 256;

/// How text looks at one point of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Look {
    /// 0 to 15.
    ink: Option<u8>,
    /// 0 to 15.
    paper: Option<u8>,
    /// Of [`ATTRIBUTES`], by position.
    attributes: [bool; ATTRIBUTES.len()],
}

/// Class, the number that sets it and the one that ends it.
const ATTRIBUTES: [(&str, u32, u32); 6] =
    [("b", 1, 22), ("d", 2, 22), ("i", 3, 23), ("u", 4, 24), ("v", 7, 27), ("s", 9, 29)];

impl Look {
    /// Applies the numbers of one `ESC [ … m`.
    fn apply(&mut self, numbers: &str) {
        let mut rest = numbers.split([';', ':']).map(|n| match n {
            "" => Some(0),
            n => n.parse::<u32>().ok(),
        });
        while let Some(number) = rest.next() {
            let Some(number) = number else { continue };
            match number {
                0 => *self = Look::default(),
                30..=37 => self.ink = Some((number - 30) as u8),
                38 => self.ink = extended(&mut rest).or(self.ink),
                39 => self.ink = None,
                40..=47 => self.paper = Some((number - 40) as u8),
                48 => self.paper = extended(&mut rest).or(self.paper),
                49 => self.paper = None,
                90..=97 => self.ink = Some((number - 82) as u8),
                100..=107 => self.paper = Some((number - 92) as u8),
                _ => {
                    for (is, (_, on, off)) in self.attributes.iter_mut().zip(ATTRIBUTES) {
                        *is = (*is || number == on) && number != off;
                    }
                }
            }
        }
    }

    fn open(&self, out: &mut String) -> bool {
        if *self == Look::default() {
            return false;
        }
        let names = self.attributes.iter().zip(ATTRIBUTES).filter(|(is, _)| **is);
        let mut classes: Vec<String> = names.map(|(_, (class, ..))| class.to_owned()).collect();
        classes.extend(self.ink.map(|ink| format!("f{ink}")));
        classes.extend(self.paper.map(|paper| format!("k{paper}")));
        out.push_str("<span class=");
        escape::attribute(out, &classes.join(" "));
        out.push('>');
        true
    }
}

/// What follows 38 or 48: `5;N` or `2;R;G;B`, brought down to sixteen colours, which are readable
/// on light and on dark.
fn extended(rest: &mut impl Iterator<Item = Option<u32>>) -> Option<u8> {
    match rest.next()?? {
        5 => Some(match rest.next()?? {
            n @ 0..16 => n as u8,
            n @ 16..232 => sixteen([(n - 16) / 36, (n - 16) / 6 % 6, (n - 16) % 6].map(|c| c * 51)),
            n => sixteen([(n.min(255) - 232) * 10 + 8; 3]),
        }),
        2 => Some(sixteen([rest.next()??, rest.next()??, rest.next()??].map(|c| c.min(255)))),
        _ => None,
    }
}

/// The one of sixteen colours that a colour is called by.
fn sixteen(rgb: [u32; 3]) -> u8 {
    let most = rgb.into_iter().max().unwrap_or(0);
    let least = rgb.into_iter().min().unwrap_or(0);
    if most - least < 32 {
        return match most {
            0..64 => 0,
            64..150 => 8,
            150..220 => 7,
            _ => 15,
        };
    }
    let middle = (most + least) / 2;
    let hue = (0..3).filter(|&i| rgb[i] > middle).fold(0, |hue, i| hue | 1 << i);
    if most > 200 { hue + 8 } else { hue }
}

/// Where an escape at the front of `text` ends, and the numbers of an SGR. `None` if it is none,
/// or none that ends soon.
fn escape_at(text: &str) -> Option<(usize, Option<&str>)> {
    let bytes = &text.as_bytes()[..text.len().min(ESCAPE_BYTES_MAX)];
    match *bytes.get(1)? {
        b'[' => {
            let end = bytes[2..].iter().position(|byte| !(0x20..0x40).contains(byte))? + 2;
            let last = bytes[end];
            let numbers = (last == b'm').then(|| &text[2..end]);
            (0x40..0x7f).contains(&last).then_some((end + 1, numbers))
        }
        // Titles and links, up to BEL or ESC \.
        b']' | b'P' | b'_' | b'^' => {
            let end = bytes[2..].iter().position(|&byte| byte == 7 || byte == 0x1b)? + 2;
            let ends_long = bytes[end] == 0x1b && bytes.get(end + 1) == Some(&b'\\');
            (bytes[end] == 7 || ends_long).then_some((end + 1 + usize::from(ends_long), None))
        }
        b'(' | b')' => bytes.get(2).filter(|byte| byte.is_ascii()).map(|_| (3, None)),
        b'7' | b'8' | b'=' | b'>' | b'c' | b'D' | b'E' | b'M' => Some((2, None)),
        _ => None,
    }
}

/// Appends a piece of output. What is not UTF-8 shows as U+FFFD; a lone carriage return begins a
/// new line, so that nothing can be written over.
pub fn html(out: &mut String, output: &[u8]) {
    let output = String::from_utf8_lossy(output).replace("\r\n", "\n").replace('\r', "\n");
    let (mut rest, mut look) = (output.as_str(), Look::default());
    while !rest.is_empty() {
        let until = rest.find('\x1b').unwrap_or(rest.len());
        let escape = escape_at(&rest[until..]);
        // An ESC that begins nothing is part of the text.
        let until = if escape.is_none() { rest.len().min(until + 1) } else { until };
        if until > 0 {
            let opened = look.open(out);
            escape::text(out, &rest[..until]);
            out.push_str(if opened { "</span>" } else { "" });
        }
        rest = &rest[until..];
        if let Some((end, numbers)) = escape {
            numbers.into_iter().for_each(|numbers| look.apply(numbers));
            rest = &rest[end..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(output: &str) -> String {
        let mut out = String::new();
        html(&mut out, output.as_bytes());
        out
    }

    #[test]
    fn colours_and_weights_become_classes() {
        assert_eq!(shown("a \x1b[1;31mred\x1b[0m b\n"), "a <span class=\"b f1\">red</span> b\n");
        assert_eq!(
            shown("\x1b[92;44mx\x1b[39my"),
            "<span class=\"f10 k4\">x</span><span class=k4>y</span>"
        );
        assert_eq!(shown("\x1b[1m\x1b[mplain"), "plain");
    }

    #[test]
    fn more_colours_are_called_by_the_nearest_of_sixteen() {
        assert_eq!(shown("\x1b[38;5;196mx"), "<span class=f9>x</span>");
        assert_eq!(shown("\x1b[38;2;0;90;0mx"), "<span class=f2>x</span>");
        assert_eq!(shown("\x1b[48;5;244mx"), "<span class=k8>x</span>");
        assert_eq!(shown("\x1b[38;5mx\x1b[38;2;1mx\x1b[38mx"), "xxx");
    }

    #[test]
    fn whatever_else_a_terminal_would_do_vanishes() {
        assert_eq!(
            shown("\x1b[2J\x1b[1;1Ha\x1b]0;title\x07b\x1b]8;;http://x\x1b\\c\x1b(Bd"),
            "abcd"
        );
        assert_eq!(shown("10%\r20%\r\nok"), "10%\n20%\nok");
    }

    #[test]
    fn what_only_looks_like_an_escape_is_text() {
        assert_eq!(shown("\x1b"), "␛");
        assert_eq!(shown("\x1b[31"), "␛[31");
        assert_eq!(shown("\x1bé\x1b[é"), "␛é␛[é");
        let long = format!("\x1b]0;{}", "x".repeat(ESCAPE_BYTES_MAX));
        assert_eq!(shown(&long), long.replace('\x1b', "␛"));
    }

    #[test]
    fn markup_in_output_is_text_whatever_colour_it_has() {
        assert_eq!(
            shown("\x1b[31m<script>\x1b[0m&lt;"),
            "<span class=f1>&lt;script&gt;</span>&amp;lt;"
        );
    }

    proptest! {
        #[test]
        fn any_output_has_no_tag_but_ours(pieces in prop::collection::vec(
            prop::sample::select(vec![
                "\x1b", "[", "31", ";", "m", "]0;", "\x07", "<", ">", "\"", "&", "é", "\r", "\n", "x",
                "38", "5", "2", "255", "\u{9b}", "\\", "(",
            ]), 0..40))
        {
            let out = shown(&pieces.concat());
            let mut open = 0;
            for part in out.split('<').skip(1) {
                match part.starts_with("/span>") {
                    true => open -= 1,
                    false => {
                        prop_assert!(part.starts_with("span class="), "{out}");
                        open += 1;
                    }
                }
                prop_assert!(open == 0 || open == 1);
            }
            prop_assert_eq!(open, 0);
            prop_assert!(!out.contains('\x1b'));
        }
    }
}
