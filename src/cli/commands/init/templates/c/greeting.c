#include "greeting.h"

#include <stdio.h>

void greeting(char *text, size_t size, const char *name) {
  snprintf(text, size, "Hello, %s!", name);
}
