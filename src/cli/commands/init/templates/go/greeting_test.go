package main

import "testing"

func TestItNamesWhoIsGreeted(t *testing.T) {
	if got := greeting("you"); got != "Hello, you!" {
		t.Errorf("greeting(\"you\") is %q", got)
	}
}
