//! The configurations of contrib/examples, each with stand-ins for the programs it runs: found
//! good, started, restarted and stopped with the commands that a user types.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use common::*;
use nix::sys::signal::Signal;
use tempfile::TempDir;

/// Directories of the system that an example names; a test has its own in their place.
const ROOTS: [&str; 6] = ["/etc/", "/opt/", "/run/", "/srv/", "/usr/", "/var/"];

/// Says what it was called with and what it read of its environment; ends as Java does.
const STAND_IN: &str = "#!/bin/sh
echo \"$(basename \"$0\") $* in $(basename \"$PWD\") with ${SETTING:-nothing}\"
echo said on stderr >&2
sleep 1000 &
trap 'kill $! 2>/dev/null; exit 143' TERM QUIT
wait
";

/// An example that was moved into a directory of ours, and its daemon.
struct Example {
    dir: TempDir,
    daemon: Option<Child>,
}

impl Example {
    /// `files` are those it needs, by their paths on a real system: a script where the text is
    /// empty.
    fn new(name: &str, files: &[(&str, &str)]) -> Example {
        let dir = tempfile::tempdir().unwrap();
        let example = Example { dir, daemon: None };
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib/examples").join(name);
        let mut text = text(&source.join("supervisord.conf"));
        for root in ROOTS {
            text = text.replace(root, &format!("\0{root}"));
        }
        text = text.replace('\0', example.dir.path().to_str().unwrap());
        let own = nix::unistd::geteuid().to_string();
        let ours = |line: &str| match line.split_once('=') {
            Some(("user", _)) => format!("user={own}\n"),
            Some(("startsecs", _)) => "startsecs=1\n".into(),
            _ => format!("{line}\n"),
        };
        fs::write(example.path("conf"), text.lines().map(ours).collect::<String>()).unwrap();
        for dir in ["run", "bin"] {
            fs::create_dir(example.path(dir)).unwrap();
        }
        for (path, text) in files {
            let path = example.path(path.trim_start_matches('/'));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, if text.is_empty() { STAND_IN } else { text }).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        example
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A command of svx about this configuration, with the stand-ins in its PATH.
    fn svx(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_svx"));
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        command.arg(words[0]).arg("-c").arg(self.path("conf")).args(&words[1..]);
        command.env("PATH", path).env("SVX_TEST_DIR", self.dir.path());
        command.env_remove("WEB_CONCURRENCY").stdin(Stdio::null()).current_dir(self.dir.path());
        command
    }

    #[track_caller]
    fn run(&self, words: &[&str]) -> String {
        let Output { status, stdout, stderr } = self.svx(words).output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        assert!(status.success(), "{words:?}: {status}\n{out}{err}");
        out.into_owned()
    }

    /// Checks it, and brings all of it through a day's work.
    #[track_caller]
    fn works(&mut self, processes: &[&str]) {
        self.run(&["check", "--strict"]);
        let mut daemon = self.svx(&["daemon", "-n"]);
        let to = fs::File::create(self.path("stdout")).unwrap();
        daemon.stdout(to.try_clone().unwrap()).stderr(to);
        self.daemon = Some(daemon.spawn().unwrap());
        until("the daemon to answer", || {
            self.svx(&["ctl", "pid"]).output().unwrap().status.success().then_some(())
        });
        for name in processes {
            self.all("RUNNING", processes);
            let restarted = self.run(&["ctl", "restart", name]);
            assert_eq!(restarted, format!("{name}: stopped\n{name}: started\n"));
        }
        self.run(&["healthcheck"]);
        self.run(&["ctl", "stop", "all"]);
        self.all("STOPPED", processes);
        let daemon = self.daemon.as_mut().unwrap();
        signal(daemon.id() as i32, Signal::SIGTERM);
        until("the daemon to end", || daemon.try_wait().unwrap());
        assert!(marked(self.dir.path()).is_empty(), "something is left running");
    }

    /// Waits until `status` has these processes and no others, all in that state.
    #[track_caller]
    fn all(&self, state: &str, processes: &[&str]) {
        until(&format!("all to be {state}"), || {
            let out = self.svx(&["ctl", "status"]).output().unwrap().stdout;
            let out = String::from_utf8_lossy(&out).into_owned();
            let words = out.lines().map(|line| line.split_whitespace().take(2).collect::<Vec<_>>());
            let wanted = processes.iter().map(|name| vec![*name, state]);
            words.eq(wanted).then_some(())
        });
    }

    /// What a log says, once for each of the two starts; of a dated log, all its files.
    #[track_caller]
    fn said(&self, log: &str) -> String {
        let log = self.path(log);
        let stem = log.file_stem().unwrap().to_str().unwrap();
        let entries = fs::read_dir(log.parent().unwrap()).unwrap().map(|entry| entry.unwrap());
        let files = entries.filter(|entry| {
            let name = entry.file_name().into_string().unwrap();
            name.split('.').next() == Some(stem) && !entry.file_type().unwrap().is_symlink()
        });
        let all: String = files.map(|entry| text(&entry.path())).collect();
        let said: Vec<&str> =
            all.lines().filter(|line| stem == "error" || !line.contains("stderr")).collect();
        assert!(said.len() == 2 && said[0] == said[1], "{stem}: {all}");
        said[0].to_owned()
    }

    /// Fails unless this is a link to a dated file beside it.
    #[track_caller]
    fn is_dated(&self, link: &str) {
        let target = fs::read_link(self.path(link)).unwrap();
        let name = target.file_name().unwrap().to_str().unwrap();
        assert!(name.contains("20") && name.ends_with(".log"), "{name}");
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for name in ["conf", "stdout"] {
                eprintln!("--- {name}\n{}", text(&self.path(name)));
            }
        }
        if let Some(daemon) = &mut self.daemon {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
        while kill_marked(self.dir.path()) {}
    }
}

#[test]
fn nginx_an_application_and_a_worker_run_restart_and_stop() {
    let files = [("/bin/nginx", ""), ("/srv/shop/bin/app", ""), ("/srv/shop/bin/worker", "")];
    let mut example = Example::new("nginx", &files);
    example.works(&["nginx", "shop:app_0", "shop:app_1", "shop:worker"]);
    let app = example.said("var/log/shop/app_1.log");
    assert_eq!(app, "app --port 8001 in shop with nothing");
    let log = text(&example.path("var/log/supervisor/supervisord.log"));
    let spawned = |name: &str| log.find(&format!("spawned: '{name}'")).unwrap();
    assert!(spawned("app_1") < spawned("worker") && spawned("worker") < spawned("nginx"));
}

#[test]
fn tomcat_runs_restarts_and_stops_with_a_log_per_day() {
    let settings = "# for Tomcat\nSETTING=\"-Xmx2g\"\n";
    let files = [("/opt/tomcat/bin/catalina.sh", ""), ("/etc/default/tomcat", settings)];
    let mut example = Example::new("tomcat", &files);
    example.works(&["tomcat"]);
    let said = example.said("var/log/tomcat/catalina.out");
    assert_eq!(said, "catalina.sh run in tomcat with -Xmx2g");
    example.is_dated("var/log/tomcat/catalina.out");
    let log = text(&example.path("var/log/supervisor/supervisord.log"));
    assert_eq!(log.matches("stopped: tomcat (exit status 143)").count(), 2, "{log}");
}

#[test]
fn gunicorn_runs_restarts_and_stops_with_its_settings_from_a_file() {
    let files = [("/srv/flask/venv/bin/gunicorn", ""), ("/srv/flask/.env", "SETTING=a secret\n")];
    let mut example = Example::new("gunicorn", &files);
    example.works(&["flask"]);
    let said = example.said("var/log/flask/access.log");
    let words =
        "--workers 4 --bind 127.0.0.1:8000 --graceful-timeout 30 --access-logfile - wsgi:app";
    assert_eq!(said, format!("gunicorn {words} in flask with a secret"));
    assert_eq!(example.said("var/log/flask/error.log"), "said on stderr");
    example.is_dated("var/log/flask/access.log");
    example.is_dated("var/log/flask/error.log");
}

#[test]
fn logstash_runs_restarts_and_stops_though_its_file_of_settings_is_missing() {
    let mut example = Example::new("logstash", &[("/usr/share/logstash/bin/logstash", "")]);
    example.works(&["logstash"]);
    let said = example.said("var/log/logstash/console.log");
    let settings = example.path("etc/logstash");
    let called = format!("logstash --path.settings {}", settings.display());
    assert_eq!(said, format!("{called} in logstash with nothing"));
    example.is_dated("var/log/logstash/console.log");
}
