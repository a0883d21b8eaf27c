//! The chunked transfer coding, taken apart as it comes.
//!
//! In: bytes, cut anywhere. Out: the bytes of the body, the lines after it if anybody wants them, and where the message
//! ends.

use super::body::BodySink;

/// Bytes of chunk extensions and trailers tolerated between two pieces of a body.
const MAX_OVERHEAD: u32 = 16 * 1024;
const NOT_CHUNKED: &str = "invalid chunked encoding";

/// Where in a chunked body the reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In a chunk's size, after `digits` digits.
    Size { digits: u8 },
    /// After the size, up to the end of the line.
    Extension,
    /// Before the line feed that ends a size line.
    SizeEnd,
    /// In a chunk's data.
    Data,
    /// Before the carriage return after the data.
    DataReturn,
    /// Before the line feed after the data.
    DataFeed,
    /// At the start of a trailer line, or of the empty one that ends the message.
    TrailerStart,
    /// In a trailer line.
    Trailer,
    /// Before the line feed that ends a trailer line.
    TrailerEnd,
    /// Before the very last line feed.
    LastFeed,
    /// Past the end.
    Done,
}

/// Reads a chunked body.
#[derive(Debug, Clone)]
pub(super) struct Chunked {
    place: Place,
    /// Bytes left of the present chunk, or its size as far as it has been read.
    left: u64,
    overhead: u32,
    keep_trailers: bool,
    trailers: Vec<u8>,
}

impl Place {
    /// Whether it is after the body.
    const fn is_trailing(self) -> bool {
        matches!(
            self,
            Self::TrailerStart | Self::Trailer | Self::TrailerEnd | Self::LastFeed
        )
    }
}

// === impl Chunked ===

impl Chunked {
    /// At the start of a body.
    pub(super) const fn new(keep_trailers: bool) -> Self {
        Self {
            place: Place::Size { digits: 0 },
            left: 0,
            overhead: 0,
            keep_trailers,
            trailers: Vec::new(),
        }
    }

    /// The lines after the body, line ends and the empty one included.
    pub(super) fn trailers(&self) -> &[u8] {
        &self.trailers
    }

    /// Whether the body is complete.
    pub(super) fn is_done(&self) -> bool {
        self.place == Place::Done
    }

    /// Takes bytes and says how many belonged to the body; fewer than given only at its end.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub(super) fn feed(&mut self, input: &[u8], body: &mut BodySink) -> Result<usize, &'static str> {
        let mut at = 0;
        while at < input.len() && self.place != Place::Done {
            if self.place == Place::Data {
                let here = input.len() - at;
                let length = usize::try_from(self.left).unwrap_or(usize::MAX).min(here);
                body.push(&input[at..at + length]);
                at += length;
                self.left -= length as u64;
                self.overhead = 0;
                if self.left == 0 {
                    self.place = Place::DataReturn;
                }
            } else {
                if self.keep_trailers && self.place.is_trailing() {
                    // Bounded as all overhead is.
                    self.trailers.push(input[at]);
                }
                self.place = self.step(input[at])?;
                at += 1;
                self.overhead += 1;
                if self.overhead > MAX_OVERHEAD {
                    return Err("chunk extensions or trailers too long");
                }
            }
        }
        Ok(at)
    }

    /// One byte outside of data.
    fn step(&mut self, byte: u8) -> Result<Place, &'static str> {
        Ok(match (self.place, byte) {
            (Place::Size { digits }, _) => return self.size(digits, byte),
            (Place::Extension, b'\r') => Place::SizeEnd,
            // A bare line feed in an extension is how messages are smuggled.
            (Place::Extension, b'\n') => return Err(NOT_CHUNKED),
            (Place::Extension, _) => Place::Extension,
            (Place::SizeEnd, b'\n') if self.left == 0 => Place::TrailerStart,
            (Place::SizeEnd, b'\n') => Place::Data,
            (Place::DataReturn, b'\r') => Place::DataFeed,
            (Place::DataFeed, b'\n') => {
                self.left = 0;
                Place::Size { digits: 0 }
            }
            (Place::TrailerStart, b'\r') => Place::LastFeed,
            (Place::TrailerStart | Place::Trailer, b'\n') => return Err(NOT_CHUNKED),
            (Place::Trailer, b'\r') => Place::TrailerEnd,
            (Place::TrailerStart | Place::Trailer, _) => Place::Trailer,
            (Place::TrailerEnd, b'\n') => Place::TrailerStart,
            (Place::LastFeed, b'\n') => Place::Done,
            _ => return Err(NOT_CHUNKED),
        })
    }

    fn size(&mut self, digits: u8, byte: u8) -> Result<Place, &'static str> {
        let Some(value) = char::from(byte).to_digit(16) else {
            return match byte {
                _ if digits == 0 => Err(NOT_CHUNKED),
                b'\r' => Ok(Place::SizeEnd),
                b';' | b' ' | b'\t' => Ok(Place::Extension),
                _ => Err(NOT_CHUNKED),
            };
        };
        if self.left >> 56 != 0 || digits == u8::MAX {
            return Err("chunk too large");
        }
        self.left = self.left << 4 | u64::from(value);
        Ok(Place::Size { digits: digits + 1 })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(input: &[u8], cuts: &[usize]) -> Result<(Vec<u8>, usize, bool), &'static str> {
        let mut chunked = Chunked::new(false);
        let mut body = BodySink::new(usize::MAX);
        let mut consumed = 0;
        let mut pieces: Vec<usize> = cuts.iter().map(|cut| cut % (input.len() + 1)).collect();
        pieces.push(input.len());
        pieces.sort_unstable();
        for end in pieces {
            if end > consumed {
                consumed += chunked.feed(&input[consumed..end], &mut body)?;
            }
        }
        Ok((body.take().kept, consumed, chunked.is_done()))
    }

    #[test]
    fn bodies_are_taken_apart() {
        let all = b"5\r\nhello\r\n06;x=\"y\"\r\n world\r\n0\r\nTrailer: v\r\n\r\nrest";
        assert_eq!(
            read(all, &[]).unwrap(),
            (b"hello world".to_vec(), all.len() - 4, true)
        );
        assert_eq!(
            read(b"A\r\n0123456789\r\n0\r\n", &[]).unwrap(),
            (b"0123456789".to_vec(), 18, false)
        );
        for bad in [
            &b"\r\n"[..],
            b"x\r\n",
            b"5\nhello",
            b"5\r\nhelloX\n",
            b"0\r\n\n",
            b"fffffffffffffffff\r\n",
            b"5;a\nb",
            b"-1\r\n",
        ] {
            assert!(read(bad, &[]).is_err(), "{}", bad.escape_ascii());
        }
        let mut endless = b"5;".to_vec();
        endless.resize(usize::try_from(MAX_OVERHEAD).unwrap() + 10, b'x');
        assert!(read(&endless, &[]).is_err());
    }

    proptest! {
        #[test]
        fn where_the_bytes_are_cut_does_not_matter(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..6),
            cuts in prop::collection::vec(any::<usize>(), 0..10),
        ) {
            let mut wire = Vec::new();
            for chunk in &chunks {
                wire.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                wire.extend_from_slice(chunk);
                wire.extend_from_slice(b"\r\n");
            }
            wire.extend_from_slice(b"0\r\n\r\n");
            let length = wire.len();
            wire.extend_from_slice(b"HTTP/1.1 200 OK");
            prop_assert_eq!(read(&wire, &cuts).unwrap(), (chunks.concat(), length, true));
        }

        #[test]
        fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), cuts in prop::collection::vec(any::<usize>(), 0..4)) {
            let whole = read(&bytes, &[]);
            prop_assert_eq!(read(&bytes, &cuts), whole);
        }
    }
}
