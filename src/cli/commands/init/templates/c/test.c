#include <stdio.h>
#include <string.h>

#include "greeting.h"

int main(void) {
  char text[100];
  greeting(text, sizeof text, "you");
  if (strcmp(text, "Hello, you!") != 0) {
    fprintf(stderr, "greeting(\"you\") is \"%s\"\n", text);
    return 1;
  }
  return 0;
}
