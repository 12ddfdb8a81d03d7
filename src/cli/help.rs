//! What `--help` prints, made from a flag table.

use std::fmt::Write;

use super::flag::Row;

/// All that the help of one program is made of; the man page uses it too.
pub struct Page {
    /// The name it was called by.
    pub prog: String,
    /// What it does, without a capital and a full stop: it stands behind the name and a dash.
    pub about: &'static str,
    /// What may follow the name.
    pub usage: &'static str,
    /// The flag table.
    pub rows: Vec<Row>,
    /// Other named words and what they do, under their heading.
    pub words: Option<(&'static str, Vec<(&'static str, &'static str)>)>,
    /// Command lines (the name is put in front) and what each is for.
    pub examples: &'static [(&'static str, &'static str)],
}

impl Page {
    /// The whole text without a last newline, at most 100 columns wide as far as the tables' words
    /// allow.
    pub fn render(&self) -> String {
        let mut out = String::new();
        let Page { prog, about, usage, .. } = self;
        _ = writeln!(out, "{prog} -- {about}\n\nUsage: {prog} {usage}");
        if prog.contains(' ') {
            let options: Vec<(String, &str)> =
                self.rows.iter().map(|row| (names(row, ", "), row.help)).collect();
            table(&mut out, "Options", &options);
        } else {
            // Called by the name of Supervisor's program, where scripts know each line.
            heading(&mut out, "Options", self.rows.is_empty());
            for row in &self.rows {
                _ = writeln!(out, "{} -- {}", names(row, "/").trim_start(), row.help);
            }
        }
        if let Some((heading, words)) = &self.words {
            let words: Vec<(String, &str)> =
                words.iter().map(|(word, help)| (word.to_string(), *help)).collect();
            table(&mut out, heading, &words);
        }
        let examples: Vec<(String, &str)> = self
            .examples
            .iter()
            .map(|(line, help)| (format!("{prog} {line}").trim_end().to_string(), *help))
            .collect();
        table(&mut out, "Examples", &examples);
        out.pop();
        out
    }
}

fn names(row: &Row, between: &str) -> String {
    let mut text = match row.short {
        Some(letter) => format!("-{letter}{between}--{}", row.long),
        None => format!("    --{}", row.long),
    };
    if !row.arg.is_empty() {
        _ = write!(text, " {}", row.arg);
    }
    text
}

fn heading(out: &mut String, heading: &str, empty: bool) {
    if !empty {
        _ = writeln!(out, "\n{heading}:");
    }
}

fn table(out: &mut String, head: &str, rows: &[(String, &str)]) {
    let width = rows.iter().map(|(left, _)| left.chars().count()).max().unwrap_or(0);
    heading(out, head, rows.is_empty());
    for (left, right) in rows {
        _ = writeln!(out, "  {left:width$}  {right}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_are_aligned_and_the_name_stands_before_each_example() {
        let row = |short, long, arg| Row { short, long, arg, help: "does something" };
        let page = Page {
            prog: "svx x".into(),
            about: "show an example",
            usage: "[options]",
            rows: vec![row(Some('c'), "conf", "FILE"), row(None, "check", "")],
            words: Some(("Actions", vec![("go", "go on")])),
            examples: &[("-c a", "read a"), ("", "nothing")],
        };
        let expected = "\
svx x -- show an example

Usage: svx x [options]

Options:
  -c, --conf FILE  does something
      --check      does something

Actions:
  go  go on

Examples:
  svx x -c a  read a
  svx x       nothing";
        assert_eq!(page.render(), expected);
    }
}
