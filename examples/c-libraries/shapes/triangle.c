#include <shapes/shapes.h>

#include <math.h>

/* Heron's formula. */
double triangle_area(double a, double b, double c) {
    const double s = (a + b + c) / 2;
    return sqrt(s * (s - a) * (s - b) * (s - c));
}
