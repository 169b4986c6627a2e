#include <base/text.h>
#include <lib/greeting.h>

#include <iostream>

int main() {
    std::cout << greeting("tree") << '\n' << base::repeat("=", 12) << '\n';
}
