//! What the core has to say, in words.

use crate::base::{pyrepr, signal};
use crate::events;
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

/// The line of the main log for what the event pools have to say.
pub fn of_events(saying: &events::Saying) -> Said {
    use events::Saying;
    match saying {
        Saying::Overflowed { pool, serial, count: 1 } => said::overflowed(pool, *serial),
        Saying::Overflowed { pool, serial, count } => {
            said::overflowed_since(pool, *serial, count - 1)
        }
        Saying::Rebuffering { serial, pool, size, max } => {
            said::rebuffering(*serial, pool, *size, *max)
        }
        Saying::Sent { serial, listener } => said::event_sent(*serial, listener),
        Saying::BrokenPipe { serial, listener } => said::event_epipe(*serial, listener),
        Saying::Processed(listener) => said::event_processed(listener),
        Saying::Rejected(listener) => said::event_rejected(listener),
        Saying::NotReading(listener) => said::listener_not_reading(listener),
        Saying::BadResult { listener, line } => said::bad_result_line(listener, line),
        Saying::Turned { listener, from, to } => said::listener_state(listener, from, to),
        Saying::Unknown(listener) => said::listener_unknown(listener),
        Saying::Offence { listener, bytes } => {
            said::listener_offence(listener, &pyrepr::repr_bytes(bytes))
        }
    }
}
