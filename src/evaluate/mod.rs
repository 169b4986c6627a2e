pub mod exec;
pub mod interrupt;
pub mod state;
