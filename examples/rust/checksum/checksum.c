#include <stddef.h>

/* Adler-32. */
unsigned checksum(const unsigned char *bytes, size_t length) {
  unsigned a = 1, b = 0;
  for (size_t index = 0; index < length; index++) {
    a = (a + bytes[index]) % 65521;
    b = (b + a) % 65521;
  }
  return b << 16 | a;
}
