#include <calculator/calculator.h>

#include <iostream>
#include <stdexcept>
#include <string>

int main(int count, char** arguments) {
    std::string expression;
    for (int index = 1; index < count; ++index) {
        expression += (index > 1 ? " " : "") + std::string(arguments[index]);
    }
    if (expression.empty()) {
        expression = "1 + 2 * 3";
    }
    try {
        std::cout << expression << " = " << calculator::evaluate(expression) << '\n';
    } catch (const std::invalid_argument& error) {
        std::cerr << expression << ": " << error.what() << '\n';
        return 1;
    }
}
