#include <iostream>

#include "greeting.hpp"

int main() {
  const std::string got = greeting("you");
  if (got != "Hello, you!") {
    std::cerr << "greeting(\"you\") is \"" << got << "\"\n";
    return 1;
  }
}
