//! Reads requests just well enough to know where one ends and the next begins.
//!
//! In: a connection. Out: one [`Head`] per request, its body read and forgotten; `None` when the client is done.

use std::io;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// No client under test sends a larger head.
const MAX_HEAD: usize = 256 * 1024;

/// The beginning of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// The request line's method.
    pub(crate) method: String,
    /// The length of its body.
    pub(crate) body_length: usize,
}

/// Reads the next request's head; its body is left in the stream.
pub(crate) async fn read_head(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut BytesMut,
) -> io::Result<Option<Head>> {
    loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&buffer[..end]).into_owned();
            buffer.advance(end + 4);
            return Ok(Some(parse(&text)));
        }
        if buffer.len() > MAX_HEAD || stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}

/// Reads the next request to its end.
pub(crate) async fn read_request(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut BytesMut,
) -> io::Result<Option<Head>> {
    let Some(head) = read_head(stream, buffer).await? else {
        return Ok(None);
    };
    let mut left = head.body_length;
    loop {
        let here = left.min(buffer.len());
        buffer.advance(here);
        left -= here;
        if left == 0 {
            return Ok(Some(head));
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}

fn parse(text: &str) -> Head {
    let method = text.split(' ').next().unwrap_or_default().to_owned();
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().ok())?
    });
    Head {
        method,
        body_length: length.unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn requests_are_told_apart() {
        let sent = b"POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\n\r\nGET /half";
        let (mut stream, mut buffer) = (&sent[..], BytesMut::new());
        let mut next = async || read_request(&mut stream, &mut buffer).await.unwrap();
        assert_eq!(
            next().await,
            Some(Head {
                method: "POST".to_owned(),
                body_length: 3
            })
        );
        assert_eq!(
            next().await,
            Some(Head {
                method: "GET".to_owned(),
                body_length: 0
            })
        );
        assert_eq!(next().await, None);
    }
}
