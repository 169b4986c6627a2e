#include <log.h>

int main(void) {
  log_line("Hello, packages!");
  return 0;
}
