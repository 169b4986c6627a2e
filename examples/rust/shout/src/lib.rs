//! `text` for C: see `include/shout.h`.

use std::ffi::{CStr, c_char};

/// # Safety
/// `name` is a string of C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shout(name: *const c_char) {
    // SAFETY: the caller says so.
    let name = unsafe { CStr::from_ptr(name) };
    println!("{}", text::greeting(&name.to_string_lossy()).to_uppercase());
}
