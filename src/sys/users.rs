//! Users and groups of the system, asked for one by one: a directory service may know a million.

use std::ffi::CString;

use nix::errno::Errno;
use nix::unistd::{self, Gid, Group, Uid, User};

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
        Err(_) => match User::from_name(user) {
            Ok(Some(user)) => Ok(user.uid.as_raw()),
            _ => Err(format!("Invalid user name {user}")),
        },
    }
}

/// The id of a group given by name or number; it must exist.
pub fn gid_of_name(group: &str) -> Result<u32, String> {
    match group.trim().parse().map(Gid::from_raw) {
        Ok(gid) => match Group::from_gid(gid) {
            Ok(Some(_)) => Ok(gid.as_raw()),
            _ => Err(format!("Invalid group id {group}")),
        },
        Err(_) => match Group::from_name(group) {
            Ok(Some(group)) => Ok(group.gid.as_raw()),
            _ => Err(format!("Invalid group name {group}")),
        },
    }
}

/// A user's primary group.
pub fn gid_of(uid: u32) -> Option<u32> {
    record(uid).map(|user| user.gid.as_raw())
}

/// A user's name.
pub fn name_of(uid: u32) -> Option<String> {
    record(uid).map(|user| user.name)
}

fn record(uid: u32) -> Option<User> {
    User::from_uid(Uid::from_raw(uid)).ok().flatten()
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
    let groups = CString::new(user.name)
        .map_err(|_| Errno::EINVAL)
        .and_then(|name| unistd::getgrouplist(&name, user.gid))
        .map_err(|_| refused("Could not set groups of effective user".into()))?;
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
    unistd::setgroups(&groups).map_err(|_| "Could not set groups of effective user")?;
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
