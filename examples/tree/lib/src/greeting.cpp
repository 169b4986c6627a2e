#include <lib/greeting.h>

base::Text greeting(const base::Text& name) {
    return "Hello, " + name + base::repeat("!", 1);
}
