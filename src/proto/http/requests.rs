//! The requests of one connection, one after the other.

use super::body::Body;
use super::head::{Head, head};
use super::{CONTINUE, Refusal};
use crate::proto::Parsed;

/// Reads the requests of one connection. The head of each comes before its body, so that who is
/// not let in is told so before anything of the body is kept.
#[derive(Debug, Default)]
pub struct Requests {
    state: State,
    owes_continue: bool,
}

#[derive(Debug)]
enum State {
    /// So many bytes of the buffer hold no end of a head.
    Head(usize),
    Body(Body),
    /// Nothing after this can be understood.
    Broken(Refusal),
}

impl Default for State {
    fn default() -> State {
        State::Head(0)
    }
}

/// What a request consists of.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// Begins it.
    Head(Head),
    /// Some of the body has been taken out of the buffer; more is to come.
    Part,
    /// The whole body, decoded. Ends every request, also one without a body.
    Body(Vec<u8>),
}

impl Requests {
    /// Reads on from the front of the buffer. After `Bad` the answer is the last of this
    /// connection: where its next request would begin is unknown.
    pub fn read(&mut self, buffer: &[u8]) -> Parsed<Piece, Refusal> {
        match &mut self.state {
            State::Head(seen) => match head(buffer, *seen) {
                Parsed::More => {
                    *seen = buffer.len();
                    Parsed::More
                }
                Parsed::Bad(refusal) => self.fail(refusal),
                Parsed::Done { value, used } => {
                    self.state = Body::new(value.length).map_or_else(State::Broken, State::Body);
                    self.owes_continue = value.expects_continue;
                    Parsed::Done { value: Piece::Head(value), used }
                }
            },
            State::Body(body) => match body.take(buffer) {
                Err(refusal) => self.fail(refusal),
                Ok((used, true)) => {
                    let state = std::mem::take(&mut self.state);
                    let State::Body(body) = state else { return Parsed::More };
                    Parsed::Done { value: Piece::Body(body.into_bytes()), used }
                }
                Ok((0, false)) => Parsed::More,
                Ok((used, false)) => Parsed::Done { value: Piece::Part, used },
            },
            State::Broken(refusal) => Parsed::Bad(*refusal),
        }
    }

    /// What to send after `More`, once: the client may hold its body back until it is asked.
    pub fn interim(&mut self) -> Option<&'static [u8]> {
        let untouched = matches!(&self.state, State::Body(body) if body.is_untouched());
        (std::mem::take(&mut self.owes_continue) && untouched).then_some(CONTINUE)
    }

    /// The body of the current request is not wanted: it is read and dropped.
    pub fn discard(&mut self) {
        self.owes_continue = false;
        if let State::Body(body) = &mut self.state {
            body.discard();
        }
    }

    /// Whether a request has begun and not ended, given what has come so far.
    pub fn is_amid(&self, buffer: &[u8]) -> bool {
        !buffer.is_empty() || !matches!(self.state, State::Head(_))
    }

    fn fail(&mut self, refusal: Refusal) -> Parsed<Piece, Refusal> {
        self.state = State::Broken(refusal);
        Parsed::Bad(refusal)
    }
}
