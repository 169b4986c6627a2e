module;
#include <cstdio>
module shapes;

static Description described(const char *name, double area) {
  Description description;
  std::snprintf(description.text, sizeof description.text, "a %s of area %.1f", name, area);
  return description;
}

Description describe(Circle circle) { return described("circle", circle.area()); }
Description describe(Square square) { return described("square", square.area()); }
