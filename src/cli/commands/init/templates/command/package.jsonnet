// What this package is made of. `wake build` builds it, `wake run` starts it, `wake test` tests it.
function(wake)
  wake.pkg(
    wake.pkgInfo('@name@', version='0.1.0'),
    modules={
      // The program. Inputs are relative to the package, outputs to the target directory.
      root: function(wake, pkg, config) wake.recipe({
        Language: 'Command',
        Operations: [{
          Title: 'Make greet',
          Executable: 'sh',
          Arguments: ['$(input 0)', '$(input 1)', '$(output 0)'],
          Inputs: ['tools/make.sh', 'src/greet.in'],
          Outputs: ['greet'],
        }],
        RunExecutable: 'greet',
      }),
      // Exit code 0 passes.
      test: function(wake, pkg, config) wake.recipe({
        Language: 'Command',
        Type: 'Test',
        Operations: [{
          Title: 'it names who is greeted',
          Executable: 'sh',
          Arguments: ['$(input 0)', '$(tool :root)'],
          Inputs: ['tests/greet.sh'],
        }],
        Dependencies: { Tool: [wake.getModule(pkg)] },
      }),
    },
  )
