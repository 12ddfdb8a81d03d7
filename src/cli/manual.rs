//! A manual page as a value, and its two forms: roff for `man`, text for a terminal without it.
//!
//! In all text a word between backquotes is bold: what is to be typed as it stands.

use std::fmt::Write;

use super::flag::Row;

/// One page.
pub struct Manual {
    /// As `man` finds it.
    pub name: &'static str,
    /// The number behind the name.
    pub section: u8,
    /// What stands behind the name and a dash.
    pub about: String,
    /// The page, top to bottom.
    pub parts: Vec<Part>,
}

/// A piece of a page.
pub enum Part {
    /// The title of a section, in capitals.
    Heading(&'static str),
    /// The title of a part of a section.
    Sub(String),
    /// A paragraph.
    Text(String),
    /// Lines as they are typed or printed.
    Code(String),
    /// Words, each with what it means.
    Terms(Vec<(String, String)>),
}

impl Part {
    /// A paragraph.
    pub fn text(text: impl Into<String>) -> Part {
        Part::Text(text.into())
    }

    /// Lines as they are typed or printed.
    pub fn code(text: impl Into<String>) -> Part {
        Part::Code(text.into())
    }

    /// Words, each with what it means.
    pub fn terms<A: Into<String>, B: Into<String>>(
        terms: impl IntoIterator<Item = (A, B)>,
    ) -> Part {
        Part::Terms(terms.into_iter().map(|(term, text)| (term.into(), text.into())).collect())
    }

    /// A flag table.
    pub fn flags(rows: &[Row]) -> Part {
        Part::terms(rows.iter().map(|row| {
            let mut names = row.short.map_or(String::new(), |letter| format!("`-{letter}`, "));
            _ = write!(names, "`--{}`", row.long);
            if !row.arg.is_empty() {
                _ = write!(names, " {}", row.arg);
            }
            (names, sentence(row.help))
        }))
    }
}

/// A table's words as a sentence: a capital in front, a full stop behind.
pub fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(char::to_uppercase);
    let text: String = first.into_iter().flatten().chain(letters).collect();
    if text.ends_with('.') { text } else { text + "." }
}

impl Manual {
    /// The name of the file: `svx.1`.
    pub fn file(&self) -> String {
        format!("{}.{}", self.name, self.section)
    }

    /// The source that `man` formats. `date` (of the release, `2026-11-21`) and `version` stand
    /// at its foot.
    pub fn roff(&self, date: &str, version: &str) -> String {
        let mut out = String::new();
        let Manual { name, section, about, parts } = self;
        let title = name.to_uppercase();
        _ = writeln!(out, ".TH {title} {section} {date} \"svx {version}\"");
        _ = writeln!(out, ".SH NAME\n{} \\- {}", escaped(name), escaped(about));
        for part in parts {
            match part {
                Part::Heading(title) => _ = writeln!(out, ".SH {title}"),
                Part::Sub(title) => _ = writeln!(out, ".SS {}", escaped(title)),
                Part::Text(text) => _ = writeln!(out, ".PP\n{}", lines(text)),
                Part::Code(code) => {
                    let code: Vec<String> = code.lines().map(protected).collect();
                    _ = writeln!(out, ".PP\n.nf\n.RS 4\n{}\n.RE\n.fi", code.join("\n"));
                }
                Part::Terms(terms) => {
                    for (term, text) in terms {
                        _ = writeln!(out, ".TP\n{}\n{}", lines(term), lines(text));
                    }
                }
            }
        }
        // A paragraph right behind a title is one already.
        let mut tidy = String::new();
        let mut titled = false;
        for line in out.lines().filter(|line| !line.is_empty()) {
            if !(titled && line == ".PP") {
                tidy.push_str(line);
                tidy.push('\n');
            }
            titled = line.starts_with(".SH") || line.starts_with(".SS");
        }
        tidy
    }

    /// The same as plain text, `width` columns wide.
    pub fn text(&self, width: usize) -> String {
        let mut out = format!("{}({}) - {}\n", self.name, self.section, self.about);
        for part in &self.parts {
            match part {
                Part::Heading(title) => _ = writeln!(out, "\n{title}"),
                Part::Sub(title) => _ = writeln!(out, "\n  {title}"),
                Part::Text(text) => wrap(&mut out, text, 4, width),
                Part::Code(code) => {
                    out.push('\n');
                    code.lines().for_each(|line| _ = writeln!(out, "        {line}"));
                }
                Part::Terms(terms) => {
                    for (term, text) in terms {
                        wrap(&mut out, term, 4, width);
                        wrap_on(&mut out, text, 8, width);
                    }
                }
            }
        }
        out
    }
}

/// A paragraph behind an empty line.
fn wrap(out: &mut String, text: &str, indent: usize, width: usize) {
    out.push('\n');
    wrap_on(out, text, indent, width);
}

fn wrap_on(out: &mut String, text: &str, indent: usize, width: usize) {
    let text = text.replace('`', "");
    let mut column = 0;
    for word in text.split_whitespace() {
        let letters = word.chars().count();
        if column > 0 && column + 1 + letters > width {
            out.push('\n');
            column = 0;
        }
        if column == 0 {
            _ = write!(out, "{:indent$}{word}", "");
            column = indent + letters;
        } else {
            _ = write!(out, " {word}");
            column += 1 + letters;
        }
    }
    out.push('\n');
}

/// Running text of roff: backquoted words bold, a line per sentence's worth of words.
fn lines(text: &str) -> String {
    let mut out = String::new();
    for (index, piece) in text.split('`').enumerate() {
        match index % 2 {
            0 => out.push_str(&escaped(piece)),
            _ => _ = write!(out, "\\fB{}\\fR", escaped(piece)),
        }
    }
    let broken = out.split_whitespace().collect::<Vec<_>>().join(" ").replace(". ", ".\n");
    broken.lines().map(guarded).collect::<Vec<_>>().join("\n")
}

fn protected(line: &str) -> String {
    if line.is_empty() { "\\&".into() } else { guarded(&escaped(line)) }
}

/// A line that roff would take for a request.
fn guarded(line: &str) -> String {
    if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line.into() }
}

/// Characters that mean something else to roff.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' => out.push_str("\\e"),
            '-' => out.push_str("\\-"),
            '"' => out.push_str("\\(dq"),
            '\'' => out.push_str("\\(aq"),
            '`' => out.push_str("\\(ga"),
            '^' => out.push_str("\\(ha"),
            '~' => out.push_str("\\(ti"),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> Manual {
        let parts = vec![
            Part::Heading("DESCRIPTION"),
            Part::text("Type `a -b` now. Then wait."),
            Part::code("x = 'y'\n\n.z"),
            Part::terms([("`k`", ".start of a line")]),
        ];
        Manual { name: "x-y", section: 5, about: "an example".into(), parts }
    }

    #[test]
    fn nothing_of_a_text_is_taken_for_a_request_of_roff() {
        let expected = "\
.TH X-Y 5 2026-01-02 \"svx 1.2\"
.SH NAME
x\\-y \\- an example
.SH DESCRIPTION
Type \\fBa \\-b\\fR now.
Then wait.
.PP
.nf
.RS 4
x = \\(aqy\\(aq
\\&
\\&.z
.RE
.fi
.TP
\\fBk\\fR
\\&.start of a line
";
        assert_eq!(page().roff("2026-01-02", "1.2"), expected);
    }

    #[test]
    fn without_man_it_is_wrapped_text() {
        let expected = "\
x-y(5) - an example

DESCRIPTION

    Type a -b
    now. Then
    wait.

        x = 'y'
        
        .z

    k
        .start
        of a
        line
";
        assert_eq!(page().text(14), expected);
    }

    #[test]
    fn words_of_a_table_become_a_sentence() {
        assert_eq!(sentence("élan vital"), "Élan vital.");
        assert_eq!(sentence("Done."), "Done.");
    }
}
