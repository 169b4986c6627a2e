#include <messages.h>
#include <version.h>

#include <iostream>

int main() {
    std::cout << message_hello() << ", version " << VERSION << '\n' << message_goodbye() << '\n';
}
