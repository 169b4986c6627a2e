/* Runs the Lua program that it is given on the command line, and prints what it returns. */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>

int main(int count, char **arguments) {
  const char *program = count > 1 ? arguments[1] : "return _VERSION";
  lua_State *lua = luaL_newstate();
  if (lua == NULL) {
    fprintf(stderr, "no memory\n");
    return 1;
  }
  luaL_openlibs(lua);
  int is_bad = luaL_dostring(lua, program);
  for (int value = 1; value <= lua_gettop(lua); value++) {
    fprintf(is_bad ? stderr : stdout, "%s\n", luaL_tolstring(lua, value, NULL));
    lua_pop(lua, 1);
  }
  lua_close(lua);
  return is_bad;
}
