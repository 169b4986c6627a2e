#ifndef CALCULATOR_PARSER_H
#define CALCULATOR_PARSER_H

#include <cstddef>
#include <string_view>

namespace calculator {

/// Reads an expression from left to right; private to the library.
class Parser {
public:
    explicit Parser(std::string_view text) : text_(text) {}

    double sum();
    bool at_end();

private:
    double product();
    double factor();
    double number();
    bool accept(char wanted);
    void skip_spaces();

    std::string_view text_;
    std::size_t position_ = 0;
};

}  // namespace calculator

#endif
