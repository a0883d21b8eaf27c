//! Tests of the wire form: what is sent arrives, what is nonsense is refused in words, and the costly message is cheap.

mod cost;
mod hostile;
mod refused;
mod round_trips;
mod strategies;

use prost::Message;

use super::{WireError, proto};
use crate::fleet::{MasterMessage, WorkerMessage};

fn worker_bytes(message: &WorkerMessage) -> Vec<u8> {
    proto::WorkerMessage::from(message).encode_to_vec()
}

fn master_bytes(message: &MasterMessage) -> Vec<u8> {
    proto::MasterMessage::from(message).encode_to_vec()
}

fn read_worker(bytes: &[u8]) -> Result<WorkerMessage, WireError> {
    proto::WorkerMessage::decode(bytes)
        .map_err(|cause| WireError::Malformed(cause.to_string()))?
        .try_into()
}

fn read_master(bytes: &[u8]) -> Result<MasterMessage, WireError> {
    proto::MasterMessage::decode(bytes)
        .map_err(|cause| WireError::Malformed(cause.to_string()))?
        .try_into()
}
