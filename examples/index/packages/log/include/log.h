/* Writes a line to standard output, loudly. */
void log_line(const char *line);
