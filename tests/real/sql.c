/* Runs the SQL that it is given on a database in memory and prints the rows. */
#include <sqlite3.h>
#include <stdio.h>

static int print(void *unused, int columns, char **values, char **names) {
  (void)unused;
  (void)names;
  for (int column = 0; column < columns; column++) {
    printf("%s%s", column == 0 ? "" : "|", values[column] == NULL ? "NULL" : values[column]);
  }
  printf("\n");
  return 0;
}

int main(int count, char **arguments) {
  sqlite3 *database;
  char *message = NULL;
  if (sqlite3_open(":memory:", &database) != SQLITE_OK) return 1;
  for (int argument = 1; argument < count; argument++) {
    if (sqlite3_exec(database, arguments[argument], print, NULL, &message) != SQLITE_OK) {
      fprintf(stderr, "%s\n", message);
      return 1;
    }
  }
  return sqlite3_close(database) != SQLITE_OK;
}
