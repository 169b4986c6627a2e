#include <cstdio>

import shapes;

int main() {
  std::puts(describe(Circle{2}).text);
  std::puts(describe(Square{3}).text);
}
