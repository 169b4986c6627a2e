// What this package is made of. `wake build` builds it, `wake run` starts it, `wake test` tests it.
function(wake)
  wake.pkg(
    wake.pkgInfo('@name@', version='0.1.0'),
    modules={
      root: function(wake, pkg, config) wake.recipe({
        Language: 'Go',
        Type: 'Executable',
        // `go test`.
        Tests: {},
      }),
    },
  )
