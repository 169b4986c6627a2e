"""Greets people as `greeting.txt` says."""

import pkgutil

TEXT = pkgutil.get_data(__name__, "greeting.txt").decode().strip()


def greet(name):
    return TEXT.format(name=name)
