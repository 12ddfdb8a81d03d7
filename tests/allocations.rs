//! Whether the daemon allocates while it does what it does all day. It runs in a thread of this
//! program, whose allocations are counted.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use common::until;

static COUNT: AtomicU64 = AtomicU64::new(0);
thread_local! {
    static COUNTED: Cell<bool> = const { Cell::new(false) };
}

struct Counting;

fn count() {
    // Not there any more while a thread ends.
    if COUNTED.try_with(Cell::get).unwrap_or(false) {
        COUNT.fetch_add(1, Ordering::Relaxed);
    }
}

// SAFETY: the system's allocator, asked with what was asked; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations of one `step`, on average, once buffers have grown to their size.
fn per_step(mut step: impl FnMut()) -> f64 {
    const STEPS: u32 = 200;
    (0..STEPS / 2).for_each(|_| step());
    let before = COUNT.load(Ordering::Relaxed);
    (0..STEPS).for_each(|_| step());
    (COUNT.load(Ordering::Relaxed) - before) as f64 / f64::from(STEPS)
}

/// A program's output, and the file it ends up in.
struct Written {
    to: File,
    log: File,
    seen: u64,
}

impl Written {
    fn open(dir: &Path) -> Written {
        // Opens when the program does.
        let to = OpenOptions::new().write(true).open(dir.join("fifo")).unwrap();
        Written { to, log: File::open(dir.join("cat.log")).unwrap(), seen: 0 }
    }

    fn write(&mut self, bytes: &[u8]) {
        self.to.write_all(bytes).unwrap();
        self.seen += bytes.len() as u64;
        until("the log to have it", || {
            (self.log.metadata().unwrap().len() >= self.seen).then_some(())
        });
    }
}

/// A connection that is kept, and an answer of which only the length matters.
struct Asked {
    socket: UnixStream,
    request: Vec<u8>,
    length: Option<usize>,
}

impl Asked {
    fn open(dir: &Path, request: Vec<u8>) -> Asked {
        Asked { socket: UnixStream::connect(dir.join("s")).unwrap(), request, length: None }
    }

    fn http(dir: &Path, method: &str, params: &str) -> Asked {
        let body = format!(
            "<?xml version='1.0'?><methodCall><methodName>{method}</methodName>\
             <params>{params}</params></methodCall>"
        );
        let head = "POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\n";
        let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
        Asked::open(dir, request.into_bytes())
    }

    fn ask(&mut self) -> Vec<u8> {
        self.socket.write_all(&self.request).unwrap();
        let mut answer = vec![0; 1 << 20];
        let mut have = 0;
        loop {
            have += self.socket.read(&mut answer[have..]).unwrap();
            // Uptimes and clocks may be a byte longer or shorter than before.
            let whole = match self.length {
                Some(length) => have + 64 >= length && ended(&answer[..have]),
                None => ended(&answer[..have]),
            };
            if whole {
                self.length = Some(have);
                answer.truncate(have);
                return answer;
            }
        }
    }
}

fn ended(answer: &[u8]) -> bool {
    answer.ends_with(b"</methodResponse>\n") || answer.ends_with(b"}\n")
}

#[test]
fn logging_allocates_nothing_and_a_call_the_same_few_times_for_any_number_of_programs() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    mkfifo(&dir.join("fifo"), Mode::S_IRWXU).unwrap();
    let config = dir.join("conf");
    fs::write(
        &config,
        "[unix_http_server]\nfile=%(here)s/s\n[supervisord]\nlogfile=%(here)s/main.log\n\
         pidfile=%(here)s/pid\nchildlogdir=%(here)s\nnodaemon=true\nsilent=true\n\
         [rpcinterface:supervisor]\n\
         supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n\
         [program:cat]\ncommand=cat %(here)s/fifo\nstdout_logfile=%(here)s/cat.log\n\
         stdout_logfile_maxbytes=0\n[program:sleep]\ncommand=sleep 1000\nnumprocs=100\n\
         startsecs=0\nprocess_name=%(process_num)d\nstdout_logfile=NONE\nstderr_logfile=NONE\n",
    )
    .unwrap();
    let daemon = thread::spawn(move || {
        COUNTED.set(true);
        let words = ["-n".into(), "-c".into(), OsString::from(config)];
        svx::daemon::main("svx daemon", &words)
    });
    until("the daemon to listen", || UnixStream::connect(dir.join("s")).ok());
    let mut all = Asked::http(dir, "supervisor.getAllProcessInfo", "");
    until("every program to run", || {
        let states = String::from_utf8(all.ask()).unwrap();
        (states.matches("RUNNING").count() == 101).then_some(())
    });

    let mut written = Written::open(dir);
    let mut found = Vec::new();
    found.push(("a line into a log", 0.1, per_step(|| written.write(b"a line that is logged\n"))));
    let chunk = b"a line that is logged\n".repeat(1500);
    found.push(("a chunk of lines into a log", 0.1, per_step(|| written.write(&chunk))));

    let name = "<param><value><string>cat</string></value></param>";
    let mut one = Asked::http(dir, "supervisor.getProcessInfo", name);
    found.push(("getProcessInfo, XML-RPC", 26.0, per_step(|| drop(one.ask()))));
    // However many programs there are.
    found.push(("getAllProcessInfo of 101, XML-RPC", 21.0, per_step(|| drop(all.ask()))));
    let line = br#"{"jsonrpc":"2.0","id":1,"method":"supervisor.getProcessInfo","params":["cat"]}"#;
    let mut lines = Asked::open(dir, [line.as_slice(), b"\n"].concat());
    found.push(("getProcessInfo, JSON lines", 14.0, per_step(|| drop(lines.ask()))));

    Asked::http(dir, "supervisor.shutdown", "").ask();
    assert_eq!(daemon.join().unwrap(), 0);
    for (what, most, count) in &found {
        eprintln!("{what}: {count} allocations (at most {most})");
    }
    assert!(found.iter().all(|(_, most, count)| count <= most));
}
