//! The processes by id and by name, and how one knows that a process may have changed.

use std::cmp::Ordering;

use slab::Slab;

use super::ProcessId;
use super::machine::Process;

/// All processes. Nobody gets at one to change it but through [`Table::get_mut`], which gives it a
/// new revision: what was written down of a revision holds as long as the revision does.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: Slab<Row>,
    serials: Vec<u32>,
    /// By group and name, in the order of their bytes.
    sorted: Vec<ProcessId>,
    /// The newest that was given out; never used twice.
    revision: u64,
}

#[derive(Debug)]
struct Row {
    process: Process,
    revision: u64,
}

impl Table {
    /// Adds what is made for the new id.
    pub fn insert(&mut self, make: impl FnOnce(ProcessId) -> Process) -> ProcessId {
        let entry = self.rows.vacant_entry();
        let slot = entry.key();
        if self.serials.len() <= slot {
            self.serials.resize(slot + 1, 0);
        }
        let id = ProcessId { slot: slot as u32, serial: self.serials[slot] };
        let process = make(id);
        let (group, name) = (process.program.group.clone(), process.program.name.clone());
        self.revision += 1;
        entry.insert(Row { process, revision: self.revision });
        let (_, end) = self.place(&group, &name);
        self.sorted.insert(end, id);
        id
    }

    /// Forgets a process; its id is dead afterwards. False if it was already.
    pub fn remove(&mut self, id: ProcessId) -> bool {
        let Some(row) = self.row(id) else { return false };
        let (start, end) = self.place(&row.process.program.group, &row.process.program.name);
        let at = (start..end).find(|at| self.sorted[*at] == id);
        debug_assert!(at.is_some(), "a process has changed its name");
        match at {
            Some(at) => drop(self.sorted.remove(at)),
            None => self.sorted.retain(|known| *known != id),
        }
        self.rows.remove(id.slot as usize);
        let serial = &mut self.serials[id.slot as usize];
        *serial = serial.wrapping_add(1);
        true
    }

    pub fn get(&self, id: ProcessId) -> Option<&Process> {
        self.row(id).map(|row| &row.process)
    }

    /// To change everything but its group and name.
    pub fn get_mut(&mut self, id: ProcessId) -> Option<&mut Process> {
        self.row(id)?;
        self.revision += 1;
        let row = self.rows.get_mut(id.slot as usize)?;
        row.revision = self.revision;
        Some(&mut row.process)
    }

    /// The newest revision of any process.
    pub fn newest(&self) -> u64 {
        self.revision
    }

    /// A number no other state of this or any process has.
    pub fn revision(&self, id: ProcessId) -> Option<u64> {
        self.row(id).map(|row| row.revision)
    }

    pub fn find(&self, group: &str, name: &str) -> Option<ProcessId> {
        let (start, end) = self.place(group, name);
        self.sorted[start..end].first().copied()
    }

    pub fn sorted(&self) -> &[ProcessId] {
        &self.sorted
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    fn row(&self, id: ProcessId) -> Option<&Row> {
        let known = self.serials.get(id.slot as usize) == Some(&id.serial);
        if known { self.rows.get(id.slot as usize) } else { None }
    }

    /// Where in `sorted` those of that name stand.
    fn place(&self, group: &str, name: &str) -> (usize, usize) {
        let order = |id: &ProcessId| {
            let program = self.rows.get(id.slot as usize).map(|row| &row.process.program);
            program.map_or(Ordering::Less, |p| (&*p.group, &*p.name).cmp(&(group, name)))
        };
        let start = self.sorted.partition_point(|id| order(id) == Ordering::Less);
        let same = self.sorted[start..].iter().take_while(|id| order(id) == Ordering::Equal);
        (start, start + same.count())
    }
}
