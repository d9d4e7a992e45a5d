"""`/-/metrics`, read as strictly as Prometheus reads it."""

import math
import re

from client import Connection
from support import eventually

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*\Z")
SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? ([^ ]+)\Z")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|\Z)')
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("",), "gauge": ("",)}


def parse(text):
    """Family name → (type, {(sample name, labels): value}). The text format, version 0.0.4: one HELP
    and one TYPE before the samples of a family, which stand together; no sample twice; counters end
    in _total and do not fall below zero; buckets ascend and end in +Inf, which is the count."""
    assert text.endswith("\n") and "\n\n" not in text
    families, help, current = {}, {}, None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            _, _, name, words = line.split(" ", 3)
            assert NAME.match(name) and name not in help and words.strip(), line
            help[name] = words
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name in help and name not in families and kind in SUFFIXES, line
            families[name] = (kind, {})
            current = name
        else:
            found = SAMPLE.match(line)
            assert found, f"not a sample: {line!r}"
            name, labels, value = found.groups()
            kind, samples = families[current]
            assert name.startswith(current) and name[len(current) :] in SUFFIXES[kind], line
            pairs, rest = [], labels or ""
            while rest:
                label = LABEL.match(rest)
                assert label, f"bad labels: {line!r}"
                pairs.append(label.groups())
                rest = rest[label.end() :]
            assert len({key for key, _ in pairs}) == len(pairs), line
            key = (name, tuple(sorted(pairs)))
            assert key not in samples, f"twice: {line}"
            samples[key] = float(value)
    for name, (kind, samples) in families.items():
        assert samples, f"{name} has no sample"
        if kind == "counter":
            assert all(value >= 0 for value in samples.values()), name
        if kind == "histogram":
            buckets = [(float(dict(k[1])["le"]), v) for k, v in samples.items() if k[0].endswith("_bucket")]
            assert [bound for bound, _ in buckets] == sorted(bound for bound, _ in buckets)
            assert [count for _, count in buckets] == sorted(count for _, count in buckets)
            assert math.isinf(buckets[-1][0]) and buckets[-1][1] == samples[(f"{name}_count", ())]
    return families


def metrics(server):
    answer = server.get("/-/metrics")
    assert answer.status == 200
    assert answer["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return parse(answer.body.decode())


def value(families, name, **labels):
    family = re.sub(r"_(bucket|sum|count)\Z", "", name) if name not in families else name
    return families[family][1].get((name, tuple(sorted(labels.items()))), 0)


def test_it_is_what_prometheus_reads(daemon, directory):
    families = metrics(daemon(directory))
    for name, (kind, _) in families.items():
        if name.startswith("tidings_") and kind == "counter":
            assert name.endswith("_total"), name
        if kind != "counter":
            assert not name.endswith("_total"), name


def test_it_counts_what_happens(daemon, directory):
    server = daemon(directory, flags=["--settle", "0ms"])
    watch = server.only_watch()
    before = metrics(server)
    assert value(before, "tidings_watches", state="live") == 1
    assert value(before, "tidings_kernel_watches") >= 1
    with server.events() as one, server.events() as other, Connection(server.address) as lines:
        lines.send_request("GET", "/-/v1/events?format=ndjson&since=zzzzzzzz-1&watch=" + watch["id"])
        assert lines.read_response().status == 410
        for stream in (one, other):
            stream.expect("hello")
        with server.events("since=zzzzzzzz-1") as lost:
            lost.until("reset")
        for number in range(20):
            (directory / f"{number}").mkdir()
        for stream in (one, other):
            stream.until(lambda event: event.get("path") == "19")

        def counted():
            now = metrics(server)
            # The socket is counted when it is closed, a turn after the client closed it.
            return now if value(now, "tidings_disconnects_total", transport="sse", reason="peer") else None

        now = eventually(counted)
        assert value(now, "tidings_connections_inflight", transport="sse") == 2
        assert value(now, "tidings_subscriptions_inflight") == 2
        assert value(now, "tidings_resets_total", reason="epoch") == 1
        assert value(now, "tidings_changes_total", watch=watch["id"]) >= 20
        assert value(now, "tidings_event_lag_seconds_count") >= 2
        assert value(now, "tidings_event_lag_seconds_sum") > 0
        assert value(now, "tidings_bytes_sent_total", transport="sse") > 20 * 2 * 100
        assert value(now, "tidings_events_sent_total") >= 40
        assert value(now, "tidings_history_records") >= 20
        for name in ("tidings_connections_accepted_total", "tidings_send_syscalls_total", "process_cpu_seconds_total"):
            assert value(now, name) > value(before, name), name
    assert value(now, "process_open_fds") >= 5
    assert value(now, "process_resident_memory_bytes") > 1 << 20


def test_history_that_is_dropped_is_counted(daemon, directory):
    server = daemon(directory, flags=["--settle", "0ms", "--history", "10,1MiB"])
    server.only_watch()
    with server.events() as stream:
        stream.expect("hello")
        for number in range(50):
            (directory / f"{number}").mkdir()
            stream.until(lambda event, name=str(number): event.get("path") == name)
    families = metrics(server)
    assert value(families, "tidings_history_evicted_total") >= 40
    assert value(families, "tidings_history_records") <= 10
    assert value(families, "tidings_history_capacity") == 10
    assert value(families, "tidings_history_capacity_bytes") == 1 << 20


def test_it_counts_what_compression_shares(daemon, directory):
    """Two readers of the same text on one loop: one group, whose text is compressed once."""
    server = daemon(directory, flags=["--settle", "0ms", "--loops", "1"])
    with Connection(server.address) as one, Connection(server.address) as other:
        for connection in (one, other):
            connection.send_request("GET", "/-/v1/events", accept_encoding="gzip")
            assert connection.read_head()["content-encoding"] == "gzip"
        (directory / "a").mkdir()

        def counted():
            now = metrics(server)
            return now if value(now, "tidings_compression_output_bytes_total") else None

        now = eventually(counted)
        assert value(now, "tidings_compression_groups_inflight") == 1
        assert value(now, "tidings_compression_members_inflight") == 2
        text = value(now, "tidings_compression_input_bytes_total")
        assert 100 < text < 1000
        assert value(now, "tidings_compression_output_bytes_total") < text

    def left():
        now = metrics(server)
        return now if value(now, "tidings_compression_groups_inflight") == 0 else None

    now = eventually(left)
    assert value(now, "tidings_compression_members_inflight") == 0
    assert value(now, "tidings_compression_input_bytes_total") == text
