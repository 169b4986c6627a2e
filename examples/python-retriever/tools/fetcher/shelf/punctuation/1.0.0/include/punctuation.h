#define COMMA ","
#define EXCLAMATION_MARK "!"
