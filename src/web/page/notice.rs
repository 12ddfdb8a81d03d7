//! What came of an action, told on the page that follows it.

use crate::web::escape;

/// The outcome of one action.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notice {
    /// For each target.
    pub lines: Vec<Line>,
}

/// What came of it for one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Whether it was done.
    pub ok: bool,
    /// One sentence that names the target: `web: stopped`.
    pub text: String,
}

/// Lines that are shown one by one; of more than these only failures are.
const LINES_MAX: usize = 8;

impl Notice {
    /// Appends it as a region that is read aloud.
    pub(super) fn write(&self, out: &mut String) {
        let failed = self.lines.iter().filter(|line| !line.ok).count();
        out.push_str(if failed == 0 { "<div class=notice" } else { "<div class=\"notice bad\"" });
        out.push_str(" role=status><ul>");
        let many = self.lines.len() > LINES_MAX;
        if many && failed < self.lines.len() {
            out.push_str(&format!(
                "<li>{} of {} done",
                self.lines.len() - failed,
                self.lines.len()
            ));
        }
        for line in self.lines.iter().filter(|line| !many || !line.ok) {
            out.push_str(if line.ok { "<li>" } else { "<li class=bad>" });
            escape::text(out, &line.text);
        }
        out.push_str("</ul><a href=/ class=close aria-label=\"Dismiss message\">✕</a></div>");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(lines: &[(bool, String)]) -> String {
        let lines = lines.iter().map(|(ok, text)| Line { ok: *ok, text: text.clone() }).collect();
        let mut out = String::new();
        Notice { lines }.write(&mut out);
        out
    }

    #[test]
    fn a_message_is_text_and_a_failure_is_marked() {
        let out = written(&[(true, "a: stopped".into()), (false, "<b>: no such file".into())]);
        assert!(out.contains("<li>a: stopped<li class=bad>&lt;b&gt;: no such file</ul>"), "{out}");
    }

    #[test]
    fn of_many_targets_the_failures_are_told_and_the_rest_is_counted() {
        let mut lines: Vec<_> = (0..500).map(|n| (true, format!("p{n}: started"))).collect();
        lines[7] = (false, "p7: FATAL".into());
        let out = written(&lines);
        assert!(out.contains("<li>499 of 500 done<li class=bad>p7: FATAL</ul>"), "{out}");
        assert!(!out.contains("p8"));
    }
}
