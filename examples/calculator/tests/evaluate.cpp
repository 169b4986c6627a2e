// A test is a program: exit code 0 passes, 77 skips, anything else fails.
#include <calculator/calculator.h>

#include <iostream>
#include <stdexcept>

static int failures = 0;

static void expect(std::string_view expression, double wanted) {
    const double value = calculator::evaluate(expression);
    if (value != wanted) {
        std::cerr << expression << " is " << value << ", not " << wanted << '\n';
        ++failures;
    }
}

static void expect_error(std::string_view expression) {
    try {
        calculator::evaluate(expression);
        std::cerr << expression << " is no error\n";
        ++failures;
    } catch (const std::invalid_argument&) {
    }
}

int main() {
    expect("1 + 2 * 3", 7);
    expect("(1 + 2) * 3", 9);
    expect("8 / 4 / 2", 1);
    expect("--2 - 1", 1);
    expect_error("");
    expect_error("1 +");
    expect_error("(1");
    expect_error("1 2");
    return failures == 0 ? 0 : 1;
}
