"""deploy/bench's tables. Every ratio is of one run: what is compared took turns."""

import argparse
from dataclasses import dataclass

import delivering
import serving
import watching
from measure import raise_descriptor_limit


@dataclass
class Size:
    """How much of everything."""

    repetitions: int = 3
    changes: int = 200
    clients: int = 10_000
    flood: int = 70_000
    entries: int = 80_000
    extracts: bool = True
    directories: int = 100_000
    files: int = 200_000
    seconds: int = 10
    requests: int = 40_000


SHORT = Size(
    repetitions=1,
    changes=40,
    clients=1_000,
    flood=20_000,
    entries=20_000,
    extracts=False,
    directories=10_000,
    files=50_000,
    seconds=3,
    requests=10_000,
)

TABLES = {
    "deliveries": delivering.deliveries,
    "clients": delivering.clients,
    "compressed": delivering.compressed,
    "floods": watching.floods,
    "rests": watching.rests,
    "files": serving.files,
    "streams": serving.multiplexed,
}


def main():
    options = argparse.ArgumentParser(prog="deploy/bench", description="Figures beside floors and peers.")
    options.add_argument("--short", action="store_true", help="less of everything, once: under two minutes")
    options.add_argument("tables", nargs="*", metavar="TABLE", help=f"of {', '.join(TABLES)} (all)")
    chosen = options.parse_args()
    for name in chosen.tables:
        if name not in TABLES:
            options.error(f"there is no table {name}; there are {', '.join(TABLES)}")
    size = SHORT if chosen.short else Size()
    # Each client is a descriptor at both ends, the server's in its own process.
    size.clients = min(size.clients, raise_descriptor_limit() * 7 // 10)
    for name in chosen.tables or TABLES:
        TABLES[name](size)


main()
