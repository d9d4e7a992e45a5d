"""Files and streams over HTTP: issue D's figures."""

import re
import shutil
import subprocess
import time
from contextlib import contextmanager

import delivering
from measure import OTHERS, TIDINGS, Program, Scratch, Table, Unmeasured, eventually, free_port, in_turns, is_open

NGINX = """
daemon off; worker_processes 1; pid {work}/pid; error_log {work}/errors warn;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; keepalive_requests 1000000000;
  client_body_temp_path {work}/b; proxy_temp_path {work}/p; fastcgi_temp_path {work}/f;
  uwsgi_temp_path {work}/u; scgi_temp_path {work}/s;
  server {{ listen 127.0.0.1:{port}{http2}; root {site}; }}
}}
"""


@contextmanager
def site(name, http2):
    with Scratch() as root, Scratch() as work:
        root.chmod(0o755)
        (root / "file.txt").write_bytes(b"x" * 1024)
        port = free_port()
        command = [TIDINGS, "serve", root, "--port", port, "--loops", "1"]
        if name == "nginx":
            if not shutil.which("nginx"):
                raise Unmeasured("nginx is not installed")
            configuration = NGINX.format(work=work, port=port, site=root, http2=" http2" if http2 else "")
            (work / "configuration").write_text(configuration)
            command = ["nginx", "-p", work, "-c", work / "configuration"]
        with Program(*command) as program:
            eventually(lambda: is_open(port), what="listening")
            time.sleep(0.5)
            yield program, port


def h2load(*words):
    if not shutil.which("h2load"):
        raise Unmeasured("h2load is not installed")
    return ["taskset", "-c", ",".join(map(str, OTHERS)), "h2load", "-t1", *map(str, words)]


def per_request(name, connections, requests, http2):
    """Microseconds of CPU."""
    with site(name, http2) as (program, port):
        url = f"http://127.0.0.1:{port}/file.txt"
        words = [f"-c{connections}", f"-n{requests}", url]
        command = h2load("-m8", *words) if http2 else h2load("--h1", *words)
        before = program.cpu()
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        used = program.cpu() - before
        if f"{requests} succeeded" not in told:
            raise Unmeasured(re.search(r"requests:.*|$", told)[0])
        return used / requests * 1e6


def per_stream_delivery(http2, changes):
    """Microseconds of CPU for one event to one of 1,000 streams."""
    with Scratch() as root, delivering.server("tidings-sse", root) as (program, port):
        url = f"http://127.0.0.1:{port}/-/v1/events?kinds=create"
        words = ("-c100", "-m10") if http2 else ("--h1", "-c1000")
        with Program(*h2load(*words, "-n1000", "-T60", "-N60", url), cpus=OTHERS):
            counter = delivering.Clients(port, 1, "sse")
            eventually(lambda: streams(port) == 1001, what="opening 1,000 streams")
            files = delivering.Files(root)
            before = program.cpu()
            for change in range(changes):
                files.make()
                counter.wait_for(change + 1)
                time.sleep(0.03)
            used = program.cpu() - before
            if streams(port) != 1001:
                raise Unmeasured("streams were lost")
            return used / (changes * 1001) * 1e6


def streams(port):
    """How many follow something, by the server's own count."""
    told = subprocess.run(
        ["curl", "-sf", f"http://127.0.0.1:{port}/-/metrics"], capture_output=True, text=True
    ).stdout
    return sum(int(count) for count in re.findall(r"^tidings_streams_inflight\{[^}]*\} (\d+)$", told, re.MULTILINE))


def files(size):
    table = Table("CPU per request for a file of 1 KiB, by h2load")
    for what, connections, http2 in (
        ("one connection", 1, False),
        ("64 connections", 64, False),
        ("64 connections, HTTP/2", 64, True),
    ):
        requests = size.requests // (4 if connections == 1 else 1)
        found = in_turns(
            size.repetitions,
            **{name: lambda name=name: per_request(name, connections, requests, http2) for name in ("tidings", "nginx")},
        )
        # At least 0.8 of nginx's requests for each second.
        table.row(what, found["tidings"], "µs", found["nginx"], "nginx", most=1.25)


def multiplexed(size):
    table = Table("CPU per delivery to 1,000 event streams")
    found = in_turns(
        size.repetitions,
        h1=lambda: per_stream_delivery(False, size.changes // 2),
        h2=lambda: per_stream_delivery(True, size.changes // 2),
    )
    table.row("over 100 connections of HTTP/2", found["h2"], "µs", found["h1"], "1,000 of HTTP/1.1", most=1.5)
