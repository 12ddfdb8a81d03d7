//! A log file against its writers, others who use it, and trouble.

use super::*;
use crate::sys::pipes::{self, Moved};
use proptest::prelude::*;
use std::fs::OpenOptions;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use tempfile::{TempDir, tempdir};

fn at(secs: u64) -> Now {
    Now { mono: Mono(secs * 1_000_000_000), ..Now::default() }
}

fn shape(maxbytes: u64, backups: u32) -> Shape {
    Shape { mode: 0o644, make_dirs: false, maxbytes, backups }
}

fn log(dir: &TempDir, maxbytes: u64, backups: u32) -> FileLog {
    FileLog::open(dir.path().join("log"), shape(maxbytes, backups), at(0)).unwrap()
}

fn read(dir: &TempDir, name: &str) -> String {
    fs::read_to_string(dir.path().join(name)).unwrap_or_else(|_| "-".into())
}

#[test]
fn the_write_that_fills_the_file_rotates_it_and_leaves_an_empty_one() {
    let dir = tempdir().unwrap();
    let mut log = log(&dir, 4, 2);
    for text in ["abc", "d", "efgh", "ijklmn", "o"] {
        log.write(text.as_bytes(), at(0));
    }
    let names = ["log", "log.1", "log.2", "log.3"];
    assert_eq!(names.map(|name| read(&dir, name)), ["o", "ijklmn", "efgh", "-"]);
    log.write(b"pqr", at(0));
    assert_eq!(read(&dir, "log"), "");
    assert_eq!(log.size(), 0);
}

#[test]
fn without_backups_a_full_file_is_emptied() {
    let dir = tempdir().unwrap();
    let mut log = log(&dir, 4, 0);
    log.write(b"abcd", at(0));
    log.write(b"e", at(0));
    assert_eq!((read(&dir, "log"), read(&dir, "log.1")), ("e".into(), "-".into()));
}

#[test]
fn a_file_moved_or_removed_from_outside_comes_back_with_the_next_rotation() {
    let dir = tempdir().unwrap();
    let mut log = log(&dir, 4, 2);
    fs::write(dir.path().join("log.1"), "old").unwrap();
    fs::remove_file(log.path()).unwrap();
    log.write(b"abcd", at(0));
    log.write(b"ef", at(0));
    assert_eq!((read(&dir, "log"), read(&dir, "log.1")), ("ef".into(), "old".into()));
    assert!(log.trouble(Mono(0)).unwrap().contains("was removed by somebody else"));
    assert_eq!(log.trouble(Mono(0)), None);
}

#[test]
fn after_copytruncate_there_is_no_hole_and_the_count_starts_again() {
    let dir = tempdir().unwrap();
    let mut log = log(&dir, 10, 1);
    log.write(b"12345678", at(0));
    File::create(log.path()).unwrap();
    log.write(b"abc", at(0));
    assert_eq!((read(&dir, "log"), read(&dir, "log.1")), ("abc".into(), "-".into()));
    log.write(b"defghij", at(0));
    assert_eq!(read(&dir, "log.1"), "abcdefghij");
}

#[test]
fn two_streams_may_share_a_file_and_lose_nothing() {
    let dir = tempdir().unwrap();
    let (mut one, mut two) = (log(&dir, 100_000, 9), log(&dir, 100_000, 9));
    for _ in 0..1000 {
        one.write(&[b'1'; 100], at(0));
        two.write(&[b'2'; 100], at(0));
    }
    let files: Vec<u64> = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .collect();
    assert_eq!(files.iter().sum::<u64>(), 200_000);
    assert!(files.iter().all(|&size| size < 160_000), "{files:?}");
}

#[test]
fn a_failed_rotation_goes_on_in_the_old_file_is_said_once_and_tried_again() {
    let dir = tempdir().unwrap();
    let mut log = log(&dir, 4, 1);
    let obstacle = dir.path().join("log.1/full");
    fs::create_dir_all(&obstacle).unwrap();
    let mut said = Vec::new();
    for sec in 0..100 {
        log.write(b"abcd", at(sec));
        said.extend(log.trouble(at(sec).mono));
    }
    assert_eq!(read(&dir, "log").len(), 400);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("cannot rotate /"), "{said:?}");
    fs::remove_dir_all(dir.path().join("log.1")).unwrap();
    log.write(b"x", at(200));
    assert_eq!((read(&dir, "log").len(), read(&dir, "log.1").len()), (0, 401));
    assert!(log.trouble(at(200).mono).unwrap().starts_with("can rotate /"));
}

#[test]
fn two_names_of_one_file_do_not_make_rotation_lose_bytes() {
    let dir = tempdir().unwrap();
    let mut log = log(&dir, 4, 1);
    fs::hard_link(log.path(), dir.path().join("log.1")).unwrap();
    log.write(b"abcd", at(0));
    assert_eq!((read(&dir, "log"), read(&dir, "log.1")), ("".into(), "abcd".into()));
}

#[test]
fn a_full_device_is_counted_and_said_and_the_recovery_too() {
    let dir = tempdir().unwrap();
    let path = PathBuf::from("/dev/full");
    let mut log = FileLog::open(path, shape(4, 1), at(0)).unwrap();
    log.write(b"lost", at(0));
    log.write(b"lost", at(1));
    let said = log.trouble(at(1).mono).unwrap();
    assert_eq!(said, "cannot write /dev/full: No space left on device; 8 bytes lost");
    log.switch(dir.path().join("log")).unwrap();
    log.write(b"back", at(2));
    assert_eq!(read(&dir, "log.1"), "back");
    assert!(log.trouble(at(2).mono).unwrap().ends_with("again; 8 bytes lost"));
}

#[test]
fn a_fifo_without_reader_neither_blocks_nor_fails_and_is_used_once_read() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("fifo");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let mut log = FileLog::open(path.clone(), shape(4, 1), at(0)).unwrap();
    log.write(b"lost", at(0));
    assert!(log.trouble(at(0).mono).unwrap().ends_with("4 bytes lost"));
    let mut reader =
        OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&path).unwrap();
    log.write(b"heard", at(5));
    let mut heard = [0; 9];
    assert_eq!(io::Read::read(&mut reader, &mut heard).unwrap(), 5);
    assert!(path.exists() && !dir.path().join("fifo.1").exists());
    log.write(&vec![0; 1 << 20], at(6)); // more than a pipe holds
    assert!(log.trouble(at(66).mono).is_some());
}

#[test]
fn reopen_follows_a_move_and_clear_keeps_the_mode() {
    let dir = tempdir().unwrap();
    let mut log = log(&dir, 0, 0);
    log.write(b"one", at(0));
    fs::rename(log.path(), dir.path().join("moved")).unwrap();
    log.write(b"two", at(0));
    log.reopen().unwrap();
    log.write(b"three", at(0));
    assert_eq!((read(&dir, "moved"), read(&dir, "log")), ("onetwo".into(), "three".into()));
    fs::set_permissions(log.path(), fs::Permissions::from_mode(0o600)).unwrap();
    log.clear().unwrap();
    assert_eq!(fs::metadata(log.path()).unwrap().mode() & 0o777, 0o600);
    assert_eq!((read(&dir, "log"), log.size()), (String::new(), 0));
    fs::remove_file(log.path()).unwrap();
    log.clear().unwrap();
    assert_eq!(read(&dir, "log"), "");
}

#[test]
fn a_reopen_that_fails_leaves_the_old_file_in_use() {
    let dir = tempdir().unwrap();
    let mut log = log(&dir, 0, 0);
    let moved = dir.path().join("moved");
    fs::rename(log.path(), &moved).unwrap();
    fs::create_dir(log.path()).unwrap();
    assert!(log.reopen().is_err());
    log.write(b"kept", at(0));
    assert_eq!(fs::read_to_string(moved).unwrap(), "kept");
}

/// Moves `bytes` as a reading of a pipe does, whichever way the log allows.
fn splice(log: &mut FileLog, bytes: &[u8]) {
    let pipe = pipes::from_child().unwrap();
    pipes::write(&pipe.childs, bytes);
    match log.splice_end().map(|end| pipes::splice(&pipe.ours, end, 1 << 16)) {
        Some(Moved::Bytes(count)) => {
            assert_eq!(count, bytes.len());
            log.grew(count as u64, at(0));
        }
        None => log.write(bytes, at(0)),
        Some(other) => panic!("{other:?}"),
    }
}

#[test]
fn a_file_that_others_append_to_is_not_spliced_to_until_it_is_opened_anew() {
    let dir = tempdir().unwrap();
    let mut log = log(&dir, 0, 0);
    splice(&mut log, b"one ");
    let mut other = OpenOptions::new().append(true).open(log.path()).unwrap();
    assert!(log.splice_end().is_some());
    other.write_all(b"two ").unwrap();
    assert!(log.splice_end().is_none());
    splice(&mut log, b"three ");
    other.write_all(b"four ").unwrap();
    splice(&mut log, b"five");
    assert_eq!(read(&dir, "log"), "one two three four five");
    log.reopen().unwrap();
    assert!(log.splice_end().is_some());
}

#[test]
fn splicing_too_leaves_no_hole_after_copytruncate() {
    let dir = tempdir().unwrap();
    let mut log = log(&dir, 10, 1);
    splice(&mut log, b"12345678");
    File::create(log.path()).unwrap();
    splice(&mut log, b"abc");
    assert_eq!((read(&dir, "log"), read(&dir, "log.1")), ("abc".into(), "-".into()));
    splice(&mut log, b"defghij");
    assert_eq!(read(&dir, "log.1"), "abcdefghij");
}

#[test]
fn a_full_disk_and_a_file_system_that_cannot_splice_are_told_apart() {
    let dir = tempdir().unwrap();
    let mut log = log(&dir, 0, 0);
    log.refused_splice(&io::Error::from_raw_os_error(libc::ENOSPC));
    assert!(log.splice_end().is_some());
    log.refused_splice(&io::Error::from_raw_os_error(libc::EINVAL));
    assert!(log.splice_end().is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn written_or_spliced_the_files_are_the_same(
        pieces in prop::collection::vec((1usize..40, any::<bool>()), 0..60),
        maxbytes in 1u64..50,
        backups in 0u32..5,
    ) {
        let (one, two) = (tempdir().unwrap(), tempdir().unwrap());
        let (mut plain, mut mixed) = (log(&one, maxbytes, backups), log(&two, maxbytes, backups));
        for (index, (length, spliced)) in pieces.into_iter().enumerate() {
            let bytes = vec![b'a' + (index % 26) as u8; length];
            plain.write(&bytes, at(0));
            match spliced {
                true => splice(&mut mixed, &bytes),
                false => mixed.write(&bytes, at(0)),
            }
        }
        for name in ["log", "log.1", "log.2", "log.3", "log.4", "log.5"] {
            prop_assert_eq!(read(&one, name), read(&two, name));
        }
    }

    #[test]
    fn the_rotated_files_together_are_exactly_what_was_written(
        writes in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..60),
        maxbytes in 1u64..50,
        reopen_every in 1usize..20,
    ) {
        let dir = tempdir().unwrap();
        let mut log = log(&dir, maxbytes, 100);
        for (index, bytes) in writes.iter().enumerate() {
            log.write(bytes, at(0));
            if index % reopen_every == 0 {
                log.reopen().unwrap();
            }
        }
        let mut got = Vec::new();
        for index in (1..=100).rev() {
            let file = fs::read(numbered(log.path(), index)).unwrap_or_default();
            prop_assert!(file.is_empty() || file.len() as u64 >= maxbytes);
            got.extend(file);
        }
        got.extend(fs::read(log.path()).unwrap());
        prop_assert_eq!(got, writes.concat());
    }
}
