//! The ways a call can fail. Codes, names and texts are Supervisor's (`Faults`, `RPCError` in
//! xmlrpc.py): clients compare them.

use std::fmt;

use crate::process::command::CommandError;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $number:literal, $name:literal;)*) => {
        /// A fault code of Supervisor 4.3.0.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $variant = $number,)* }

        impl Code {
            /// Every code, ascending.
            pub const ALL: &[Code] = &[$(Code::$variant,)*];

            /// The word that opens the fault string.
            pub fn name(self) -> &'static str {
                match self { $(Code::$variant => $name,)* }
            }
        }
    };
}

codes! {
    /// No such method.
    UnknownMethod = 1, "UNKNOWN_METHOD";
    /// Wrong number or type of parameters.
    IncorrectParameters = 2, "INCORRECT_PARAMETERS";
    /// Parameters that make no sense together.
    BadArguments = 3, "BAD_ARGUMENTS";
    /// `methodHelp` or `methodSignature` of an unknown method.
    SignatureUnsupported = 4, "SIGNATURE_UNSUPPORTED";
    /// The daemon is stopping or restarting.
    ShutdownState = 6, "SHUTDOWN_STATE";
    /// No such process or group.
    BadName = 10, "BAD_NAME";
    /// No such signal.
    BadSignal = 11, "BAD_SIGNAL";
    /// No such file: a command, a log, or a stdin that is closed.
    NoFile = 20, "NO_FILE";
    /// The command cannot be executed.
    NotExecutable = 21, "NOT_EXECUTABLE";
    /// It went wrong.
    Failed = 30, "FAILED";
    /// It ended instead of starting.
    AbnormalTermination = 40, "ABNORMAL_TERMINATION";
    /// It could not be started.
    SpawnError = 50, "SPAWN_ERROR";
    /// It runs already.
    AlreadyStarted = 60, "ALREADY_STARTED";
    /// It does not run.
    NotRunning = 70, "NOT_RUNNING";
    /// No fault: the status of those of many that went well.
    Success = 80, "SUCCESS";
    /// The group is active already.
    AlreadyAdded = 90, "ALREADY_ADDED";
    /// The group has members that run.
    StillRunning = 91, "STILL_RUNNING";
    /// The configuration on disk is broken.
    CantReread = 92, "CANT_REREAD";
    /// twiddler's own, for which Supervisor has no word.
    NotInWhitelist = 230, "UNKNOWN";
}

impl Code {
    /// The code with that number.
    pub fn from_number(number: i64) -> Option<Code> {
        Code::ALL.iter().copied().find(|code| *code as i64 == number)
    }

    /// The fault of this code whose text says no more than its name.
    pub fn bare(self) -> Fault {
        Fault { code: self, text: self.name().to_owned() }
    }

    /// The fault of this code about something: `BAD_NAME: web`.
    pub fn of(self, what: impl fmt::Display) -> Fault {
        Fault { code: self, text: format!("{}: {what}", self.name()) }
    }
}

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The kind, on the wire its number.
    pub code: Code,
    /// The whole `faultString`, such as `BAD_NAME: web`.
    pub text: String,
}

impl From<CommandError> for Fault {
    fn from(error: CommandError) -> Fault {
        let missing = matches!(error, CommandError::NotFound(_));
        if missing { Code::NoFile.of(error) } else { Code::NotExecutable.of(error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_its_name_and_what_it_is_about() {
        assert_eq!(Code::BadName.of("web").text, "BAD_NAME: web");
        assert_eq!(Code::NoFile.bare().text, "NO_FILE");
        assert_eq!(Code::from_number(91), Some(Code::StillRunning));
        assert_eq!(Code::from_number(5), None);
    }
}
