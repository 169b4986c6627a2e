#include <log.h>
#include <shout.h>
#include <stdio.h>

void log_line(const char *line) {
  shout(line);
  putchar('\n');
}
