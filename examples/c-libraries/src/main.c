#include <example/counter.h>
#include <shapes/shapes.h>

#include <stdio.h>

int main(void) {
    printf("%d: the circle has an area of %.2f\n", counter_next(), circle_area(2));
    printf("%d: the triangle has an area of %.2f\n", counter_next(), triangle_area(3, 4, 5));
    return 0;
}
