//! Programs that would take the library down, and processes that are not what they should be.

use super::refusals::complaint;
use super::*;

#[test]
fn nesting_without_end_is_an_error() {
    let brackets = complaint(&"[".repeat(100_000));
    assert!(
        brackets.starts_with("PKG:1:1001: `PKG` nests brackets"),
        "{brackets}"
    );
    // What no guard sees in time ends the process, not wake.
    let minus = complaint(&format!("{}1", "-".repeat(2_000_000)));
    assert!(
        minus.starts_with("Cannot evaluate `PKG`\n  it recurses"),
        "{minus}"
    );
    // Fields that read fields: calls that the library does not count.
    let fields = complaint("local o(n) = { a: o(n + 1).a }; function(wake) o(1).a");
    assert!(
        fields.starts_with("Cannot evaluate `PKG`\n  it recurses"),
        "{fields}"
    );
}

#[test]
fn a_value_compared_with_itself_ends_only_its_process() {
    let space = Space::new().file(
        "PKG",
        "local x = { a: [x] }, y = { a: [y] };
         function(wake) wake.pkg(wake.pkgInfo('app'), modules={
           bad(wake, pkg, config): assert x == y; 1,
           good(wake, pkg, config): wake.recipe({}),
         })",
    );
    let error = space.error(&space.module("bad"));
    assert_eq!(error.kind(), Kind::User);
    assert_eq!(
        error.report().message,
        "Cannot evaluate the module `app:bad`"
    );
    // The next request gets a new process.
    space.answer(&space.module("good"));
}

#[test]
fn time_and_memory_are_limited() {
    let endless = "function(wake) std.foldl(function(a, b) a + b, std.range(0, 2e9), 0)";
    let space =
        Space::with(|options| options.timeout = Duration::from_millis(300)).file("PKG", endless);
    let error = shown(&space.error(&space.declare()));
    assert!(error.contains("it takes longer than 0.3 s"), "{error}");
    assert!(error.contains("--eval-timeout"), "{error}");

    let growing = "function(wake) std.length(std.makeArray(1e9, function(i) i))";
    let space = Space::with(|options| options.memory = 256 << 20).file("PKG", growing);
    let error = shown(&space.error(&space.declare()));
    assert!(
        error.contains("it needs more than 256 MiB of memory"),
        "{error}"
    );
    assert!(error.contains("--eval-memory"), "{error}");
}

#[test]
fn several_threads_share_few_processes() {
    let space = Space::new().file("PKG", "function(wake) wake.pkg(wake.pkgInfo('app'))");
    let request = space.declare();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5 {
                    space.answer(&request);
                }
            });
        }
    });
}

#[test]
fn a_program_that_is_not_wake_is_not_believed() {
    for program in ["/bin/true", "/bin/cat", "/nowhere/wake"] {
        let space =
            Space::with(|options| options.program = PathBuf::from(program)).file("PKG", "1");
        let error = space.error(&space.declare());
        assert_ne!(error.kind(), Kind::User, "{program}: {}", shown(&error));
    }
}
