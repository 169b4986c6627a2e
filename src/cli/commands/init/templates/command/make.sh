# make.sh TEMPLATE OUTPUT: writes the program.
set -e
sed 's/@greeting@/Hello/' "$1" > "$2"
chmod +x "$2"
