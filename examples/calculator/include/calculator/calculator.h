#ifndef CALCULATOR_CALCULATOR_H
#define CALCULATOR_CALCULATOR_H

#include <string_view>

namespace calculator {

/// The value of an expression of numbers, `+ - * /` and parentheses.
/// Throws `std::invalid_argument` if it is none.
double evaluate(std::string_view expression);

}  // namespace calculator

#endif
