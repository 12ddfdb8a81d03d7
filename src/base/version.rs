//! Which svx this is.

/// Its own number; what it is compatible with has another.
pub const NUMBER: &str = env!("CARGO_PKG_VERSION");
/// The commit it was built from, with `-dirty` behind it if the sources were not quite those;
/// `None` if the build could not tell.
pub const COMMIT: Option<&str> = option_env!("SVX_BUILD_COMMIT");
/// The day of that commit, or what `SOURCE_DATE_EPOCH` said, as `2026-11-21` in UTC.
pub const DATE: Option<&str> = option_env!("SVX_BUILD_DATE");

/// What `svx --version` prints.
pub fn line(supervisor: &str) -> String {
    text(supervisor, COMMIT, DATE)
}

fn text(supervisor: &str, commit: Option<&str>, date: Option<&str>) -> String {
    let commit = commit.map(|commit| format!(", commit {commit}")).unwrap_or_default();
    let date = date.map(|date| format!(", {date}")).unwrap_or_default();
    format!("svx {NUMBER} (Supervisor {supervisor} compatible{commit}{date})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_tells_what_is_known() {
        let text = |commit, date| text("4.3.0", commit, date).replace(NUMBER, "N");
        assert_eq!(text(None, None), "svx N (Supervisor 4.3.0 compatible)");
        assert_eq!(
            text(Some("38af3cdd2f"), Some("2026-11-21")),
            "svx N (Supervisor 4.3.0 compatible, commit 38af3cdd2f, 2026-11-21)"
        );
        assert_eq!(
            text(Some("x-dirty"), None),
            "svx N (Supervisor 4.3.0 compatible, commit x-dirty)"
        );
    }
}
