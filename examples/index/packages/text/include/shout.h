/* Writes `text` in capitals to standard output. */
void shout(const char *text);
