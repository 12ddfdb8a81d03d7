//! Users and groups as `/etc/passwd` and `/etc/group` have them: all that a statically linked svx
//! knows, since the modules by which the C library answers are loaded while a program runs.

use std::fs;

use nix::unistd::{Gid, Uid};

use super::Account;

/// A user by id.
pub fn user(uid: Uid) -> Option<Account> {
    users(&passwd()).find(|user| user.uid == uid)
}

/// A user by name.
pub fn user_named(name: &str) -> Option<Account> {
    users(&passwd()).find(|user| user.name == name)
}

/// The id of a group that has this id.
pub fn group(gid: Gid) -> Option<Gid> {
    groups(&group_file()).map(|group| group.gid).find(|known| *known == gid)
}

/// The id of a group by name.
pub fn group_named(name: &str) -> Option<Gid> {
    groups(&group_file()).find(|group| group.name == name).map(|group| group.gid)
}

/// The groups of a user, its own first.
pub fn groups_of(user: &Account) -> Option<Vec<Gid>> {
    Some(memberships(&group_file(), user))
}

fn passwd() -> String {
    read("/etc/passwd")
}

fn group_file() -> String {
    read("/etc/group")
}

/// Where there is no file there is nobody.
fn read(path: &str) -> String {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

/// `name:password:uid:gid:...` a line. What is no such line is passed over, as the C library does:
/// comments, and `+` or `-` of NIS.
fn users(text: &str) -> impl Iterator<Item = Account> {
    lines(text).filter_map(|mut fields| {
        let (name, uid) = (fields.next()?.to_owned(), number(fields.nth(1))?);
        Some(Account { name, uid: Uid::from_raw(uid), gid: Gid::from_raw(number(fields.next())?) })
    })
}

struct Group<'a> {
    name: &'a str,
    gid: Gid,
    members: &'a str,
}

/// `name:password:gid:member,member` a line.
fn groups(text: &str) -> impl Iterator<Item = Group<'_>> {
    lines(text).filter_map(|mut fields| {
        let (name, gid) = (fields.next()?, Gid::from_raw(number(fields.nth(1))?));
        Some(Group { name, gid, members: fields.next().unwrap_or_default() })
    })
}

fn memberships(text: &str, user: &Account) -> Vec<Gid> {
    let is_member = |group: &Group| group.members.split(',').any(|name| name.trim() == user.name);
    let mut all = vec![user.gid];
    for group in groups(text).filter(is_member) {
        if !all.contains(&group.gid) {
            all.push(group.gid);
        }
    }
    all
}

fn lines(text: &str) -> impl Iterator<Item = std::str::Split<'_, char>> {
    let lines = text.lines().map(str::trim_start);
    lines.filter(|line| !line.starts_with(['#', '+', '-', ':'])).map(|line| line.split(':'))
}

fn number(field: Option<&str>) -> Option<u32> {
    field?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::users::library;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n# old:x:1:1::/:\n\n\
                          web:x:1000:1001:Web, of course:/srv:/bin/sh\r\n+nis:x:7:7::/:\n\
                          short:x:12\nnameless\n:x:13:13::/:\nodd:x:-1:0::/:\nweb:x:9:9::/:\n\
                          bare::65534:65534";

    const GROUP: &str = "root:x:0:\nweb:x:1001:web\nlog:x:4:root,web\n#tty:x:5:web\n\
                         log2:x:4:web\nsudo:x:27:weber,we, web\nempty:x:28";

    #[test]
    fn users_are_read_and_what_is_no_user_is_passed_over() {
        let users: Vec<Account> = users(PASSWD).collect();
        let named = |name: &str, uid, gid| Account {
            name: name.into(),
            uid: Uid::from_raw(uid),
            gid: Gid::from_raw(gid),
        };
        assert_eq!(
            users,
            [
                named("root", 0, 0),
                named("web", 1000, 1001),
                named("web", 9, 9),
                named("bare", 65534, 65534)
            ]
        );
    }

    #[test]
    fn a_user_s_groups_are_its_own_and_those_that_list_it() {
        let of = |name: &str, gid: u32| -> Vec<u32> {
            let user =
                Account { name: name.into(), uid: Uid::from_raw(1000), gid: Gid::from_raw(gid) };
            memberships(GROUP, &user).into_iter().map(Gid::as_raw).collect()
        };
        assert_eq!(of("web", 1001), [1001, 4, 27]);
        assert_eq!(of("root", 0), [0, 4]);
        assert_eq!(of("stranger", 77), [77]);
        assert_eq!(groups(GROUP).last().map(|group| group.name), Some("empty"));
    }

    #[test]
    fn the_files_and_the_c_library_agree_about_everybody_in_them() {
        for known in users(&passwd()) {
            let theirs = library::user_named(&known.name).unwrap();
            assert_eq!(user_named(&known.name).as_ref(), Some(&theirs));
            assert_eq!(user(known.uid), library::user(known.uid));
            let (mut ours, mut theirs) =
                (groups_of(&theirs).unwrap(), library::groups_of(&theirs).unwrap());
            ours.sort_by_key(|gid| gid.as_raw());
            theirs.sort_by_key(|gid| gid.as_raw());
            theirs.dedup();
            assert_eq!(ours, theirs, "{}", known.name);
        }
        for known in groups(&group_file()) {
            assert_eq!(group(known.gid), library::group(known.gid));
            assert_eq!(group_named(known.name), library::group_named(known.name));
        }
        assert_eq!(user_named("no such"), None);
        assert_eq!(group_named("no such"), None);
        assert_eq!((user(Uid::from_raw(99_999)), group(Gid::from_raw(99_999))), (None, None));
    }
}
