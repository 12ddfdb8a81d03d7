//! What one step of each hot path costs by itself: `cargo bench`, or `cargo bench --bench micro --
//! log` for the ones whose name has `log` in it. Compares with the run before.

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

use svx::base::ansi::Stripper;
use svx::base::clock::{Mono, Now, Wall};
use svx::base::status::Status;
use svx::base::value::Value;
use svx::config::diff::difference;
use svx::config::{Loaded, Overrides, Surroundings, load};
use svx::events::capture::Scanner;
use svx::log::open::Shape;
use svx::log::rotate::FileLog;
use svx::process::{Action, ProcessId, Supervisor};
use svx::proto::http::{Piece, Requests};
use svx::proto::listener::Listener;
use svx::proto::{Parsed, jsonl, xmlrpc};
use svx::rpc::json;

const NOW: Now = Now { mono: Mono(1_000_000_000_000), wall: Wall(1_700_000_000_000_000_000) };

/// As getProcessInfo answers.
fn info(number: usize) -> Value {
    Value::fields([
        ("name", number.to_string().into()),
        ("group", "p".into()),
        ("description", "pid 12345, uptime 1:23:45".into()),
        ("start", Value::Int(1_700_000_000)),
        ("stop", Value::Int(0)),
        ("now", Value::Int(1_700_000_100)),
        ("state", Value::Int(20)),
        ("statename", "RUNNING".into()),
        ("spawnerr", "".into()),
        ("exitstatus", Value::Int(0)),
        ("logfile", "/var/log/p.log".into()),
        ("stdout_logfile", "/var/log/p.log".into()),
        ("stderr_logfile", "".into()),
        ("pid", Value::Int(12_345)),
    ])
}

fn codecs(c: &mut Criterion) {
    let body = xmlrpc::encode_call("supervisor.getProcessInfo", &["p:0".into()]);
    let mut request = format!(
        "POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nUser-Agent: Python-xmlrpc/3.11\r\n\
         Content-Type: text/xml\r\nAccept-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(&body);
    c.bench_function("http: a request with its body", |b| {
        let mut requests = Requests::default();
        b.iter(|| {
            let mut at = 0;
            loop {
                match requests.read(black_box(&request[at..])) {
                    Parsed::Done { value: Piece::Body(body), .. } => break body,
                    Parsed::Done { used, .. } => at += used,
                    Parsed::More | Parsed::Bad(_) => unreachable!(),
                }
            }
        });
    });
    c.bench_function("xml-rpc: a call decoded", |b| {
        b.iter(|| xmlrpc::decode_call(black_box(&body)));
    });
    let line = br#"{"jsonrpc":"2.0","id":1,"method":"supervisor.getProcessInfo","params":["p:0"]}"#;
    c.bench_function("json lines: a call decoded", |b| {
        let framed = [line.as_slice(), b"\n"].concat();
        b.iter(|| match jsonl::line(black_box(&framed), 0) {
            Parsed::Done { value, .. } => json::request(value),
            Parsed::More | Parsed::Bad(_) => unreachable!(),
        });
    });
    let all = Value::Array((0..1000).map(info).collect());
    let mut out = Vec::new();
    for (many, value) in [("1 process", &info(0)), ("1,000 processes", &all)] {
        c.bench_function(&format!("xml-rpc: {many} encoded"), |b| {
            b.iter(|| {
                out.clear();
                xmlrpc::encode_response(&mut out, black_box(value));
            });
        });
        c.bench_function(&format!("json: {many} encoded"), |b| {
            b.iter(|| {
                out.clear();
                json::encode(&mut out, black_box(value));
            });
        });
    }
    c.bench_function("listener: a result and readiness heard", |b| {
        let (mut listener, mut heard) = (Listener::default(), Vec::new());
        listener.feed(b"READY\n", &mut heard);
        b.iter(|| {
            listener.sent();
            heard.clear();
            listener.feed(black_box(b"RESULT 2\nOKREADY\n"), &mut heard);
        });
    });
}

fn configured(dir: &Path, programs: usize) -> Loaded {
    let mut text = "[supervisord]\nnodaemon=true\n".to_owned();
    for i in 0..programs {
        text += &format!(
            "[program:p{i}]\ncommand=/bin/cat -n {i}\ndirectory=/tmp\nautorestart=true\n\
             startsecs=0\nenvironment=NUMBER=\"{i}\",HOME=\"/\"\nstdout_logfile=NONE\n\
             stderr_logfile=NONE\n"
        );
    }
    let file = dir.join(format!("{programs}.conf"));
    std::fs::write(&file, text).unwrap();
    read(&file)
}

fn read(file: &Path) -> Loaded {
    let around = Surroundings {
        env: vec![("HOME".into(), "/root".into())],
        hostname: "box".into(),
        cwd: "/".into(),
        home: None,
        tempdir: "/tmp".into(),
        user: |_| Some(0),
        group: |_| Some(0),
        gid_of: Some,
        root: None,
    };
    load(file, &Overrides::default(), &around).unwrap()
}

fn config(c: &mut Criterion) {
    let dir = tempfile::tempdir().unwrap();
    let old = configured(dir.path(), 300).config;
    let file = dir.path().join("300.conf");
    c.bench_function("config: 300 programs read", |b| b.iter(|| read(&file)));
    c.bench_function("config: 300 unchanged programs compared", |b| {
        b.iter(|| difference(black_box(&old.groups), black_box(&old.groups)));
    });
}

/// A set of running programs, and their pids.
fn running(dir: &Path, programs: usize) -> (Supervisor, Vec<(ProcessId, i32)>) {
    let mut set = Supervisor::new();
    for group in &configured(dir, programs).config.groups {
        set.add_group(group);
    }
    let (mut todo, mut pids) = (Vec::new(), Vec::new());
    while set.start_queued(NOW) {}
    set.take_actions(&mut todo);
    for action in todo {
        if let Action::Spawn(id) = action {
            let pid = 1000 + pids.len() as i32;
            set.spawned(NOW, id, pid);
            pids.push((id, pid));
        }
    }
    set.take_actions(&mut Vec::new());
    (set, pids)
}

fn machine(c: &mut Criterion) {
    let dir = tempfile::tempdir().unwrap();
    let (mut set, pids) = running(dir.path(), 1000);
    let (mut now, mut todo) = (NOW, Vec::new());
    let killed = Status { code: -1, signal: Some(9), core: false };
    c.bench_function("state machine: a death and the next start, among 1,000", |b| {
        let (id, pid) = pids[500];
        b.iter(|| {
            set.died(now, pid, killed);
            now.mono = now.mono + Duration::from_secs(2);
            set.tick(now);
            set.spawned(now, id, pid);
            todo.clear();
            set.take_actions(&mut todo);
        });
    });
    c.bench_function("timers: a turn with nothing due, among 1,000", |b| {
        b.iter(|| {
            set.tick(black_box(now));
            set.deadline()
        });
    });
    c.bench_function("timers: 1,000 deadlines armed and met", |b| {
        b.iter(|| {
            for (_, pid) in &pids {
                set.died(now, *pid, killed);
            }
            now.mono = now.mono + Duration::from_secs(2);
            set.tick(now);
            for (id, pid) in &pids {
                set.spawned(now, *id, *pid);
            }
            todo.clear();
            set.take_actions(&mut todo);
        });
    });
}

fn logs(c: &mut Criterion) {
    let memory = Path::new("/dev/shm");
    let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    let dir = dir.unwrap();
    let mut group = c.benchmark_group("log");
    let open = |name: &str, maxbytes, backups| {
        let shape = Shape { mode: 0o644, make_dirs: false, maxbytes, backups };
        FileLog::open(dir.path().join(name), shape, NOW).unwrap()
    };
    for size in [100, 4 << 10, 64 << 10] {
        let bytes = vec![b'x'; size];
        group.throughput(Throughput::Bytes(size as u64));
        let mut log = open("log", 50 << 20, 1);
        group.bench_function(format!("{size} bytes written"), |b| {
            b.iter(|| log.write(black_box(&bytes), NOW));
        });
    }
    group.throughput(Throughput::Elements(1));
    let mut log = open("rotated", 1, 10);
    group.bench_function("a rotation, 10 backups", |b| b.iter(|| log.write(b"xx\n", NOW)));
    group.finish();
}

fn streams(c: &mut Criterion) {
    let line = "a line as programs write them, of eighty bytes or so, with nothing in it ......\n";
    let plain = line.repeat(820).into_bytes();
    let token = "<!--XSUPERVISOR:BEGIN-->a short message<!--XSUPERVISOR:END-->\n";
    let captured = token.repeat(1000).into_bytes();
    let coloured =
        "\x1b[31mERROR\x1b[0m what went wrong, and where it did\n".repeat(1000).into_bytes();
    let mut group = c.benchmark_group("stream");
    for (what, bytes) in [("plain text", &plain), ("1,000 tokens", &captured)] {
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(format!("capture scanner, {what}"), |b| {
            b.iter_batched_ref(
                || Scanner::new(1024),
                |scanner| scanner.feed(black_box(bytes), &mut |piece| _ = black_box(piece)),
                BatchSize::SmallInput,
            );
        });
    }
    for (what, bytes) in [("plain text", &plain), ("colours", &coloured)] {
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        let (mut stripper, mut scratch) = (Stripper::default(), Vec::new());
        group.bench_function(format!("ansi stripper, {what}"), |b| {
            b.iter(|| stripper.strip(black_box(bytes), &mut scratch).len());
        });
    }
    group.finish();
}

/// Short: the machine's noise does not go away by measuring it for longer.
fn brief() -> Criterion {
    Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args()
}

criterion_group! {
    name = all;
    config = brief();
    targets = codecs, config, machine, logs, streams
}
criterion_main!(all);
