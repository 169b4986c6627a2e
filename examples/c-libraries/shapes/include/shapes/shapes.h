#ifndef SHAPES_SHAPES_H
#define SHAPES_SHAPES_H

double circle_area(double radius);
double triangle_area(double a, double b, double c);

#endif
