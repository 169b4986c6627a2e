Name: 'Shout'
Language: 'C|0'
LanguageVersion: 'C11'
Type: 'Executable'
Source: ['shout.c']
