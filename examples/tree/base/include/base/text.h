#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <string>

namespace base {

using Text = std::string;

inline Text repeat(const Text& text, int times) {
    Text result;
    while (times-- > 0) {
        result += text;
    }
    return result;
}

}  // namespace base

#endif
