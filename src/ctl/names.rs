//! Names of processes as they are typed and printed.

/// Splits `group:process`; a plain name stands for both, and no process means the whole group
/// (`group:*` or `group:`).
pub fn split(namespec: &str) -> (&str, Option<&str>) {
    match namespec.split_once(':') {
        None => (namespec, Some(namespec)),
        Some((group, "" | "*")) => (group, None),
        Some((group, process)) => (group, Some(process)),
    }
}

/// The short form: the group is left out where both names are equal.
pub fn join(group: &str, process: &str) -> String {
    if group == process { process.into() } else { format!("{group}:{process}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_split_at_its_first_colon() {
        assert_eq!(split("web"), ("web", Some("web")));
        assert_eq!(split("g:web"), ("g", Some("web")));
        assert_eq!(split("g:a:b"), ("g", Some("a:b")));
        assert_eq!(split("g:*"), ("g", None));
        assert_eq!(split("g:"), ("g", None));
        assert_eq!(join("g", "web"), "g:web");
        assert_eq!(join("web", "web"), "web");
    }
}
