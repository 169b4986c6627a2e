package main

import "testing"

func TestLine(t *testing.T) {
	if line() != "Hello, world!" {
		t.Errorf("the line is %q", line())
	}
}

func TestChecksum(t *testing.T) {
	if Checksum("Wikipedia") != 0x11e60398 {
		t.Errorf("the checksum is %x", Checksum("Wikipedia"))
	}
}
