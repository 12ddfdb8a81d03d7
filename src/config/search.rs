//! Where a configuration file is looked for when none is named.

use std::path::{Path, PathBuf};

/// The places in order. `program` is how this program was started, with its directory: the first
/// two places lie beside the directory it is in. Supervisor: `searchpaths` in options.py.
pub fn places(program: &Path) -> Vec<PathBuf> {
    let above = program.parent().and_then(Path::parent).unwrap_or(Path::new(""));
    [
        above.join("etc/supervisord.conf"),
        above.join("supervisord.conf"),
        "supervisord.conf".into(),
        "etc/supervisord.conf".into(),
        "/etc/supervisord.conf".into(),
        "/etc/supervisor/supervisord.conf".into(),
    ]
    .into()
}

/// The first of the places where there is something.
pub fn find(program: &Path) -> Option<PathBuf> {
    places(program).into_iter().find(|place| place.exists())
}

/// The path a bare `argv[0]` was found at in `path` (the variable PATH). The kernel gives a script
/// the whole path, which Supervisor relies on, but a program only what was typed.
pub fn program(argv0: &Path, path: Option<&str>) -> PathBuf {
    if argv0.components().count() > 1 {
        return argv0.to_owned();
    }
    let mut folders = path.unwrap_or_default().split(':');
    folders
        .find_map(|folder| Some(Path::new(folder).join(argv0)).filter(|place| place.is_file()))
        .unwrap_or_else(|| argv0.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_places_lie_beside_the_programs_directory() {
        let found = places(Path::new("/opt/x/bin/supervisord"));
        assert_eq!(found[0], Path::new("/opt/x/etc/supervisord.conf"));
        assert_eq!(found[1], Path::new("/opt/x/supervisord.conf"));
        assert_eq!(found.len(), 6);
        assert_eq!(places(Path::new("supervisord"))[0], Path::new("etc/supervisord.conf"));
        assert_eq!(places(Path::new("bin/supervisord"))[0], Path::new("etc/supervisord.conf"));
    }

    #[test]
    fn a_bare_name_is_looked_up_in_path_and_any_other_is_taken_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let tool = folder.path().join("tool");
        std::fs::write(&tool, "").unwrap();
        let path = format!("/nowhere:{}", folder.path().display());
        assert_eq!(program(Path::new("tool"), Some(&path)), tool);
        assert_eq!(program(Path::new("other"), Some(&path)), Path::new("other"));
        assert_eq!(program(Path::new("./tool"), Some(&path)), Path::new("./tool"));
    }
}
