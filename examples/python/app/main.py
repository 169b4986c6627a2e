import sys

import greeting


def main():
    for name in sys.argv[1:] or ["world"]:
        print(greeting.greet(name))
