"""Plays the cases of the Autobahn test suite against an echo server, under Python 3.

    play_autobahn.py SUITE URL [--cases 1.*,2.*] [--messages N] [--jobs N] [--json FILE]

SUITE is an unpacked autobahntestsuite 25.10.1. Each case gets a connection of its own, and several
processes play different cases side by side. A case has passed when the suite itself calls what it
saw, and how the connection was closed, OK, NON-STRICT or INFORMATIONAL.

Nearly all the time goes into the thousand messages of each case of sections 12 and 13: some 11 GB
that both ends compress and decompress, at zlib's pace.
"""

import argparse
import collections
import json
import multiprocessing
import multiprocessing.connection
import os
import pathlib
import signal
import sys
import time

from autobahn.twisted.websocket import (
    WebSocketClientFactory, WebSocketClientProtocol, connectWS)
from autobahn.websocket import USES_NVX
from twisted.internet import reactor

from published_cases import load, to_bytes, to_text

# Seconds the server has for each half of saying goodbye.
PATIENCE = 4
PASSED = {"OK", "NON-STRICT", "INFORMATIONAL"}


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

    def logRxFrame(self, header, payload):
        pass  # else each text is spelled out for a log nobody reads

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
        self.factory.worker.ended(self.factory.name, case.behavior, case.behaviorClose,
                                  f"{case.result} {case.resultClose}")


class Factory(WebSocketClientFactory):
    noisy = False

    def __init__(self, worker, name, case):
        super().__init__(worker.url)
        self.worker, self.name, self.case = worker, name, case
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
        self.worker.ended(self.name, "FAILED", "FAILED", reason.getErrorMessage())


class Worker:
    """One process of several: plays a few cases at a time, until all of them had their turn."""

    def __init__(self, options, turn, told):
        self.url, self.at_once = options.url, options.at_once
        self.cases = load(options.suite, options.cases, options.messages)
        self.names = list(self.cases)
        self.turn, self.told = turn, told
        self.began = {}

    def play(self):
        for _ in range(self.at_once):
            reactor.callWhenRunning(self.next)
        reactor.run()

    def next(self):
        with self.turn.get_lock():
            mine = self.turn.value
            self.turn.value += 1
        if mine < len(self.names):
            name = self.names[mine]
            self.began[name] = time.monotonic()
            connectWS(Factory(self, name, self.cases[name]))
            return
        self.at_once -= 1
        if not self.at_once:
            reactor.stop()

    def ended(self, name, behavior, closing, why):
        began = self.began.pop(name, None)
        if began is None:
            return
        reactor.callLater(0, self.next)
        self.told.send((name, dict(
            passed={behavior, closing} <= PASSED, behavior=behavior, closing=closing, why=why,
            seconds=round(time.monotonic() - began, 2))))


def work(*arguments):
    Worker(*arguments).play()


def play(options):
    """What the workers tell, by the number of the case, until the last has ended or the limit."""
    until = time.monotonic() + options.limit
    # Not forked, since each needs a reactor of its own.
    context = multiprocessing.get_context("spawn")
    turn = context.Value("i", 0)
    workers, results = {}, {}
    try:
        for _ in range(options.jobs):
            told, telling = context.Pipe(duplex=False)
            workers[told] = context.Process(target=work, args=(options, turn, telling))
            workers[told].start()
            telling.close()
        while workers and (left := until - time.monotonic()) > 0:
            for told in multiprocessing.connection.wait(list(workers), left):
                try:
                    name, result = told.recv()
                except EOFError:
                    workers.pop(told).join()
                    continue
                results[name] = result
                if not result["passed"]:
                    print("{}: {behavior}, closing {closing}: {why}".format(name, **result), flush=True)
    finally:
        for worker in workers.values():
            worker.kill()
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("suite", type=pathlib.Path)
    parser.add_argument("url")
    parser.add_argument("--cases", default="*", help="patterns, with commas between")
    parser.add_argument("--messages", type=int, help="at most so many a case, where it sends 1000")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)),
                        help="processes that play, as many as there are cores unless told")
    parser.add_argument("--at-once", type=int, default=2, help="cases that each of them plays")
    parser.add_argument("--limit", type=float, default=7200, help="seconds for all of them")
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()

    # Unwinds, so that the workers end too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    if not USES_NVX:
        print("autobahn has no NVX here: it masks and validates byte by byte, in hours", flush=True)
    wanted = list(load(options.suite, options.cases))
    began = time.monotonic()
    results = play(options)
    if options.json:
        ordered = {name: results[name] for name in wanted if name in results}
        options.json.write_text(json.dumps(ordered, indent=1))
    missing = [name for name in wanted if name not in results]
    if missing:
        print(f"never ended: {' '.join(missing)}")
    passed = sum(result["passed"] for result in results.values())
    print(f"{passed} of {len(wanted)} Autobahn cases passed in {time.monotonic() - began:.0f} s")
    sys.exit(passed != len(wanted) or not wanted)


if __name__ == "__main__":
    main()
