//! Memory given back to the machine.

use std::ffi::{c_int, c_void};

/// Gives back what only the start needed: free heap, and the pages of the program and its libraries
/// that were read. Those that are still in use come back from the page cache one by one.
pub fn release() {
    // SAFETY: the callback lives for the whole program and is called before this returns.
    unsafe {
        libc::dl_iterate_phdr(Some(unmap), std::ptr::null_mut());
    }
    give_back();
}

/// Gives back free heap. The allocator keeps it otherwise, once it has seen that large pieces come
/// and go.
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes a number; looks at nothing but the allocator's own free memory.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Drops the pages of one loaded object's read-only segments.
unsafe extern "C" fn unmap(
    object: *mut libc::dl_phdr_info,
    _bytes: usize,
    _data: *mut c_void,
) -> c_int {
    // SAFETY: the loader's description of an object, which has as many headers as it says and stays
    // there during the call. Pages of a segment that was never writable equal their file and are
    // read from there again when they are needed, be it by the next instruction; only whole pages
    // are named, and a refusal changes nothing.
    unsafe {
        let object = &*object;
        let page = libc::sysconf(libc::_SC_PAGESIZE) as usize;
        for index in 0..usize::from(object.dlpi_phnum) {
            let header = &*object.dlpi_phdr.add(index);
            if header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_W == 0 {
                let begin = object.dlpi_addr as usize + header.p_vaddr as usize;
                let end = (begin + header.p_memsz as usize) & !(page - 1);
                let begin = begin & !(page - 1);
                let length = end.saturating_sub(begin);
                libc::madvise(begin as *mut c_void, length, libc::MADV_DONTNEED);
            }
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Resident KiB, as `/proc/self/status` has them under this name.
    fn resident(name: &str) -> usize {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    #[test]
    fn what_was_run_once_takes_no_memory_and_can_be_run_again() {
        let before = resident("RssFile:");
        release();
        let after = resident("RssFile:");
        assert!(after < before, "{before} {after}");
        assert_eq!(format!("{:?}", [1.5, 2.5]), "[1.5, 2.5]");
    }
}
