#ifndef EXAMPLE_COUNTER_H
#define EXAMPLE_COUNTER_H

/** Counts one more and returns how many that are. */
int counter_next(void);

#endif
