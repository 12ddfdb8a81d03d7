//! Taking clients from a listener, also when descriptors have run out.

use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;

use crate::sys::pipes;

/// What came of asking a listener for its next client.
#[derive(Debug)]
pub enum Accepted<S> {
    /// A client.
    Client(S),
    /// Nobody waits.
    Nobody,
    /// No descriptor was left for it: it was taken and hung up on, so that it does not wake us
    /// again and again.
    TurnedAway,
    /// Anything else, or no descriptor even for that.
    Failed(io::Error),
}

/// Takes clients and keeps one descriptor in hand for when there are no more.
pub struct Door {
    spare: Option<OwnedFd>,
}

impl Door {
    /// With its spare descriptor.
    pub fn new() -> io::Result<Door> {
        Ok(Door { spare: Some(pipes::null()?) })
    }

    /// One client by `take`, which is the accept of a nonblocking listener. Call it until it gives
    /// no client (or the turn's budget is used up).
    pub fn accept<S>(&mut self, mut take: impl FnMut() -> io::Result<S>) -> Accepted<S> {
        loop {
            let error = match take() {
                Ok(client) => return Accepted::Client(client),
                Err(error) => error,
            };
            match error.raw_os_error() {
                Some(libc::EAGAIN) => return Accepted::Nobody,
                Some(libc::EINTR | libc::ECONNABORTED) => {}
                Some(libc::EMFILE | libc::ENFILE) if self.spare.is_some() => {
                    self.spare = None;
                    let turned_away = take().map(drop);
                    self.spare = pipes::null().ok();
                    return match turned_away {
                        Ok(()) => Accepted::TurnedAway,
                        Err(error) if error.kind() == ErrorKind::WouldBlock => Accepted::Nobody,
                        Err(error) => Accepted::Failed(error),
                    };
                }
                Some(libc::EMFILE | libc::ENFILE) => {
                    self.spare = pipes::null().ok();
                    return Accepted::Failed(error);
                }
                _ => return Accepted::Failed(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    use nix::sys::resource::{Resource, getrlimit, setrlimit};

    use super::*;
    use crate::sys::sockets::listen_unix;
    use crate::sys::testing::alone;

    #[test]
    fn a_client_is_turned_away_when_descriptors_have_run_out() {
        if !alone(module_path!(), "a_client_is_turned_away_when_descriptors_have_run_out") {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.sock");
        let bound = listen_unix(&path, 0o600, None).unwrap();
        let accept = || bound.listener.accept();
        let mut door = Door::new().unwrap();
        assert!(matches!(door.accept(accept), Accepted::Nobody));
        let mut clients = [(); 3].map(|()| UnixStream::connect(&path).unwrap());
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        setrlimit(Resource::RLIMIT_NOFILE, 64, hard).unwrap();
        let mut hoard: Vec<OwnedFd> = std::iter::from_fn(|| pipes::null().ok()).collect();
        for client in &mut clients[..2] {
            assert!(matches!(door.accept(accept), Accepted::TurnedAway));
            assert_eq!(client.read(&mut [0]).unwrap(), 0);
        }
        hoard.pop();
        assert!(matches!(door.accept(accept), Accepted::Client(_)));
        assert!(matches!(door.accept(accept), Accepted::Nobody));
    }
}
