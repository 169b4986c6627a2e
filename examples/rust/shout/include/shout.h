#pragma once

/* Prints a greeting for `name`, loudly. */
void shout(const char *name);
