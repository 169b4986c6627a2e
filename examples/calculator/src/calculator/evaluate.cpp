#include <calculator/calculator.h>

#include <stdexcept>

#include "parser.h"

namespace calculator {

double evaluate(std::string_view expression) {
    Parser parser(expression);
    const double value = parser.sum();
    if (!parser.at_end()) {
        throw std::invalid_argument("end of expression expected");
    }
    return value;
}

}  // namespace calculator
