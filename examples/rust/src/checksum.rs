//! The checksum that `checksum/checksum.c` calculates.

use std::ffi::c_uint;

unsafe extern "C" {
    fn checksum(bytes: *const u8, length: usize) -> c_uint;
}

pub fn of(text: &str) -> u32 {
    // SAFETY: the function reads `length` bytes and keeps nothing.
    unsafe { checksum(text.as_ptr(), text.len()) }
}
