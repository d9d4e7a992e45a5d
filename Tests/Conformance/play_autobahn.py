"""Plays the cases of the Autobahn test suite against an echo server, under Python 3.

    play_autobahn.py SUITE URL [--cases 1.*,2.*] [--messages N] [--json FILE]

SUITE is an unpacked autobahntestsuite 25.10.1, which is written for Python 2. Its case classes are
used as they are published: they are translated in memory while they are imported, and nothing on
disk is changed. Each case gets a connection of its own. A case has passed when the suite itself
calls what it saw, and how the connection was closed, OK, NON-STRICT or INFORMATIONAL.

In Python 2 a string of bytes and a text are one. The case modules are therefore read as Latin-1,
so that every byte of a payload becomes the character of that number; bytes are made of them when
a case sends, and such characters of bytes when it receives. Sections 12 and 13 are written for
bytes already.
"""

import argparse
import binascii
import collections
import fnmatch
import importlib.abc
import importlib.util
import json
import pathlib
import re
import sys
import time
import types

from autobahn.twisted.websocket import (
    WebSocketClientFactory, WebSocketClientProtocol, connectWS)
from autobahn.websocket.utf8validator import Utf8Validator
from twisted.internet import reactor

# Seconds the server has for each half of saying goodbye.
PATIENCE = 4
# A thousand messages there and back have so many times the seconds they give themselves, which are
# meant for a machine that does nothing else.
LEISURE = 5
PASSED = {"OK", "NON-STRICT", "INFORMATIONAL"}


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


class Player(WebSocketClientProtocol):
    """Plays one case: what the case's class asks of its connection, and what it is told."""

    # Read by the cases too.
    connectionWasOpen = False

    def connectionMade(self):
        self.txFrameStats = collections.Counter()
        self.createWirelog = True
        super().connectionMade()

    def enableWirelog(self, on):
        self.createWirelog = on

    def continueLater(self, delay, action, tag=None):
        self.later(delay, action)

    def killAfter(self, delay):
        self.later(delay, self._fail_connection)

    def closeAfter(self, delay):
        self.later(delay, self.sendClose)

    def later(self, delay, action):
        reactor.callLater(delay, lambda: self.state == self.STATE_CLOSED or action())

    def logTxFrame(self, header, payload, *rest):
        self.txFrameStats[header.opcode] += 1

    def sendFrame(self, opcode, payload=b"", **options):
        super().sendFrame(opcode, to_bytes(payload), **options)

    def sendMessage(self, payload, isBinary=False, **options):
        super().sendMessage(to_bytes(payload), bool(isBinary), **options)

    def sendMessageFrameData(self, payload, sync=False):
        return super().sendMessageFrameData(to_bytes(payload), sync)

    def sendCloseFrame(self, code=None, reasonUtf8=None, isReply=False):
        super().sendCloseFrame(code, to_bytes(reasonUtf8), isReply)

    def onOpen(self):
        self.connectionWasOpen = True
        self.runCase.onOpen()

    def onMessage(self, message, binary):
        self.runCase.onMessage(message if self.factory.speaks_bytes else to_text(message), binary)

    def onPong(self, payload):
        self.runCase.onPong(to_text(payload))

    def onClose(self, clean, code, reason):
        self.runCase.onClose(clean, code, reason)

    def connectionLost(self, reason):
        super().connectionLost(reason)
        case = self.runCase
        try:
            case.onConnectionLost(self.failedByMe)
        except Exception as error:  # a case that never got as far as having an opinion
            case.behavior, case.result = "FAILED", repr(error)
        if not self.connectionWasOpen:
            case.behavior = "FAILED"  # else what is only informational passes with nobody there
        self.factory.run.ended(self.factory.name, case.behavior, case.behaviorClose,
                               f"{case.result} {case.resultClose}")


class Factory(WebSocketClientFactory):
    noisy = False

    def __init__(self, run, name, case):
        super().__init__(run.url)
        self.run, self.name, self.case = run, name, case
        self.speaks_bytes = name.split(".")[0] in ("12", "13")
        self.logFrames = True
        self.setProtocolOptions(failByDrop=False, openHandshakeTimeout=10,
                                closeHandshakeTimeout=PATIENCE, serverConnectionDropTimeout=PATIENCE)

    def buildProtocol(self, address):
        player = Player()
        player.factory = self
        player.runCase = self.case(player)
        return player

    def clientConnectionFailed(self, connector, reason):
        self.run.ended(self.name, "FAILED", "FAILED", reason.getErrorMessage())


class Run:
    """All the cases that were asked for, a few at a time."""

    def __init__(self, url, cases):
        self.url, self.cases = url, cases
        self.waiting = list(cases)
        self.results = {}

    def play(self, at_once, limit):
        for _ in range(min(at_once, len(self.waiting))):
            reactor.callWhenRunning(self.next)
        reactor.callLater(limit, reactor.stop)
        reactor.run()

    def next(self):
        if self.waiting:
            name = self.waiting.pop(0)
            connectWS(Factory(self, name, self.cases[name]))

    def ended(self, name, behavior, closing, why):
        if name in self.results:
            return
        passed = {behavior, closing} <= PASSED
        self.results[name] = dict(passed=passed, behavior=behavior, closing=closing, why=why)
        if not passed:
            print(f"{name}: {behavior}, closing {closing}: {why}", flush=True)
        if len(self.results) < len(self.cases):
            reactor.callLater(0, self.next)
        elif reactor.running:
            reactor.stop()


def number(name):
    return [int(part) for part in name.split(".")]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("suite", type=pathlib.Path)
    parser.add_argument("url")
    parser.add_argument("--cases", default="*", help="patterns, with commas between")
    parser.add_argument("--messages", type=int, help="at most so many a case, where it sends 1000")
    parser.add_argument("--at-once", type=int, default=4)
    parser.add_argument("--limit", type=float, default=7200, help="seconds for all of them")
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()

    sys.meta_path.insert(0, Translator(options.suite))
    import cases
    from cases.case import Case

    # Equal values need not be pickled to equal bytes any more: they are compared as what they are.
    Case.compare = lambda self, one, other: one == other
    wanted = {}
    for case in cases.Cases:
        name = case.__name__.removeprefix("Case").replace("_", ".")
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in options.cases.split(",")):
            wanted[name] = case
        if options.messages and hasattr(case, "COUNT"):
            case.COUNT = min(case.COUNT, options.messages)
        if hasattr(case, "WAITSECS"):
            case.WAITSECS *= LEISURE
    began = time.monotonic()
    run = Run(options.url, {name: wanted[name] for name in sorted(wanted, key=number)})
    run.play(options.at_once, options.limit)
    if options.json:
        options.json.write_text(json.dumps(run.results, indent=1))
    passed = sum(result["passed"] for result in run.results.values())
    print(f"{passed} of {len(wanted)} Autobahn cases passed in {time.monotonic() - began:.0f} s")
    sys.exit(passed != len(wanted) or not wanted)


if __name__ == "__main__":
    main()
