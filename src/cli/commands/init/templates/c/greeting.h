#ifndef GREETING_H
#define GREETING_H

#include <stddef.h>

/* Writes a greeting for `name` to `text`, at most `size` bytes with the final zero. */
void greeting(char *text, size_t size, const char *name);

#endif
