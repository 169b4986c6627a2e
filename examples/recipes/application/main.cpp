#include <iostream>

#include "greeting.hpp"
#include "stamp.hpp"

int main() {
  std::cout << greeting("world") << '\n' << stamp << '\n';
}
