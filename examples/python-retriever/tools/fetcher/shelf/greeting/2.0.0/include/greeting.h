#include <punctuation.h>

#define GREETING "Hello" COMMA " world" EXCLAMATION_MARK
