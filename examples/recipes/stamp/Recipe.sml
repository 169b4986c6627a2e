# A plugin: its tasks run for the packages that name it in `Build`. The tool is built before it is run.
Name: 'Stamp'
Language: 'Jsonnet'
Source: ['plugin.libsonnet']
Dependencies: {
    Tool: ['../shout/']
}
