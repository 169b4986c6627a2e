#ifndef LIB_GREETING_H
#define LIB_GREETING_H

#include <base/text.h>

base::Text greeting(const base::Text& name);

#endif
