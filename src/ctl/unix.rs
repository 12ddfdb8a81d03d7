//! The client for a unix socket: JSON lines, or XML-RPC where a stock Supervisor listens.

use std::path::PathBuf;

use serde_json::Value;

use super::client::{Failure, Follow, Log, Rpc};
use super::http::Address;
use super::interrupt::Interrupt;
use super::lines::Lines;
use super::xmlrpc::XmlRpc;

/// See the module.
pub struct Unix {
    path: PathBuf,
    login: Option<(String, String)>,
    spoken: Option<Box<dyn Rpc>>,
}

impl Unix {
    /// Will connect to the socket at `path`, and log in where there is a name and password.
    pub fn new(path: PathBuf, login: Option<(String, String)>) -> Unix {
        Unix { path, login, spoken: None }
    }

    /// Finds out what the daemon speaks, by a call that changes nothing.
    fn find_out(&mut self, interrupt: Option<&Interrupt>) -> Result<Box<dyn Rpc>, Failure> {
        if let Some(client) = self.spoken.take() {
            return Ok(client);
        }
        Ok(match Lines::connect(&self.path, self.login.as_ref(), interrupt)? {
            Some(lines) => Box::new(lines),
            None => Box::new(XmlRpc::new(Address::Unix(self.path.clone()), self.login.clone())),
        })
    }
}

impl Rpc for Unix {
    fn call(
        &mut self,
        method: &str,
        params: Value,
        interrupt: Option<&Interrupt>,
    ) -> Result<Value, Failure> {
        let client = self.find_out(interrupt)?;
        self.spoken.insert(client).call(method, params, interrupt)
    }

    fn follow(
        mut self: Box<Self>,
        logs: &[Log],
        bytes: u32,
        interrupt: &Interrupt,
    ) -> Result<Box<dyn Follow>, Failure> {
        self.find_out(Some(interrupt))?.follow(logs, bytes, interrupt)
    }
}
