//! The settings of what programs see that watch this process.
//!
//! In: [`MetricsArgs`], still text. Out: where to listen, if somewhere.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::{Reader, values};
use crate::args::MetricsArgs;

/// Where `/metrics` is served besides the page.
pub(super) fn read(args: &MetricsArgs, reader: &mut Reader<'_>) -> Option<SocketAddr> {
    let port = reader.value("metrics_port", args.metrics_port.as_ref(), values::port);
    let host = reader.value("metrics_host", args.metrics_host.as_ref(), values::address);
    if args.metrics_host.is_some() && args.metrics_port.is_none() {
        reader.refuse(
            "metrics_host",
            "needs --metrics-port, which says where to serve metrics there".to_owned(),
        );
    }
    let host = host.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    Some(SocketAddr::new(host, port?))
}
