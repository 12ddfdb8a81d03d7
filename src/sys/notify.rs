//! The service manager above us, by sd_notify(3): a datagram per message to the socket it named.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::time::Duration;

/// What the service manager told us through our environment. Our children are not to see it:
/// what they said there would be taken for ours.
pub const VARIABLES: [&str; 3] = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];

/// The way to the service manager.
#[derive(Debug)]
pub struct Notifier {
    socket: UnixDatagram,
    /// How long it waits for a sign of life; `None` where it does not.
    pub watchdog: Option<Duration>,
}

impl Notifier {
    /// `None` where nobody wants to hear from us.
    pub fn new(env: &[(String, String)], pid: u32) -> Option<Notifier> {
        let value = |name| env.iter().find(|(known, _)| known == name).map(|(_, value)| &**value);
        let [name, usec, of] = VARIABLES;
        let address = address(value(name)?)?;
        let socket = UnixDatagram::unbound().ok()?;
        socket.connect_addr(&address).ok()?;
        socket.set_nonblocking(true).ok()?; // it may be as hung as anybody
        let ours = value(of).is_none_or(|of| of.parse() == Ok(pid));
        let usec = value(usec).filter(|_| ours).and_then(|usec| usec.parse().ok());
        let watchdog = usec.filter(|&usec| usec > 0).map(Duration::from_micros);
        Some(Notifier { socket, watchdog })
    }

    /// Sends lines of `NAME=value`. A service manager that does not listen misses them.
    pub fn send(&self, lines: &str) {
        _ = self.socket.send(lines.as_bytes());
    }
}

/// `/path`, or `@name` without a file.
fn address(text: &str) -> Option<SocketAddr> {
    match text.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name).ok(),
        None if text.starts_with('/') => SocketAddr::from_pathname(Path::new(text)).ok(),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(socket: &UnixDatagram) -> String {
        let mut bytes = [0; 256];
        let length = socket.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    }

    #[test]
    fn messages_reach_sockets_with_and_without_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let file = UnixDatagram::bind(&path).unwrap();
        let name = format!("svx-{}", dir.path().display());
        let hidden =
            UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        for (text, socket) in [(path.display().to_string(), &file), (format!("@{name}"), &hidden)] {
            let env = [("NOTIFY_SOCKET".into(), text), ("WATCHDOG_USEC".into(), "5000".into())];
            let notifier = Notifier::new(&env, 1).unwrap();
            assert_eq!(notifier.watchdog, Some(Duration::from_millis(5)));
            notifier.send("READY=1");
            assert_eq!(heard(socket), "READY=1");
        }
    }

    #[test]
    fn a_watchdog_of_another_process_is_none_of_ours() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let _file = UnixDatagram::bind(&path).unwrap();
        let env = [
            ("NOTIFY_SOCKET".into(), path.display().to_string()),
            ("WATCHDOG_USEC".into(), "5000".into()),
            ("WATCHDOG_PID".into(), "7".into()),
        ];
        assert_eq!(Notifier::new(&env, 8).unwrap().watchdog, None);
        assert!(Notifier::new(&env[1..], 7).is_none());
        let nowhere = [("NOTIFY_SOCKET".into(), "vsock:1:2".into())];
        assert!(Notifier::new(&nowhere, 7).is_none());
    }
}
