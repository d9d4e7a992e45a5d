"""The dashboard at /-/, in a real Chromium: what is watched, what happens, who follows."""

import os

import pytest

from support import eventually


@pytest.fixture
def dashboard(serve, directory, browser):
    """A dashboard that is live, with the site's watch in its list."""
    server = serve(directory)
    browser.open(f"{server.url}/-/")
    eventually(lambda: browser.text("#link") == "live", what="the dashboard to be live")
    eventually(lambda: rows(browser, "#watches > li"), what="the watch in the list")
    browser.server = server
    return browser


def rows(browser, selector):
    """The text of each row, as it is in the document."""
    return browser.run(
        "return [...document.querySelectorAll(arguments[0])].map(row => row.innerText)", selector)


def logged(browser):
    """Kind and path of each event shown, the oldest first."""
    return browser.run("""
        return [...document.querySelectorAll('#log li')].reverse().map(
            row => [row.querySelector('.kind').textContent, row.querySelector('.path').textContent])
    """)


def wait_until_logged(browser, *event):
    eventually(lambda: list(event) in logged(browser), what=f"{event} in the log")


def test_changes_appear_with_their_kind(dashboard, directory):
    (directory / "a.html").write_text("one")
    wait_until_logged(dashboard, "create", "a.html")
    (directory / "a.html").write_text("two, longer")
    wait_until_logged(dashboard, "modify", "a.html")
    (directory / "a.html").rename(directory / "b.html")
    wait_until_logged(dashboard, "move", "a.html → b.html")
    (directory / "b.html").unlink()
    wait_until_logged(dashboard, "delete", "b.html")
    (directory / "docs").mkdir()
    wait_until_logged(dashboard, "create", "docs/")
    kinds = [kind for kind, _ in logged(dashboard)]
    assert kinds == ["create", "modify", "move", "delete", "create"]


@pytest.mark.parametrize("name, shown", [
    (b"<img src=x onerror=document.title='run'>", "<img src=x onerror=document.title='run'>"),
    (b"<script>document.title='run'<\xc7\x80script>", "<script>document.title='run'<ǀscript>"),
    (b"a\nb", "a\\nb"),
    (b"a\x1b[31mb", "aU+001B[31mb"),
    ("a\u202egpj.exe".encode(), "aU+202Egpj.exe"),
    (b"caf\xe9 \xc3\xa9", "caf\\xe9 é"),
    (b"x" * 255, "x" * 255),
], ids=["element", "script", "newline", "escape", "direction", "not-utf-8", "longest"])
def test_a_name_is_text_whatever_it_holds(dashboard, directory, name, shown):
    with open(os.path.join(os.fsencode(directory), name), "w"):
        pass
    wait_until_logged(dashboard, "create", shown)
    assert dashboard.value("document.querySelectorAll('#log img, #log script').length") == 0
    assert dashboard.value("document.title") == "Tidings"
    row = rows(dashboard, "#log li")[0]
    assert ("not UTF-8" in row) == (b"\xe9 " in name)


@pytest.mark.parametrize("words, kept", [
    ("css", ["css/site.css"]),
    ("SITE", ["css/site.css"]),
    ("*.html", ["index.html"]),
    ("**/*.{css,js}", ["css/site.css", "js/app.js"]),
    ("js/", ["js/app.js"]),
    ("kind:delete", []),
    ("kind:create app", ["js/app.js"]),
    ("nothing", []),
])
def test_the_filter_shows_what_matches(dashboard, directory, words, kept):
    for folder in ("css", "js"):
        (directory / folder).mkdir()
    for name in ("css/site.css", "js/app.js", "index.html"):
        (directory / name).write_text("x")
    wait_until_logged(dashboard, "create", "index.html")
    dashboard.type("#filter", words)
    assert sorted(path for _, path in logged(dashboard) if not path.endswith("/")) == kept
    assert dashboard.value("document.getElementById('log-empty').hidden") == bool(logged(dashboard))
    # What comes later is filtered as well: the mark shows that both have arrived.
    dashboard.clear("#filter")
    wait_until_logged(dashboard, "create", "index.html")


def test_a_pause_holds_the_log_and_resuming_shows_what_was_held(dashboard, directory):
    (directory / "before").write_text("x")
    wait_until_logged(dashboard, "create", "before")
    dashboard.click("#pause")
    (directory / "during").write_text("x")
    eventually(lambda: dashboard.text("#pause") == "Resume (1)", what="one event held")
    assert logged(dashboard) == [["create", "before"]]
    dashboard.click("#pause")
    assert logged(dashboard) == [["create", "before"], ["create", "during"]]
    assert dashboard.text("#pause") == "Pause"


def test_the_log_stays_small(dashboard, directory):
    for number in range(1500):
        (directory / f"{number}").touch()
    (directory / "last").touch()
    wait_until_logged(dashboard, "create", "last")
    assert dashboard.value("document.querySelectorAll('#log li').length") <= 400
    eventually(lambda: dashboard.text("#events-count") == "1,501", what="the count of all")


def test_a_watch_is_added_and_removed(dashboard, directory, tmp_path):
    (directory / "docs").mkdir()
    dashboard.click("#add")
    dashboard.type("#add-form [name=root]", str(directory / "docs"))
    dashboard.type("#add-form [name=id]", "docs")
    dashboard.type("#add-form [name=ignore]", "*.log\nbuild/")
    dashboard.click("#add-form [type=submit]")
    eventually(lambda: len(rows(dashboard, "#watches > li")) == 2, what="two watches")
    (watch,) = [watch for watch in dashboard.server.watches() if watch["id"] == "docs"]
    assert watch["spec"]["ignore"] == ["*.log", "build/"]
    eventually(
        lambda: dashboard.text("[data-watch=docs] .state").endswith("live"), what="it to be live")

    dashboard.click("[data-remove=docs]")
    assert "docs" in dashboard.text("#remove-dialog")
    dashboard.click("#remove-form [data-close]")
    assert len(dashboard.server.watches()) == 2
    dashboard.click("[data-remove=docs]")
    dashboard.click("#remove-form [type=submit]")
    eventually(lambda: len(rows(dashboard, "#watches > li")) == 1, what="one watch")
    assert len(dashboard.server.watches()) == 1


def test_a_refusal_says_what_to_do(dashboard, directory):
    dashboard.click("#add")
    dashboard.type("#add-form [name=root]", "/etc")
    dashboard.click("#add-form [type=submit]")
    eventually(lambda: "/etc" in dashboard.text("#add-problem"), what="the reason")
    assert dashboard.text("#add-problem code") == "--allow-root /etc"
    assert dashboard.value("document.getElementById('add-dialog').open")
    assert len(dashboard.server.watches()) == 1


def test_clients_are_shown(dashboard):
    with dashboard.server.events("path=**/*.css"):
        eventually(
            lambda: any("SSE" in row and "**/*.css" in row for row in rows(dashboard, "#clients > li")),
            what="the stream in the list")
    eventually(lambda: len(rows(dashboard, "#clients > li")) == 1, what="the dashboard alone")


def test_a_lost_connection_is_said_and_mended(dashboard, directory):
    (directory / "before").write_text("x")
    wait_until_logged(dashboard, "create", "before")
    dashboard.server.stop()
    eventually(lambda: "disconnected" in dashboard.text("#link"), what="the loss to be said")
    assert dashboard.value("document.body.dataset.link") == "lost"
    dashboard.server.start(port=dashboard.server.port)
    eventually(lambda: dashboard.text("#link") == "live", what="the dashboard to be live again")
    (directory / "after").write_text("x")
    wait_until_logged(dashboard, "create", "after")


def test_everything_can_be_reached_by_keyboard(dashboard):
    order = dashboard.run("""
        return [...document.querySelectorAll('button, input, [tabindex]')]
            .filter(element => element.offsetParent !== null)
            .map(element => [element.tabIndex, element.innerText || element.getAttribute('aria-label')
                || element.labels?.[0]?.innerText])
    """)
    assert all(index == 0 for index, _ in order)
    assert all(name for _, name in order), order
    dashboard.type("body", "/")
    assert dashboard.value("document.activeElement.id") == "filter"


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_can_be_read(dashboard, directory, tmp_path, width, scheme):
    """Nothing sticks out sideways, and every text stands out from its ground (WCAG AA, 4.5:1)."""
    for name in ("page.html", "new\nline", "a/" + "long-name-" * 20):
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text("x")
    eventually(lambda: len(logged(dashboard)) == 4, what="four events")
    dashboard.emulate(width, 900, scheme)
    path = dashboard.screenshot(tmp_path / f"dashboard-{width}-{scheme}.png", whole_page=True)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert dashboard.value("document.documentElement.scrollWidth") <= width
    cut = dashboard.run("""
        return [...document.querySelectorAll('button, input, h1, h2, .state, .kind, time')]
            .filter(element => element.offsetParent !== null)
            .map(element => [element.outerHTML.slice(0, 80), element.getBoundingClientRect()])
            .filter(([, box]) => box.left < 0 || box.right > document.documentElement.clientWidth)
            .map(([html]) => html)
    """)
    assert cut == []
    assert dashboard.run(CONTRASTS) == []


# The texts whose contrast with what is painted behind them is below 4.5:1.
CONTRASTS = """
const parse = (colour) => colour.match(/[\\d.]+/g).map(Number)
const over = ([r, g, b, a = 1], below) => [r, g, b].map((value, i) => value * a + below[i] * (1 - a))
const ground = (element) => {
    if (!element) return [255, 255, 255]
    const colour = parse(getComputedStyle(element).backgroundColor)
    return over(colour, colour[3] === 0 || (colour[3] ?? 1) < 1 ? ground(element.parentElement) : [0, 0, 0])
}
const luminance = (colour) => {
    const [r, g, b] = colour.map((value) => {
        value /= 255
        return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
}
const poor = []
for (const element of document.querySelectorAll('body *')) {
    const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim())
    if (!hasText || element.offsetParent === null) continue
    const behind = ground(element)
    const [light, dark] = [luminance(over(parse(getComputedStyle(element).color), behind)), luminance(behind)]
        .sort((a, b) => b - a)
    const ratio = (light + 0.05) / (dark + 0.05)
    if (ratio < 4.5) poor.push(`${element.outerHTML.slice(0, 80)}: ${ratio.toFixed(2)}`)
}
return poor
"""


def test_it_needs_nothing_from_elsewhere_and_complains_about_nothing(dashboard):
    loaded = dashboard.value("performance.getEntriesByType('resource').map(entry => entry.name)")
    assert loaded and all(address.startswith(dashboard.server.url) for address in loaded)
    assert dashboard.console() == []
