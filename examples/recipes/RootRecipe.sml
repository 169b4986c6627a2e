# The top of the workspace. What stands here is shared by the packages below, unless they say otherwise.
Version: 1.0.0
LanguageVersion: 'C++17'
OutputRoot: 'out'
Members: ['application']
