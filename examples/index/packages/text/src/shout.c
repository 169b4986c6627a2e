#include <ctype.h>
#include <shout.h>
#include <stdio.h>

void shout(const char *text) {
  fputs("> ", stdout);
  for (; *text != '\0'; text++) putchar(toupper((unsigned char)*text));
}
