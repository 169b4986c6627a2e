#include "counter.h"

static int count = 0;

int counter_next(void) {
    return ++count;
}
