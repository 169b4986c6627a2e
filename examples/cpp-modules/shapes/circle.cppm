export module shapes:circle;

export struct Circle {
  double radius;

  double area() const { return 3.14159265 * radius * radius; }
};
