//! Users and groups as the C library finds them, wherever the system keeps them.

use std::ffi::CString;

use nix::unistd::{self, Gid, Group, Uid, User};

use super::Account;

/// A user by id.
pub fn user(uid: Uid) -> Option<Account> {
    User::from_uid(uid).ok().flatten().map(account)
}

/// A user by name.
pub fn user_named(name: &str) -> Option<Account> {
    User::from_name(name).ok().flatten().map(account)
}

fn account(user: User) -> Account {
    Account { name: user.name, uid: user.uid, gid: user.gid }
}

/// The id of a group that has this id.
pub fn group(gid: Gid) -> Option<Gid> {
    Group::from_gid(gid).ok().flatten().map(|group| group.gid)
}

/// The id of a group by name.
pub fn group_named(name: &str) -> Option<Gid> {
    Group::from_name(name).ok().flatten().map(|group| group.gid)
}

/// The groups of a user, its own among them.
pub fn groups_of(user: &Account) -> Option<Vec<Gid>> {
    unistd::getgrouplist(&CString::new(&*user.name).ok()?, user.gid).ok()
}
