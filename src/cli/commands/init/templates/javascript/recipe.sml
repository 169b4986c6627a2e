# What this package is made of. `wake build` builds it, `wake run` starts it, `wake test` tests it.
Name: '@name@'
Language: 'JavaScript|0'
Version: 0.1.0
Type: 'Executable'

# `node --test` of `*.test.mjs` and its like.
Tests: {}

# Packages that it needs: paths such as '../library/', or names such as 'User|Library@1.2'.
Dependencies: {
    Runtime: []
}
