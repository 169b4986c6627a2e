#include <punctuation.h>

#define GREETING "Hello" COMMA " dear world" EXCLAMATION_MARK
