Name: 'Greeter'
Language: (C++@0)
Type: 'Executable'
Source: ['main.cpp']
Dependencies: {
    Runtime: ['../library/']
    Build: ['../stamp/']
}
