"""What the plugin `python` runs: `python_tool.py COMMAND ARGUMENT...`. Needs Python 3.8 and nothing else.

    compile TREE DIGEST MANIFEST ROOT...    copies the files of a manifest to TREE, and compiles those in Python
    gather TREE DIGEST FROM...              copies trees into one
    wheel FILE TREE METADATA                packs a tree as a wheel
    test PATH... -m MODULE... -- ARGUMENT...    runs tests with unittest

The same files give the same bytes, wherever and whenever they lie. DIGEST is a file that changes with the tree.
"""

import base64
import hashlib
import importlib.util
import json
import os
import py_compile
import shutil
import sys
import zipfile


def compile_tree(tree, digest, manifest, *roots):
    with open(manifest, encoding="utf-8") as file:
        entries = json.load(file)
    for root, path, to in entries:
        target = os.path.join(tree, to)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if os.path.lexists(target):
            sys.exit(f"Two sources are both `{to}`; the second is {path}")
        shutil.copyfile(os.path.join(roots[root], path), target)
        if os.access(os.path.join(roots[root], path), os.X_OK):
            os.chmod(target, 0o755)
    # In one order and one process: what a compiled file says of shared constants depends on what was compiled before.
    failed = [to for _, _, to in sorted(entries, key=lambda entry: entry[2]) if not compiled(tree, to)]
    if failed:
        sys.exit(1)
    write_digest(tree, digest)


def compiled(tree, name):
    if not name.endswith(".py"):
        return True
    source = os.path.join(tree, name)
    try:
        py_compile.compile(
            source,
            cfile=importlib.util.cache_from_source(source),
            dfile=name,
            doraise=True,
            # Nobody edits these sources, and times are not the same on every machine.
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
    except py_compile.PyCompileError as error:
        print(error.msg.rstrip(), file=sys.stderr)
        return False
    return True


def gather(tree, digest, *trees):
    os.makedirs(tree, exist_ok=True)
    for from_ in trees:
        for name in names(from_):
            source, target = os.path.join(from_, name), os.path.join(tree, name)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            if os.path.lexists(target) and content(source) != content(target):
                sys.exit(f"Two of the packages that the program uses have a file `{name}`; one is {from_}")
            shutil.copyfile(source, target)
            shutil.copymode(source, target)
    write_digest(tree, digest)


def wheel(path, tree, metadata):
    with open(metadata, encoding="utf-8") as file:
        given = json.load(file)
    information = given["Information"]
    entries = [(name, content(os.path.join(tree, name))) for name in names(tree) if "__pycache__" not in name.split("/")]
    entries += [(f"{information}/{name}", text.encode()) for name, text in given["Files"].items()]
    entries.sort()
    record = "".join(f"{quoted(name)},sha256={hashed(data)},{len(data)}\n" for name, data in entries)
    name = f"{information}/RECORD"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries + [(name, f"{record}{name},,\n".encode())]:
            # The first moment that an archive knows.
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, data)


def hashed(data):
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")


def quoted(field):
    return '"%s"' % field.replace('"', '""') if any(mark in field for mark in ',"\n') else field


def test(*arguments):
    import unittest

    end = arguments.index("--")
    middle = arguments.index("-m")
    sys.path[0:1] = arguments[:middle]
    modules = list(arguments[middle + 1 : end])
    # Arguments of the user take the place of the names, as with unittest's own command.
    chosen = list(arguments[end + 1 :])
    named = any(not one.startswith("-") for one in chosen)
    unittest.main(module=None, argv=["python -m unittest", *chosen, *([] if named else modules)])


def names(tree):
    """The files of a tree, sorted, with slashes."""
    found = []
    for directory, _, files in os.walk(tree):
        below = os.path.relpath(directory, tree)
        found += [name if below == "." else f"{below}/{name}" for name in files]
    return sorted(found)


def content(path):
    with open(path, "rb") as file:
        return file.read()


def write_digest(tree, digest):
    hasher = hashlib.sha256()
    for name in names(tree):
        hasher.update(f"{name}\0{hashed(content(os.path.join(tree, name)))}\n".encode())
    with open(digest, "w", encoding="utf-8") as file:
        file.write(hasher.hexdigest() + "\n")


if __name__ == "__main__":
    commands = {"compile": compile_tree, "gather": gather, "wheel": wheel, "test": test}
    commands[sys.argv[1]](*sys.argv[2:])
