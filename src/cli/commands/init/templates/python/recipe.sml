# What this package is made of. `wake build` builds it, `wake run` starts it, `wake test` tests it.
Name: '@name@'
Language: 'Python|0'
Version: 0.1.0
Type: 'Executable'
Source: ['src/*.py']
Main: 'main:main'

Tests: {
    Source: ['tests/*.py']
}

# Packages that it needs: paths such as '../library/', or names such as 'User|Library@1.2'.
Dependencies: {
    Runtime: []
}
