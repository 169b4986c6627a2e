import shapes;

int main() { return Square{3}.area() == 9 ? 0 : 1; }
