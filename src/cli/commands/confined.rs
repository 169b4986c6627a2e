//! `wake __confined`: the process between wake and a program that wake confines.

use std::process::ExitCode;

use crate::sandbox;

pub(super) fn run() -> ExitCode {
    sandbox::supervisor::main()
}
