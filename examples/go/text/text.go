// Package text has text for people.
package text

// Greeting is a greeting for name.
func Greeting(name string) string {
	return "Hello, " + name + "!"
}
