"""A large tree being armed: everybody is answered meanwhile, and told how far it is."""

import pytest

WATCHES = "/-/v1/watches"
DIRECTORIES, EACH = 80, 100


@pytest.fixture
def large(tmp_path):
    """8,081 directories, the root among them, and a file in each of the lowest."""
    root = tmp_path / "large"
    for outer in range(DIRECTORIES):
        for inner in range(EACH):
            place = root / str(outer) / str(inner)
            place.mkdir(parents=True)
            (place / "file").touch()
    return root


def test_the_first_crawl_is_told_while_it_lasts(daemon, directory, large):
    server = daemon(directory, flags=["--allow-root", directory.parent])

    def crawl(id):
        """What is told of the crawl of a new watch while it lasts, and after."""
        watch = server.request("PUT", f"{WATCHES}/{id}", {"root": str(large)}).json()
        told = []
        while watch["state"] == "crawling":
            assert watch["crawl"]["done"] is False
            told.append(watch["crawl"])
            watch = next(one for one in server.watches() if one["id"] == id)
        assert watch["state"] == "live"
        return told, watch["crawl"]

    # A machine that sleeps just then may see one only at its end: then another is watched.
    for attempt in range(20):
        told, end = crawl(f"large{attempt}")
        assert told, "a watch is answered before it has been crawled"
        assert end["done"] is True
        assert (end["directories"], end["files"]) == (DIRECTORIES * EACH + DIRECTORIES + 1, DIRECTORIES * EACH)
        for measure in ("directories", "files", "seconds"):
            values = [one[measure] for one in told] + [end[measure]]
            assert values == sorted(values), measure
        if len({one["directories"] for one in told}) > 2 and len({one["seconds"] for one in told}) > 2:
            return
    raise AssertionError("no crawl was ever seen under way")


def test_who_cannot_wait_for_the_crawl_is_told_to_come_again(daemon, directory, large):
    server = daemon(directory, flags=["--allow-root", directory.parent])
    for attempt in range(20):
        id = f"large{attempt}"
        server.request("PUT", f"{WATCHES}/{id}", {"root": str(large)})
        answers = [
            server.request("POST", f"{WATCHES}/{id}/sync", {"timeout": "0s"}),
            server.get(f"{WATCHES}/{id}/files?timeout=0s"),
        ]
        synced = server.request("POST", f"{WATCHES}/{id}/sync", {"timeout": "60s"})
        assert synced.status == 200, "with time enough it waits for the end of the crawl"
        assert server.get(f"{WATCHES}/{id}").json()["state"] == "live"
        if [answer.status for answer in answers] == [503, 503]:
            for answer in answers:
                assert answer.problem(503, "crawling")["recoverable"] is True
                assert int(answer["retry-after"]) >= 1
            return
    raise AssertionError("no crawl was ever seen under way")


def test_the_server_answers_before_its_own_root_is_crawled(started, large):
    for _ in range(20):
        server = started("daemon", "--root", large)
        (watch,) = server.watches()
        ready = server.get("/-/readyz")
        assert server.get("/-/healthz").status == 200
        server.only_watch()
        assert server.get("/-/readyz").status == 200
        if watch["state"] == "crawling" and ready.status == 503:
            return
        server.stop()
    raise AssertionError("the port was never open before the crawl had ended")
