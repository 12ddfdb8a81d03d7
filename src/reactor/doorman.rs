//! Who gets in. A cheap password is verified at once; a hash that takes milliseconds is left to a
//! thread, so that nobody else waits for it, and remembered, so that its owner waits only once.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError, channel, sync_channel};
use std::thread;

use mio::Waker;

use super::Reactor;
use super::client::Dialect;
use super::jsonl;
use crate::base::clock::Now;
use crate::proto::auth::{Account, Cost, Credentials, Verified};
use crate::proto::http::Head;
use crate::rpc::json::Id;

/// Verifications that may wait for the thread; whoever comes then is turned away.
pub const WAITING_MAX: usize = 64;

/// Somebody at the door.
struct Visitor {
    client: usize,
    token: usize,
    account: Arc<Account>,
    shown: Credentials,
    wanted: Wanted,
}

/// Whether the credentials are good.
type Decision = (Visitor, bool);

/// What a client wants to go on with.
pub enum Wanted {
    /// JSON lines: `svx.login`.
    Login(Option<Id>),
    /// HTTP: a request.
    Request(Box<Head>),
}

/// What comes of showing credentials.
pub enum Verdict {
    /// Good.
    Admitted,
    /// Not good.
    Refused,
    /// It takes a moment; `Reactor::let_in` goes on.
    Later,
    /// Too many are waiting already.
    Busy,
}

/// Verifies credentials.
pub struct Doorman {
    verified: Verified,
    waker: Arc<Waker>,
    thread: Option<SyncSender<Visitor>>,
    decided: (Sender<Decision>, Receiver<Decision>),
}

impl Doorman {
    /// `key` is random; `waker` wakes the loop when a verification is done.
    pub fn new(key: [u8; 32], waker: Waker) -> Doorman {
        let (verified, waker) = (Verified::new(key), Arc::new(waker));
        Doorman { verified, waker, thread: None, decided: channel() }
    }

    /// Looks at the credentials a client has shown for what it wants.
    pub fn look(
        &mut self,
        (client, token): (usize, usize),
        account: &Arc<Account>,
        shown: Credentials,
        wanted: impl FnOnce() -> Wanted,
    ) -> Verdict {
        if account.password.cost() == Cost::Cheap {
            return if account.admits(&shown) { Verdict::Admitted } else { Verdict::Refused };
        }
        if self.verified.knows(account, &shown) {
            return Verdict::Admitted;
        }
        let account = Arc::clone(account);
        let visitor = Visitor { client, token, account, shown, wanted: wanted() };
        let Some(thread) = self.thread() else { return Verdict::Busy };
        match thread.try_send(visitor) {
            Ok(()) => Verdict::Later,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Verdict::Busy,
        }
    }

    /// The thread, started for the first who needs it.
    fn thread(&mut self) -> Option<&SyncSender<Visitor>> {
        if self.thread.is_none() {
            let (to, from) = sync_channel::<Visitor>(WAITING_MAX);
            let (decided, waker) = (self.decided.0.clone(), Arc::clone(&self.waker));
            let verify = move || {
                for visitor in from {
                    let good = visitor.account.admits(&visitor.shown);
                    if decided.send((visitor, good)).is_err() || waker.wake().is_err() {
                        return;
                    }
                }
            };
            thread::Builder::new().name("doorman".into()).spawn(verify).ok()?;
            self.thread = Some(to);
        }
        self.thread.as_ref()
    }
}

impl Reactor {
    /// Goes on with those whose credentials have been verified meanwhile.
    pub(super) fn let_in(&mut self, now: Now) {
        while let Ok((visitor, good)) = self.doorman.decided.1.try_recv() {
            if good {
                self.doorman.verified.remember(&visitor.account, &visitor.shown);
            }
            let slot = visitor.client;
            let Some(client) = self.clients.get_mut(slot) else { continue };
            if client.token != visitor.token {
                continue; // it has left
            }
            self.outgoing.push(slot);
            match (visitor.wanted, &mut client.dialect) {
                (Wanted::Login(id), Dialect::Lines(lines)) => {
                    lines.trusted = good;
                    lines.busy = false;
                    jsonl::login(&mut client.connection.outbox, id.as_ref(), good);
                }
                (Wanted::Request(head), Dialect::Http(http)) => {
                    http.busy = false;
                    self.http_admitted(now, slot, *head, good);
                }
                _ => {}
            }
            self.shell.unfinished.push(visitor.token); // what it has said since
        }
    }
}
