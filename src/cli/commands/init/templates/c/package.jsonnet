// What this package is made of. `wake build` builds it, `wake run` starts it, `wake test` tests it.
function(wake)
  wake.pkg(
    wake.pkgInfo('@name@', version='0.1.0'),
    modules={
      // The program.
      root: function(wake, pkg, config) wake.recipe({
        Language: 'C',
        Type: 'Executable',
        Source: ['src/main.c'],
        Dependencies: { Runtime: [wake.getModule(pkg, 'lib')] },
      }),
      // What the program and its tests share.
      lib: function(wake, pkg, config) wake.recipe({
        Language: 'C',
        Source: ['src/greeting.c'],
        PublicIncludePaths: ['src'],
        // A program: exit code 0 passes.
        Tests: { Source: wake.glob('tests/*.c') },
      }),
    },
  )
