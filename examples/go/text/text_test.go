package text

import "testing"

func TestGreeting(t *testing.T) {
	if Greeting("you") != "Hello, you!" {
		t.Errorf("Greeting(you) is %q", Greeting("you"))
	}
}
