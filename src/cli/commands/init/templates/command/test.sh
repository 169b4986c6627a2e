# test.sh PROGRAM: tests it.
got=$("$1" you)
if [ "$got" != 'Hello, you!' ]; then
  echo "greet you: \"$got\"" >&2
  exit 1
fi
