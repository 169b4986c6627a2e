/* Runs the Lua files that it is given, in order. */
#include <stdio.h>

#include "lauxlib.h"
#include "lua.h"
#include "lualib.h"

int main(int count, char **arguments) {
  lua_State *state = luaL_newstate();
  if (state == NULL) return 1;
  luaL_openlibs(state);
  for (int argument = 1; argument < count; argument++) {
    if (luaL_dofile(state, arguments[argument]) != LUA_OK) {
      fprintf(stderr, "%s\n", lua_tostring(state, -1));
      return 1;
    }
  }
  lua_close(state);
  return 0;
}
