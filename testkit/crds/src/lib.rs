//! Nothing but tests, in `tests/`: a crate of its own, so that nobody else waits for the types of foreign operators.
