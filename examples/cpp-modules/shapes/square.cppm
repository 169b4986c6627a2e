export module shapes:square;

export struct Square {
  double side;

  double area() const { return side * side; }
};
