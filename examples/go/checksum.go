package main

// #include <stdlib.h>
// #include "checksum.h"
import "C"

import "unsafe"

// Checksum is what checksum/checksum.c calculates.
func Checksum(text string) uint32 {
	bytes := C.CString(text)
	defer C.free(unsafe.Pointer(bytes))
	return uint32(C.checksum(bytes, C.size_t(len(text))))
}
