export module shapes;

export import :circle;
export import :square;

export struct Description {
  char text[64];
};

export Description describe(Circle circle);
export Description describe(Square square);
