#include "shout.h"

int main(int argc, char **argv) {
  shout(argc > 1 ? argv[1] : "world");
  return 0;
}
