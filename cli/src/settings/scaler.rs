//! Where a master tells KEDA how many workers are needed.
//!
//! In: [`ScalerArgs`], still text. Out: an address to listen on, or nothing when nobody asked for one.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::{Reader, values};
use crate::args::ScalerArgs;

/// Reads it. The answers are numbers of users that change nothing, so that any address will do.
pub(super) fn read(args: &ScalerArgs, reader: &mut Reader<'_>) -> Option<SocketAddr> {
    let host = reader
        .value(
            "scaler_bind_host",
            args.scaler_bind_host.as_ref(),
            values::address,
        )
        .unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let port = reader.value("scaler_bind_port", args.scaler_bind_port.as_ref(), values::port);
    if args.scaler_bind_host.is_some() && args.scaler_bind_port.is_none() {
        reader.refuse(
            "scaler_bind_host",
            "needs --scaler-bind-port PORT: without it KEDA is told nothing".to_owned(),
        );
    }
    Some(SocketAddr::new(host, port?))
}
