# What this package is made of. `wake build` builds it, `wake run` starts it, `wake test` tests it.
Name: '@name@'
Language: 'C|0'
Version: 0.1.0
Type: 'Executable'
Source: ['src/main.c', 'src/greeting.c']

# A program: exit code 0 passes.
Tests: {
    Source: ['tests/*.c', 'src/greeting.c']
    IncludePaths: ['src']
}

# Packages that it needs: paths such as '../library/', or names such as 'User|Library@1.2'.
Dependencies: {
    Runtime: []
}
