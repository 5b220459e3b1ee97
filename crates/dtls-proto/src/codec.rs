//! Reading and writing the presentation language of RFC 5246 section 4.
//!
//! Every length from the wire is checked here, once.

use crate::error::Error;

/// A cursor over received bytes that never reads past their end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(Error::Decode)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Error::Decode)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Error> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Error> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub(crate) fn u24(&mut self) -> Result<u32, Error> {
        let [a, b, c] = self.array()?;
        Ok(u32::from_be_bytes([0, a, b, c]))
    }

    pub(crate) fn u48(&mut self) -> Result<u64, Error> {
        let [a, b, c, d, e, f] = self.array()?;
        Ok(u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
    }

    /// A vector with an 8-bit length.
    pub(crate) fn vec8(&mut self) -> Result<&'a [u8], Error> {
        let len = self.u8()?;
        self.take(usize::from(len))
    }

    /// A vector with a 16-bit length.
    pub(crate) fn vec16(&mut self) -> Result<&'a [u8], Error> {
        let len = self.u16()?;
        self.take(usize::from(len))
    }

    /// A vector with a 24-bit length.
    pub(crate) fn vec24(&mut self) -> Result<&'a [u8], Error> {
        let len = self.u24()?;
        self.take(len as usize)
    }

    /// Refuses bytes behind the end of a structure.
    pub(crate) fn finish(self) -> Result<(), Error> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::Decode) }
    }
}

/// The 16-bit values of a list; an odd length is a decode error.
pub(crate) fn u16_list(bytes: &[u8]) -> Result<impl Iterator<Item = u16> + Clone + '_, Error> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if rest.is_empty() { Ok(pairs.iter().map(|pair| u16::from_be_bytes(*pair))) } else { Err(Error::Decode) }
}

/// Appends the types of the presentation language to a buffer.
pub(crate) trait Writer {
    fn put_u8(&mut self, value: u8);
    fn put_u16(&mut self, value: u16);
    fn put_u48(&mut self, value: u64);
    fn put(&mut self, bytes: &[u8]);
    /// What `body` writes, behind its 8-bit length.
    fn put_vec8(&mut self, body: impl FnOnce(&mut Vec<u8>));
    /// What `body` writes, behind its 16-bit length.
    fn put_vec16(&mut self, body: impl FnOnce(&mut Vec<u8>));
    /// What `body` writes, behind its 24-bit length.
    fn put_vec24(&mut self, body: impl FnOnce(&mut Vec<u8>));
}

impl Writer for Vec<u8> {
    fn put_u8(&mut self, value: u8) {
        self.push(value);
    }

    fn put_u16(&mut self, value: u16) {
        self.extend_from_slice(&value.to_be_bytes());
    }

    fn put_u48(&mut self, value: u64) {
        self.extend_from_slice(&value.to_be_bytes()[2..]);
    }

    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    fn put_vec8(&mut self, body: impl FnOnce(&mut Vec<u8>)) {
        prefixed::<1>(self, body);
    }

    fn put_vec16(&mut self, body: impl FnOnce(&mut Vec<u8>)) {
        prefixed::<2>(self, body);
    }

    fn put_vec24(&mut self, body: impl FnOnce(&mut Vec<u8>)) {
        prefixed::<3>(self, body);
    }
}

fn prefixed<const N: usize>(out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; N]);
    body(out);
    let len = (out.len() - start - N) as u32;
    debug_assert!(len < 1 << (8 * N), "callers bound what they write");
    out[start..start + N].copy_from_slice(&len.to_be_bytes()[4 - N..]);
}

/// Bytes from hexadecimal digits; white space between them is passed over.
#[cfg(test)]
pub(crate) fn from_hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_past_the_end_is_a_decode_error_and_takes_nothing() {
        let mut reader = Reader::new(&[0, 5, 1, 2]);
        assert_eq!(reader.vec16(), Err(Error::Decode));
        assert_eq!(Reader::new(&[9]).vec8(), Err(Error::Decode));
        assert_eq!(Reader::new(&[1, 2]).u24(), Err(Error::Decode));
    }

    #[test]
    fn what_is_written_reads_back() {
        let mut out = Vec::new();
        out.put_u8(1);
        out.put(&[1, 2, 3]);
        out.put_u48(0x01_02_03_04_05_06);
        out.put_vec16(|out| out.put_vec8(|out| out.put(b"abc")));
        out.put_vec24(|_| ());
        let mut reader = Reader::new(&out);
        assert_eq!(reader.u8(), Ok(1));
        assert_eq!(reader.u24(), Ok(0x01_02_03));
        assert_eq!(reader.u48(), Ok(0x01_02_03_04_05_06));
        assert_eq!(Reader::new(reader.vec16().unwrap()).vec8(), Ok(&b"abc"[..]));
        assert_eq!(reader.vec24(), Ok(&[][..]));
        assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn bytes_behind_a_structure_are_refused() {
        assert_eq!(Reader::new(&[0]).finish(), Err(Error::Decode));
        assert!(u16_list(&[1, 2, 3]).is_err());
    }
}
