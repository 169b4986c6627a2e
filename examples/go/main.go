// Command hello prints a greeting with its checksum.
package main

import (
	_ "embed"
	"fmt"
	"strings"

	"example.org/text"
)

//go:embed messages/name.txt
var name string

var version = "unknown"

func line() string {
	return text.Greeting(strings.TrimSpace(name))
}

func main() {
	fmt.Printf("%s (%08x, version %s)\n", line(), Checksum(line()), version)
}
