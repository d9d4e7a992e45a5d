"""A browser, driven over WebDriver (W3C) with the standard library alone.

One `Driver` is one chromedriver process; one `Browser` is one headless Chromium with a profile of
its own. A failing call raises `WebDriverError` with the browser's words.
"""

import base64
import contextlib
import http.client
import json
import pathlib
import re
import shutil
import signal
import subprocess

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # WebDriver §12.1: the key of an element reference
# Keys (WebDriver §17.4.2); a modifier is held until it comes again.
CONTROL = "\ue009"
DELETE = "\ue017"


def missing():
    """What to install before a browser can be driven; None when all is there."""
    absent = [name for name in ("chromium", "chromedriver") if not shutil.which(name)]
    return f"not installed: {', '.join(absent)}" if absent else None


class WebDriverError(Exception):
    pass


class Driver:
    """A chromedriver on a port the kernel chose. Use as a context manager."""

    def __enter__(self):
        self.process = subprocess.Popen(
            ["chromedriver", "--port=0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        for line in self.process.stdout:
            if found := re.search(r"started successfully on port (\d+)", line):
                self.port = int(found.group(1))
                return self
        raise WebDriverError(f"chromedriver ended with {self.process.wait()}")

    def __exit__(self, *error):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)
        self.process.stdout.close()

    def call(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, {"Content-Type": "application/json"})
            value = json.loads(connection.getresponse().read())["value"]
        if isinstance(value, dict) and "error" in value:
            raise WebDriverError(f"{value['error']}: {value['message'].splitlines()[0]}")
        return value

    @contextlib.contextmanager
    def browser(self, width=1280, height=900):
        """A new Chromium, gone when the block ends."""
        options = {
            "args": [
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--disable-background-networking",
                f"--window-size={width},{height}",
            ]
        }
        wanted = {
            "browserName": "chrome",
            "acceptInsecureCerts": True,
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"},
        }
        made = self.call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        browser = Browser(self, f"/session/{made['sessionId']}")
        try:
            yield browser
        finally:
            self.call("DELETE", browser.session)


class Browser:
    """One window at a time has the word; `tab` opens another, `show` gives it the word."""

    def __init__(self, driver, session):
        self.driver, self.session = driver, session

    def _post(self, path, **body):
        return self.driver.call("POST", self.session + path, body)

    def _get(self, path):
        return self.driver.call("GET", self.session + path)

    def open(self, url):
        """Navigates and waits for the page's load event."""
        self._post("/url", url=url)

    def back(self):
        self._post("/back")

    def run(self, script, *arguments):
        """Runs the body of a function in the page and gives back what it returns."""
        return self._post("/execute/sync", script=script, args=list(arguments))

    def value(self, expression):
        """The value of a JavaScript expression in the page."""
        return self.run(f"return ({expression})")

    @property
    def tabs(self):
        return self._get("/window/handles")

    def tab(self):
        """Opens a tab, gives it the word and returns its handle."""
        handle = self._post("/window/new", type="tab")["handle"]
        self.show(handle)
        return handle

    def show(self, handle):
        self._post("/window", handle=handle)

    # Elements by CSS selector

    def find(self, selector):
        return self._post("/element", using="css selector", value=selector)[ELEMENT]

    def text(self, selector):
        """The text a person sees."""
        return self._get(f"/element/{self.find(selector)}/text")

    def click(self, selector):
        self._post(f"/element/{self.find(selector)}/click")

    def type(self, selector, text):
        self._post(f"/element/{self.find(selector)}/value", text=text)

    def clear(self, selector):
        """Empties a field as a person does: everything marked, then deleted."""
        self.type(selector, f"{CONTROL}a{CONTROL}{DELETE}")

    def accept_dialog(self):
        """Answers the page's alert, confirm or prompt with yes, and gives back its text."""
        text = self._get("/alert/text")
        self._post("/alert/accept")
        return text

    # How it looks

    def emulate(self, width=None, height=900, scheme=None):
        """A viewport of that size (CSS pixels), a phone's when narrow; the colour scheme `light` or
        `dark`."""
        if width:
            self._command(
                "Emulation.setDeviceMetricsOverride",
                width=width,
                height=height,
                deviceScaleFactor=1,
                mobile=width < 600,
            )
        if scheme:
            feature = {"name": "prefers-color-scheme", "value": scheme}
            self._command("Emulation.setEmulatedMedia", features=[feature])

    def screenshot(self, path, whole_page=False):
        """Writes a PNG and gives back its path."""
        shot = self._command("Page.captureScreenshot", format="png", captureBeyondViewport=whole_page)
        path = pathlib.Path(path)
        path.write_bytes(base64.b64decode(shot["data"]))
        return path

    def console(self):
        """What the page has complained about since the last call: its console's errors."""
        entries = self._post("/se/log", type="browser")
        return [entry["message"] for entry in entries if entry["level"] == "SEVERE"]

    def _command(self, name, **parameters):
        """A command of the DevTools protocol."""
        return self._post("/goog/cdp/execute", cmd=name, params=parameters)
