//! Users and groups of the system, asked for one by one: a directory service may know a million.

use nix::unistd::{self, Gid, Uid};

#[cfg(any(test, target_feature = "crt-static"))]
mod files;
#[cfg(any(test, not(target_feature = "crt-static")))]
mod library;

#[cfg(target_feature = "crt-static")]
use files as accounts;
#[cfg(not(target_feature = "crt-static"))]
use library as accounts;

/// What is wanted of an entry of the system's list of users.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Account {
    name: String,
    uid: Uid,
    gid: Gid,
}

/// All ids that make a process somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Real, effective and saved.
    pub uid: u32,
    /// Real, effective and saved.
    pub gid: u32,
    /// Supplementary, with `gid` first.
    pub groups: Vec<u32>,
}

/// Why somebody cannot be become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Who was asked for.
    pub uid: u32,
    /// In Supervisor's words.
    pub why: String,
}

/// The id of a user given by name or number; it must exist.
pub fn uid_of(user: &str) -> Result<u32, String> {
    match user.trim().parse() {
        Ok(uid) => record(uid).map(|_| uid).ok_or_else(|| format!("Invalid user id {user}")),
        Err(_) => accounts::user_named(user)
            .map(|user| user.uid.as_raw())
            .ok_or_else(|| format!("Invalid user name {user}")),
    }
}

/// The id of a group given by name or number; it must exist.
pub fn gid_of_name(group: &str) -> Result<u32, String> {
    let (found, what) = match group.trim().parse().map(Gid::from_raw) {
        Ok(gid) => (accounts::group(gid), "id"),
        Err(_) => (accounts::group_named(group), "name"),
    };
    found.map(Gid::as_raw).ok_or_else(|| format!("Invalid group {what} {group}"))
}

/// A user's primary group.
pub fn gid_of(uid: u32) -> Option<u32> {
    record(uid).map(|user| user.gid.as_raw())
}

/// A user's name.
pub fn name_of(uid: u32) -> Option<String> {
    record(uid).map(|user| user.name)
}

fn record(uid: u32) -> Option<Account> {
    accounts::user(Uid::from_raw(uid))
}

/// Whom this process runs as: the effective uid.
pub fn own_uid() -> u32 {
    unistd::geteuid().as_raw()
}

/// All that must change for a process of ours to be that user; `None` if we are already.
/// Supervisor: `drop_privileges` in options.py.
pub fn identity(uid: u32) -> Result<Option<Identity>, Refused> {
    let refused = |why: String| Refused { uid, why };
    let user = record(uid).ok_or_else(|| refused(format!("Can't find uid {uid}")))?;
    let own = unistd::getuid();
    if own == user.uid {
        return Ok(None);
    }
    if !own.is_root() {
        return Err(refused("Can't drop privilege as nonroot user".into()));
    }
    let groups = accounts::groups_of(&user)
        .ok_or_else(|| refused("Could not set groups of effective user".into()))?;
    let mut groups: Vec<u32> = groups.into_iter().map(Gid::as_raw).collect();
    let gid = user.gid.as_raw();
    groups.retain(|group| *group != gid);
    groups.insert(0, gid);
    Ok(Some(Identity { uid, gid, groups }))
}

/// Makes the daemon itself that user, for good, and looks whether it is so.
pub fn switch_to(identity: &Identity) -> Result<(), &'static str> {
    let groups: Vec<Gid> = identity.groups.iter().map(|gid| Gid::from_raw(*gid)).collect();
    let (uid, gid) = (Uid::from_raw(identity.uid), Gid::from_raw(identity.gid));
    let now = unistd::setgroups(&groups).and_then(|()| unistd::getgroups());
    if !now.is_ok_and(|now| now.len() == groups.len() && groups.iter().all(|g| now.contains(g))) {
        return Err("Could not set groups of effective user");
    }
    let now = unistd::setresgid(gid, gid, gid).and_then(|()| unistd::getresgid());
    if !now.is_ok_and(|ids| [ids.real, ids.effective, ids.saved] == [gid; 3]) {
        return Err("Could not set group id of effective user");
    }
    let now = unistd::setresuid(uid, uid, uid).and_then(|()| unistd::getresuid());
    if !now.is_ok_and(|ids| [ids.real, ids.effective, ids.saved] == [uid; 3]) {
        return Err("Could not set user id of effective user");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::testing::{alone, root};

    #[test]
    fn users_and_groups_are_found_by_name_and_by_number() {
        assert_eq!(uid_of("root"), Ok(0));
        assert_eq!(uid_of(" 0 "), Ok(0));
        assert_eq!(gid_of_name("root"), Ok(0));
        assert_eq!(gid_of_name("0"), Ok(0));
        assert_eq!((gid_of(0), name_of(0)), (Some(0), Some("root".into())));
        assert_eq!(uid_of("no such"), Err("Invalid user name no such".into()));
        assert_eq!(uid_of("99999"), Err("Invalid user id 99999".into()));
        assert_eq!(uid_of("-1"), Err("Invalid user name -1".into()));
        assert_eq!(gid_of_name("no such"), Err("Invalid group name no such".into()));
        assert_eq!(gid_of_name("99999"), Err("Invalid group id 99999".into()));
        assert_eq!((gid_of(99999), name_of(99999)), (None, None));
    }

    #[test]
    fn whoever_we_are_already_need_not_be_become() {
        assert_eq!(identity(own_uid()), Ok(None));
    }

    #[test]
    fn an_unknown_user_or_missing_rights_are_said_in_supervisors_words() {
        let why = |uid| identity(uid).unwrap_err().why;
        assert_eq!(why(99999), "Can't find uid 99999");
        if !unistd::getuid().is_root() {
            assert_eq!(why(0), "Can't drop privilege as nonroot user");
        }
    }

    #[test]
    fn the_daemon_becomes_somebody_for_good() {
        if !root("switching the whole process")
            || !alone(module_path!(), "the_daemon_becomes_somebody_for_good")
        {
            return;
        }
        let nobody = identity(uid_of("nobody").unwrap()).unwrap().unwrap();
        switch_to(&nobody).unwrap();
        assert_eq!(own_uid(), nobody.uid);
        let groups = unistd::getgroups().unwrap();
        assert_eq!(groups.len(), nobody.groups.len());
        assert_eq!(groups[0].as_raw(), nobody.gid);
        assert!(unistd::setuid(Uid::from_raw(0)).is_err());
        assert_eq!(switch_to(&nobody), Err("Could not set groups of effective user"));
    }
}
