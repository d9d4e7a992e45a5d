"""A browser shows what is on disk: the script of Public/client.js in a real Chromium.

That something happened exactly once, or not at all, is never found out by waiting a while: a later
change of the stylesheet is the mark. When the page wears the new colour, everything before it has
been dealt with, since changes come in order and whatever is pending is done together.
"""

import signal
import struct
import zlib

import pytest

import chromium
from support import eventually

# Counts the times this page was loaded in this tab.
COUNTER = "<script>sessionStorage.loads = 1 + Number(sessionStorage.loads ?? 0)</script>"


def html(body="", head='<link rel="stylesheet" href="css/site.css">'):
    # An empty icon, so that the browser asks for none.
    icon = '<link rel="icon" href="data:,">'
    return f"<!doctype html><html><head>{icon}{head}</head><body>{COUNTER}{body}</body></html>"


def colour(number):
    return f"body {{ color: rgb({number}, {number}, {number}) }}"


def png(width):
    """A picture of that width, so that one can tell two apart."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, 1, 8, 0, 0, 0, 0)
    row = zlib.compress(b"\0" + bytes(width))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", row) + chunk(b"IEND", b"")


class Site:
    """A directory served to a browser that shows its first page."""

    def __init__(self, server, directory, browser):
        self.server, self.directory, self.browser = server, directory, browser
        self.mark = 0

    def write(self, name, content):
        file = self.directory / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())

    def show(self, page="/"):
        self.browser.open(self.server.url + page)
        return self

    def loads(self):
        return int(self.browser.value("sessionStorage.loads"))

    def wait_for_loads(self, number):
        self.eventually(lambda: self.loads() >= number, f"load number {number}")
        assert self.loads() == number

    def eventually(self, question, what):
        """Asks the page; while it navigates there is nobody to answer."""

        def ask():
            try:
                return question()
            except chromium.WebDriverError:
                return None

        return eventually(ask, what=what)

    def wears(self, number):
        wanted = f"rgb({number}, {number}, {number})"
        return self.browser.value("getComputedStyle(document.body).color") == wanted

    def wait_for_colour(self, number):
        self.eventually(lambda: self.wears(number), f"colour {number}")

    def pass_mark(self, stylesheet="css/site.css"):
        """Returns when the page has dealt with everything that happened until now."""
        self.mark += 1
        self.write(stylesheet, colour(100 + self.mark))
        self.wait_for_colour(100 + self.mark)

    def looked(self):
        """How often the page has asked for the state of its own files."""
        return self.browser.value(
            "performance.getEntriesByType('resource').filter(entry => entry.initiatorType === 'fetch').length"
        )

    def wait_for_looks(self, number):
        self.eventually(lambda: self.looked() >= number, f"{number} questions for files")


@pytest.fixture
def site(serve, directory, browser):
    site = Site(None, directory, browser)
    site.write("index.html", html())
    site.write("css/site.css", colour(1))
    site.server = serve(directory)
    return site.show()


# The page itself, its stylesheet and the script: what `html()` loads.
FILES = 3


def test_a_stylesheet_is_swapped_without_navigation(site):
    origin = site.browser.value("performance.timeOrigin")
    site.browser.run("window.untouched = true")
    site.write("css/site.css", colour(2))
    site.wait_for_colour(2)
    assert site.browser.value("performance.timeOrigin") == origin
    assert site.browser.value("window.untouched")
    assert site.loads() == 1
    site.eventually(
        lambda: site.browser.value("document.querySelectorAll('[rel=stylesheet]').length") == 1,
        "the old stylesheet to be gone",
    )


def test_the_page_is_never_without_its_stylesheet(site):
    """Between the old and the new sheet there is no moment with neither."""
    site.browser.run("""
        window.bare = 0
        const look = () => {
            if (getComputedStyle(document.body).color === 'rgb(0, 0, 0)') window.bare++
            requestAnimationFrame(look)
        }
        look()
    """)
    for number in range(2, 8):
        site.write("css/site.css", colour(number))
        site.wait_for_colour(number)
    assert site.browser.value("window.bare") == 0


def test_an_imported_stylesheet_is_renewed_too(site):
    site.write("css/base.css", colour(3))
    site.write("css/site.css", '@import "base.css";')
    site.wait_for_colour(3)
    site.write("css/base.css", colour(4))
    site.wait_for_colour(4)
    assert site.loads() == 1


def test_a_change_of_the_page_is_one_reload(site):
    site.write("index.html", html("<p id=new>new</p>"))
    site.wait_for_loads(2)
    assert site.browser.text("#new") == "new"
    site.pass_mark()
    assert site.loads() == 2


def test_a_page_and_its_stylesheet_together_are_one_reload(site):
    site.write("css/site.css", colour(5))
    site.write("index.html", html("<p>both</p>"))
    site.wait_for_loads(2)
    site.wait_for_colour(5)
    site.pass_mark()
    assert site.loads() == 2


def test_an_atomic_save_is_one_reload(site):
    site.write("index.html~", html("<p>saved</p>"))
    (site.directory / "index.html~").rename(site.directory / "index.html")
    site.wait_for_loads(2)
    site.pass_mark()
    assert site.loads() == 2


def test_two_hundred_files_at_once_are_one_reload(site):
    # Stopped meanwhile, so that they are at once however busy the machine is.
    site.server.signal(signal.SIGSTOP)
    for number in range(200):
        site.write(f"data/{number}.json", "{}")
    site.server.signal(signal.SIGCONT)
    site.wait_for_loads(2)
    site.pass_mark()
    assert site.loads() == 2


def test_what_no_page_shows_is_no_reload(site):
    for name in [
        "index.html~",
        ".index.html.swp",
        ".#index.html",
        "4913",
        "css/site.scss",
        "css/site.css.map",
        "notes.md",
        ".git/index",
        "app.ts",
        "unused.png",
    ]:
        site.write(name, "x")
    (site.directory / "empty").mkdir()
    site.pass_mark()
    assert site.loads() == 1


@pytest.mark.parametrize(
    "body, address",
    [
        ('<img id="it" src="a.png">', "document.getElementById('it').currentSrc"),
        ('<img id="it" srcset="a.png 1x, b.png 2x">', "document.getElementById('it').currentSrc"),
        (
            '<picture><source srcset="a.png"><img id="it"></picture>',
            "document.getElementById('it').currentSrc",
        ),
        (
            '<div id="it" style="background-image: url(a.png)">x</div>',
            "document.getElementById('it').style.backgroundImage",
        ),
    ],
    ids=["src", "srcset", "picture", "background"],
)
def test_an_image_is_swapped_without_navigation(site, body, address):
    site.write("a.png", png(1))
    site.write("index.html", html(body))
    site.wait_for_loads(2)
    before = site.browser.value(address)
    site.write("a.png", png(7))
    site.eventually(lambda: site.browser.value(address) != before, "another address")
    if "<img" in body:
        site.eventually(
            lambda: site.browser.value("document.getElementById('it').naturalWidth") in (7, 3.5),
            "the new picture",
        )
    site.pass_mark()
    assert site.loads() == 2


def test_an_image_only_a_stylesheet_shows_is_a_reload(site):
    site.write("a.png", png(1))
    site.write("css/site.css", colour(6) + "body { background: url(../a.png) }")
    site.wait_for_colour(6)
    site.eventually(
        lambda: site.browser.value(
            "performance.getEntriesByType('resource').some(e => e.name.includes('a.png'))"
        ),
        "the picture to be loaded",
    )
    site.write("a.png", png(7))
    site.wait_for_loads(2)


@pytest.mark.parametrize(
    "page",
    [
        "<p>no head, no body",
        "<title>a title alone</title><p>text",
        "<!doctype html><p>text</p></body>",
        "<!-- <head> --><p>a head in a comment",
        "text and nothing else ",
        "<template><body></body></template><p>text",
    ],
    ids=["fragment", "title", "body-end", "comment", "text", "template"],
)
def test_a_page_of_any_shape_reloads(site, page):
    site.write("shape.html", COUNTER.replace("loads", "shape") + page)
    site.show("/shape.html")
    site.write("shape.html", COUNTER.replace("loads", "shape") + page + "<p id=new>")
    site.eventually(lambda: site.browser.value("sessionStorage.shape") == "2", "the reload")


def test_a_missing_page_comes_when_its_file_is_written(site):
    site.show("/later.html")
    assert "Not found" in site.browser.text("h1")
    site.write("later.html", "<h1>here</h1>")
    site.eventually(lambda: site.browser.text("h1") == "here", "the page")


def test_what_happens_while_the_page_loads_is_not_missed(site):
    """Between the answer with the page and the subscription of its script lies time."""
    site.write("slow.html", html(head='<link rel="stylesheet" href="css/slow.css">'))
    for number in range(20, 30):
        site.write("css/slow.css", colour(number))
        site.show("/slow.html")
        site.write("css/slow.css", colour(number + 100))
        site.wait_for_colour(number + 100)


def test_a_restart_without_a_change_is_no_reload(site):
    site.wait_for_looks(FILES)
    site.server.restart()
    site.wait_for_looks(2 * FILES)
    site.pass_mark()
    assert site.loads() == 1


def test_a_page_changed_while_the_server_was_away_is_one_reload(site):
    site.wait_for_looks(FILES)
    site.server.stop()
    site.write("index.html", html("<p id=new>new</p>"))
    site.server.start(port=site.server.port)
    site.wait_for_loads(2)
    site.pass_mark()
    assert site.loads() == 2


def test_a_stylesheet_changed_while_the_server_was_away_is_swapped(site):
    site.wait_for_looks(FILES)
    site.server.stop()
    site.write("css/site.css", colour(8))
    site.server.start(port=site.server.port)
    site.wait_for_colour(8)
    site.pass_mark()
    assert site.loads() == 1


def test_a_file_of_no_concern_changed_while_the_server_was_away_is_no_reload(site):
    site.wait_for_looks(FILES)
    site.server.stop()
    site.write("another.html", "x")
    site.server.start(port=site.server.port)
    site.wait_for_looks(2 * FILES)
    site.pass_mark()
    assert site.loads() == 1


def test_a_page_swapped_and_then_restarted_knows_its_new_stylesheet(site):
    site.wait_for_looks(FILES)
    site.pass_mark()
    site.wait_for_looks(FILES + 1)
    links = site.browser.value("document.querySelector('[rel=stylesheet]').href")
    site.server.restart()
    site.wait_for_looks(2 * FILES + 1)
    assert site.browser.value("document.querySelector('[rel=stylesheet]').href") == links
    assert site.loads() == 1


def test_a_page_the_browser_brings_back_is_live_again(site):
    site.write("other.html", "<p>other")
    site.show("/other.html")
    site.browser.back()
    site.eventually(lambda: site.wears(1), "the first page")
    site.pass_mark()


def test_eight_tabs_load_and_reload(site):
    """Six open event streams would block the seventh tab of an origin; sockets do not count."""
    tabs = [site.browser.tabs[0]]
    for _ in range(7):
        tabs.append(site.browser.tab())
        site.show()
    eventually(lambda: len(site.server.get("/-/v1/clients").json()["clients"]) == 8, what="eight clients")
    site.write("index.html", html("<p id=new>new</p>"))
    for tab in tabs:
        site.browser.show(tab)
        site.wait_for_loads(2)
        assert site.browser.text("#new") == "new"


def test_the_script_fits_in_four_kilobytes_and_complains_about_nothing(site):
    script = site.server.get("/-/client.js")
    assert len(script.body) <= 4096
    site.pass_mark()
    assert site.browser.console() == []
