// What this package is made of. `wake build` builds it, `wake run` starts it, `wake test` tests it.
function(wake)
  wake.pkg(
    wake.pkgInfo('@name@', version='0.1.0'),
    modules={
      // The program.
      root: function(wake, pkg, config) wake.recipe({
        Language: 'Rust',
        Type: 'Executable',
        Source: ['src/main.rs'],
        Dependencies: { Runtime: [wake.getModule(pkg, 'lib')] },
      }),
      // What the program and its tests share.
      lib: function(wake, pkg, config) wake.recipe({
        Language: 'Rust',
        Name: 'greeting',
        Source: ['src/lib.rs'],
        // What is marked `#[test]`, and the files of `tests/`.
        Tests: {},
      }),
    },
  )
