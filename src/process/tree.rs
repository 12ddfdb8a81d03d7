//! Who of all processes belongs to a program: what its process has started, and what they have.

use std::collections::{HashMap, HashSet};

/// A process as far as descent goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relative {
    /// Its id.
    pub pid: i32,
    /// That of its parent: of the daemon, if its own has ended.
    pub parent: i32,
    /// Its process group.
    pub group: i32,
    /// When it was started, in ticks since the machine was: tells it from a later one with its pid.
    pub started: u64,
}

/// The process whose descendants are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    /// It lives, or was not reaped.
    Here(i32),
    /// It is no more, and its number may be a stranger's. The number of its process group is not,
    /// while there is anybody in that.
    Gone(i32),
}

/// All processes at one moment.
#[derive(Debug, Default)]
pub struct Census {
    all: HashMap<i32, Relative>,
    children: HashMap<i32, Vec<i32>>,
}

impl Census {
    /// Those that live.
    pub fn new(all: Vec<Relative>) -> Census {
        let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
        for one in &all {
            children.entry(one.parent).or_default().push(one.pid);
        }
        Census { all: all.into_iter().map(|one| (one.pid, one)).collect(), children }
    }

    /// The descendants of a program's process.
    ///
    /// Those in `members`, its cgroup, are, except for the programs' own processes (`is_head`). So
    /// are its children and theirs. Those whose parent has ended are children of the daemon, as it
    /// is their subreaper: the program's are those of the group that its process led, and those for
    /// which `is_marked` vouches. It is asked for no others.
    pub fn descendants(
        &self,
        daemon: i32,
        head: Head,
        members: &HashSet<i32>,
        is_head: impl Fn(i32) -> bool,
        mut is_marked: impl FnMut(i32) -> bool,
    ) -> Vec<Relative> {
        let (Head::Here(group) | Head::Gone(group)) = head;
        let is_of_group = |pid: i32| self.all.get(&pid).is_some_and(|one| one.group == group);
        let orphans = self.children(daemon).filter(|pid| !is_head(*pid));
        let mut found: Vec<i32> =
            orphans.filter(|pid| is_of_group(*pid) || is_marked(*pid)).collect();
        found.extend(members.iter().filter(|pid| !is_head(**pid)));
        if let Head::Here(pid) = head {
            found.extend(self.children(pid));
        }
        let mut seen = HashSet::new();
        found.retain(|pid| seen.insert(*pid));
        let mut next = 0;
        while let Some(pid) = found.get(next).copied() {
            found.extend(self.children(pid).filter(|pid| seen.insert(*pid)));
            next += 1;
        }
        found.iter().filter_map(|pid| self.all.get(pid).copied()).collect()
    }

    fn children(&self, pid: i32) -> impl Iterator<Item = i32> {
        self.children.get(&pid).into_iter().flatten().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::Head::{Gone, Here};
    use super::*;

    const DAEMON: i32 = 1;

    /// `(pid, parent, group)`
    fn family(rows: &[(i32, i32, i32)]) -> Vec<Relative> {
        let relative = |&(pid, parent, group)| Relative { pid, parent, group, started: 0 };
        rows.iter().map(relative).collect()
    }

    fn found(rows: &[(i32, i32, i32)], head: Head, marked: &[i32]) -> Vec<i32> {
        let is_head = |pid| [10, 20].contains(&pid);
        let is_marked = |pid| {
            assert!(!is_head(pid));
            marked.contains(&pid)
        };
        let members = HashSet::from([10, 50, 51, 52]);
        let census = Census::new(family(rows));
        let found = census.descendants(DAEMON, head, &members, is_head, is_marked);
        let mut pids: Vec<i32> = found.iter().map(|one| one.pid).collect();
        pids.sort_unstable();
        pids
    }

    #[test]
    fn descent_is_followed_through_any_group() {
        let rows =
            [(10, 1, 10), (11, 10, 10), (12, 11, 12), (13, 12, 13), (20, 1, 20), (21, 20, 20)];
        assert_eq!(found(&rows, Here(10), &[]), [11, 12, 13]);
        assert_eq!(found(&rows, Here(20), &[]), [21]);
    }

    #[test]
    fn orphans_are_known_by_the_group_or_the_mark_and_bring_what_they_have_started() {
        let rows = [(11, 1, 10), (12, 1, 12), (13, 12, 13), (14, 1, 14), (20, 1, 20), (21, 14, 14)];
        assert_eq!(found(&rows, Here(10), &[12]), [11, 12, 13]);
    }

    #[test]
    fn who_is_in_its_cgroup_is_its_wherever_else_it_belongs_and_is_found_once() {
        let rows =
            [(10, 1, 10), (11, 10, 10), (50, 1, 50), (51, 50, 51), (52, 2, 52), (53, 52, 52)];
        assert_eq!(found(&rows, Here(10), &[]), [11, 50, 51, 52, 53]);
        assert_eq!(found(&rows, Gone(99), &[]), [50, 51, 52, 53], "10 is a program's own process");
    }

    #[test]
    fn strangers_and_other_programs_are_left_alone() {
        let rows = [(20, 1, 20), (21, 1, 20), (30, 1, 30), (40, 2, 10)];
        assert_eq!(found(&rows, Here(10), &[20, 40]), [0; 0]);
        let rows = [(10, 2, 10), (11, 10, 11), (12, 1, 10)];
        assert_eq!(found(&rows, Gone(10), &[]), [12], "10 is a stranger now");
    }
}
