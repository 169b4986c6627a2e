#pragma once

#include <stddef.h>

/* Adler-32. */
unsigned checksum(const char *bytes, size_t length);
