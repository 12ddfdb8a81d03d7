//! What the core has to say, in words.

use crate::base::signal;
use crate::log::said::{self, Said};
use crate::process::Saying;

/// The line of the main log.
pub fn words(saying: &Saying) -> Said {
    match saying {
        Saying::Spawned { name, pid } => said::spawned(name, *pid),
        Saying::SpawnErr(why) => said::spawnerr(why),
        Saying::Success { name, startsecs } => said::success(name, *startsecs),
        Saying::Exited { name, status, expected } => said::exited(name, &status.words(), *expected),
        Saying::Stopped { name, status, expected } => {
            said::stopped(name, &status.words(), *expected)
        }
        Saying::GaveUp(name) => said::gave_up(name),
        Saying::Killing { name, pid } => said::killing_with_sigkill(name, *pid),
        Saying::KillSignal { name, pid, signal, group } => {
            said::killing(name, *pid, *group, &signal::name(*signal))
        }
        Saying::Signal { name, pid, signal } => said::sending(name, *pid, &signal::name(*signal)),
        Saying::WaitingToStop(name) => said::waiting_to_stop(name),
        Saying::WaitingToDie(names) => said::waiting_to_die(&names.join(", ")),
        Saying::CannotKill { name, pid, why } => said::kill_failed(name, *pid, why),
        Saying::KillingAll => said::killing_all(),
    }
}
