Name: 'Greeting'
Language: 'C++|0'
Type: 'StaticLibrary'
Source: ['greeting.cpp']
PublicHeaders: [
    { Root: 'include/', Target: './', Files: ['greeting.hpp'] }
]
