"""The cases of the Autobahn test suite as they are published, for Python 3.

The suite, autobahntestsuite 25.10.1, is written for Python 2. Its case classes are translated in
memory while they are imported, and nothing on disk is changed.

In Python 2 a string of bytes and a text are one. The case modules are therefore read as Latin-1,
so that every byte of a payload becomes the character of that number; bytes are made of them when
a case sends, and such characters of bytes when it receives. Sections 12 and 13 are written for
bytes already.
"""

import binascii
import fnmatch
import importlib.abc
import importlib.util
import pathlib
import re
import sys
import types

from autobahn.websocket.utf8validator import Utf8Validator

# A thousand messages there and back have so many times the seconds they give themselves, which are
# meant for a machine that does nothing else.
LEISURE = 5


def to_bytes(text):
    return text.encode("latin-1") if isinstance(text, str) else text


def to_text(data):
    return bytes(data).decode("latin-1")


class Python2Validator:
    """Utf8Validator for texts whose characters stand for bytes."""

    def __init__(self):
        self.validator = Utf8Validator()

    def validate(self, text):
        return self.validator.validate(to_bytes(text))

    def reset(self):
        self.validator.reset()


class Translator(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports the suite's `case` package as `cases`."""

    def __init__(self, suite):
        self.folder = suite / "autobahntestsuite" / "case"
        # What the cases import that is gone or has changed.
        self.provide("python2_binascii", hexlify=lambda data: binascii.hexlify(to_bytes(data)).decode(),
                     b2a_hex=lambda data: binascii.hexlify(to_bytes(data)).decode())
        self.provide("python2_resources",
                     resource_filename=lambda _, name: str(suite / "autobahntestsuite" / name))
        self.provide("python2_validator", Utf8Validator=Python2Validator)

    @staticmethod
    def provide(name, **contents):
        module = types.ModuleType(name)
        vars(module).update(contents)
        sys.modules[name] = module

    def find_spec(self, name, path=None, target=None):
        if name != "cases" and not name.startswith("cases."):
            return None
        file = self.folder / (name.partition(".")[2] or "__init__")
        file = file.with_suffix(".py")
        if not file.exists():
            return None
        return importlib.util.spec_from_loader(
            name, self, origin=str(file), is_package=name == "cases")

    def exec_module(self, module):
        origin = pathlib.Path(module.__spec__.origin)
        code = self.translate(origin.stem, origin.read_text(encoding="latin-1"))
        exec(compile(code, str(origin), "exec"), vars(module))

    @staticmethod
    def translate(name, code):
        rules = [
            (r"(?m)\A((?:.*\n){0,2}?)#.*coding[:=].*$", r"\1#"),
            (r"(?m)^(\s*)print[ \t]+(.+)$", r"\1print(\2)"),
            (r"(?m)^(\s*)print[ \t]*$", r"\1print()"),
            (r"\bxrange\(", "range("),
            (r"\bunichr\(", "chr("),
            (r"\(object, Case, \)", "(Case, )"),
            # One that the suite itself does not list, and that needs a library that is gone.
            (r"(?m)^from case9_9_1 import.*$", ""),
            (r"(?m)^from (case\w*) import", r"from .\1 import"),
            (r"(?m)^(import .*)\bbinascii\b", r"\1python2_binascii as binascii"),
            (r"(?m)^(import .*)\bpkg_resources\b", r"\1python2_resources as pkg_resources"),
            (r"(?m)^from autobahn\.websocket\.utf8validator import", "from python2_validator import"),
        ]
        if name == "case12_x_x":
            # Later releases of autobahn write these parameters in the other way.
            rules.append((r"\b(request|accept)(NoContextTakeover|MaxWindowBits)\b",
                          lambda match: match[1] + re.sub("[A-Z]", lambda c: "_" + c[0].lower(), match[2])))
        if name == "case10_1_1":
            rules.append((r"len\(self\.payload\) / self\.p", "len(self.payload) // self.p"))
        for pattern, replacement in rules:
            code = re.sub(pattern, replacement, code)
        return code


def number(name):
    return [int(part) for part in name.split(".")]


def load(suite, patterns="*", messages=None):
    """The case classes of an unpacked suite by their numbers ("12.1.3"), in the suite's order.

    Those whose number one of the patterns fits, with commas between. Where `messages` is given,
    a case that counts its messages sends at most so many.
    """
    sys.meta_path.insert(0, Translator(suite))
    import cases
    from cases.case import Case

    # Equal values need not be pickled to equal bytes any more: they are compared as what they are.
    Case.compare = lambda self, one, other: one == other
    wanted = {}
    for case in cases.Cases:
        name = case.__name__.removeprefix("Case").replace("_", ".")
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns.split(",")):
            wanted[name] = case
        if messages and hasattr(case, "COUNT"):
            case.COUNT = min(case.COUNT, messages)
        if hasattr(case, "WAITSECS"):
            case.WAITSECS *= LEISURE
    return {name: wanted[name] for name in sorted(wanted, key=number)}
