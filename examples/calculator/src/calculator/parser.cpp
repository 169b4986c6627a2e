#include "parser.h"

#include <charconv>
#include <stdexcept>

namespace calculator {

double Parser::sum() {
    double value = product();
    for (;;) {
        if (accept('+')) {
            value += product();
        } else if (accept('-')) {
            value -= product();
        } else {
            return value;
        }
    }
}

double Parser::product() {
    double value = factor();
    for (;;) {
        if (accept('*')) {
            value *= factor();
        } else if (accept('/')) {
            value /= factor();
        } else {
            return value;
        }
    }
}

double Parser::factor() {
    if (accept('-')) {
        return -factor();
    }
    if (!accept('(')) {
        return number();
    }
    const double value = sum();
    if (!accept(')')) {
        throw std::invalid_argument("`)` expected");
    }
    return value;
}

double Parser::number() {
    skip_spaces();
    double value = 0;
    const char* const start = text_.data() + position_;
    const char* const end = text_.data() + text_.size();
    const auto [rest, failure] = std::from_chars(start, end, value);
    if (failure != std::errc{}) {
        throw std::invalid_argument("number expected");
    }
    position_ += static_cast<std::size_t>(rest - start);
    return value;
}

bool Parser::accept(char wanted) {
    skip_spaces();
    if (position_ == text_.size() || text_[position_] != wanted) {
        return false;
    }
    ++position_;
    return true;
}

bool Parser::at_end() {
    skip_spaces();
    return position_ == text_.size();
}

void Parser::skip_spaces() {
    while (position_ < text_.size() && text_[position_] == ' ') {
        ++position_;
    }
}

}  // namespace calculator
