//! Files that somebody else may have put there: symbolic links to what is to be written, and
//! configurations to be obeyed.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::sys::users;

/// Whether a symbolic link at this path may be followed to a file that is to be written: not where
/// all may put links, unless root or ourselves did and nobody else can change it. It is the
/// kernel's rule (`fs.protected_symlinks`), which is often off in containers and knows only sticky
/// directories.
pub fn may_follow(link: &Path) -> bool {
    let parent = link.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = fs::metadata(parent.unwrap_or(Path::new(".")));
    let (Ok(directory), Ok(link)) = (directory, fs::symlink_metadata(link)) else { return false };
    let trusted = |uid: u32| uid == 0 || uid == users::own_uid();
    match (directory.mode() & 0o002 != 0, directory.mode() & 0o1000 != 0) {
        (false, _) => true,
        (true, false) => false,
        (true, true) => trusted(link.uid()) && trusted(directory.uid()),
    }
}

/// How others than root can change a file or put another in its place, in words for a person;
/// `None` if they cannot. Root's group counts as root.
pub fn changeable(file: &Path) -> Option<String> {
    let directory = file.parent().map(|parent| (parent, fs::metadata(parent), true));
    let found = [(file, fs::symlink_metadata(file), false), (file, fs::metadata(file), false)];
    for (path, about, is_directory) in found.into_iter().chain(directory) {
        let about = match about {
            Ok(about) => about,
            Err(error) => return Some(format!("{}: {error}", path.display())),
        };
        let (uid, mode) = (about.uid(), about.mode() & 0o7777);
        let others = mode & 0o002 != 0 || (mode & 0o020 != 0 && about.gid() != 0);
        // In a sticky directory they can add files, but not replace those of root.
        let harmless = about.is_symlink() || (is_directory && mode & 0o1000 != 0);
        if uid != 0 {
            return Some(format!("{} belongs to uid {uid}", path.display()));
        }
        if others && !harmless {
            return Some(format!("{} has mode {mode:04o}", path.display()));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, lchown, symlink};

    use super::*;
    use crate::sys::testing::root;

    #[test]
    fn a_link_is_followed_unless_a_stranger_may_have_put_it_there() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("link");
        symlink("target", &link).unwrap();
        let followed = |mode: u32| {
            fs::set_permissions(dir.path(), Permissions::from_mode(mode)).unwrap();
            may_follow(&link)
        };
        assert!(followed(0o755) && followed(0o1777));
        assert!(!followed(0o777));
        if root("giving files away") {
            lchown(&link, Some(1), None).unwrap();
            assert!(!followed(0o1777));
            assert!(followed(0o755));
            lchown(&link, Some(0), None).unwrap();
            std::os::unix::fs::chown(dir.path(), Some(1), None).unwrap();
            assert!(!followed(0o1777));
        }
    }

    #[test]
    fn what_only_root_can_change_is_told_from_what_others_can() {
        if !root("owning files as root") {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("conf"), dir.path().join("link"));
        fs::write(&file, "").unwrap();
        symlink(&file, &link).unwrap();
        let why = |path: &Path, mode: u32, directory: u32| {
            fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            fs::set_permissions(dir.path(), Permissions::from_mode(directory)).unwrap();
            changeable(path).unwrap_or_default()
        };
        for path in [&file, &link] {
            assert_eq!(why(path, 0o644, 0o755), "");
            assert_eq!(why(path, 0o664, 0o1777), "", "root's group, and a sticky directory");
            assert!(why(path, 0o646, 0o755).ends_with("has mode 0646"));
            assert!(why(path, 0o644, 0o757).ends_with("has mode 0757"));
        }
        std::os::unix::fs::chown(&file, None, Some(1)).unwrap();
        assert!(why(&link, 0o664, 0o755).ends_with("has mode 0664"));
        lchown(&link, Some(1), None).unwrap();
        assert!(why(&link, 0o644, 0o755).ends_with("link belongs to uid 1"));
        assert_eq!(why(&file, 0o644, 0o755), "");
        std::os::unix::fs::chown(&file, Some(1), None).unwrap();
        assert!(why(&file, 0o600, 0o700).ends_with("conf belongs to uid 1"));
    }
}
