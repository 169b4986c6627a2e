//! The traps that build systems fell into, each with a test through the binary.
//!
//! | trap | test |
//! |---|---|
//! | an input is edited while the operation runs | [`races::an_input_is_edited_while_it_is_used`], [`races::a_header_is_edited_while_it_is_used`], `an_edit_that_is_undone_…` |
//! | two edits in one tick of the clock | [`times::edits_in_quick_succession_are_all_seen`] |
//! | a time that goes backwards: `cp -p`, tar, caches | [`times::a_time_that_goes_backwards`], [`times::a_time_that_is_kept`] |
//! | clocks that differ, stamps of the future | [`times::a_stamp_of_the_future`] |
//! | a branch is switched and switched back | `situations::graph::a_branch_…` |
//! | kill -9, power cut, a torn log | `faults::calls`, `faults::damage`, `evaluate/damage_tests.rs` |
//! | two builds at once | `faults::turns` |
//! | an interrupted operation leaves half an output | `sessions::mishaps::an_interrupt_…`, [`races::a_killed_wake_leaves_half_an_output`] |
//! | an output is deleted or edited by hand | [`outputs::deleted_and_edited`], [`outputs::another_kind_of_thing_is_in_its_place`] |
//! | the output directory is removed | [`outputs::all_of_them_are_removed`] |
//! | an operation leaves the graph | [`outputs::what_left_the_graph_goes`], `situations::graph` |
//! | an output becomes a source, and the reverse | `situations::broken::what_was_generated_…`, `a_source_becomes_generated_…` |
//! | command, environment, response file change | [`commands::another_command`], [`commands::another_environment`], [`commands::another_response_file`] |
//! | the tool itself changes | [`commands::another_tool`] |
//! | generated headers, depfiles | [`headers::are_made_before_they_are_read`], [`headers::that_are_not_declared_are_an_error`] |
//! | look-ups that find nothing | [`headers::that_are_not_there_yet`] |
//! | listings and patterns | [`lists::a_pattern_follows_files_that_come_and_go`], [`lists::a_directory_counts_with_all_in_it`] |
//! | links: targets, circles, to a parent | [`links::lead_elsewhere`], [`links::in_a_circle`], [`links::to_a_parent`] |
//! | circles of operations | `situations::graph::a_circle_for_a_while` |
//! | two operations, one output | `situations::graph::the_package_cannot_be_read_for_a_while` |
//! | an equal output ends the rebuild | `situations::graph::what_stays_equal_…`, `sessions::outputs::an_equal_output_…` |
//! | a failure, then all is as before | `situations::broken` |
//! | what is never twice the same, what reads its own output | [`outputs::never_twice_the_same`], [`outputs::made_from_itself`] |
//! | long command lines, many inputs, many files | [`commands::many_inputs`], `sessions::hostile::many_jobs_…` |
//! | a flood of output | [`commands::that_print_without_end`] |
//! | grandchildren that stay | [`commands::that_leave_a_daemon`], `sessions::hostile::what_a_killed_wake_…` |
//! | the disk is full | `faults::places` |
//!
//! Jobservers, job control and watching have tests of their own, where they are.

mod commands;
mod headers;
mod links;
mod lists;
mod outputs;
mod races;
mod times;

use crate::support::Stage;
