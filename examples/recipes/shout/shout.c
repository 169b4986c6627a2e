#include <ctype.h>
#include <stdio.h>

int main(int argc, char **argv) {
  printf("constexpr auto stamp = \"");
  for (const char *c = argc > 1 ? argv[1] : ""; *c; c++) putchar(toupper((unsigned char)*c));
  puts("\";");
  return 0;
}
