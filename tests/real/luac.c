/* Compiles a Lua file: luac SOURCE OUTPUT. */
#include <stdio.h>

#include "lauxlib.h"
#include "lua.h"

static int append(lua_State *state, const void *bytes, size_t size, void *file) {
  (void)state;
  return fwrite(bytes, 1, size, file) != size;
}

int main(int count, char **arguments) {
  if (count != 3) return 2;
  lua_State *state = luaL_newstate();
  if (state == NULL || luaL_loadfile(state, arguments[1]) != LUA_OK) return 1;
  FILE *file = fopen(arguments[2], "wb");
  if (file == NULL) return 1;
  int failed = lua_dump(state, append, file, 1);
  failed |= fclose(file);
  lua_close(state);
  return failed != 0;
}
