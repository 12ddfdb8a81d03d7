//! `group:process`, the way clients name processes.

/// A name as a client wrote it, taken apart. Supervisor: `split_namespec` in options.py.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Namespec<'a> {
    /// The part before the colon, or the whole name.
    pub group: &'a str,
    /// The part behind the colon, the whole name where there is none, `None` for `g:*` and `g:`.
    pub process: Option<&'a str>,
}

impl<'a> Namespec<'a> {
    /// Splits at the first colon; every string is a namespec.
    pub fn parse(text: &'a str) -> Namespec<'a> {
        match text.split_once(':') {
            None => Namespec { group: text, process: Some(text) },
            Some((group, "" | "*")) => Namespec { group, process: None },
            Some((group, process)) => Namespec { group, process: Some(process) },
        }
    }
}

/// The name a person sees: `x` where group and process share it, else `g:x`.
pub fn full_name(group: &str, process: &str) -> String {
    if group == process { process.to_owned() } else { format!("{group}:{process}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_colon_is_its_own_group_and_a_trailing_colon_means_all() {
        let split = |text| {
            let n = Namespec::parse(text);
            (n.group.to_owned(), n.process.map(str::to_owned))
        };
        assert_eq!(split("web"), ("web".into(), Some("web".into())));
        assert_eq!(split("g:web"), ("g".into(), Some("web".into())));
        assert_eq!(split("g:web:1"), ("g".into(), Some("web:1".into())));
        assert_eq!(split("g:*"), ("g".into(), None));
        assert_eq!(split("g:"), ("g".into(), None));
    }
}
