# SPDX-License-Identifier: MIT
"""A headless Chromium, driven through its DevTools protocol over a pipe: no library, no port, no network."""
import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time


class Fault(Exception):
    """What the browser or the page said was wrong."""


class Browser:
    """One Chromium with a profile of its own. Use it in a with statement."""

    def __init__(self, timeout_s=30):
        self.timeout_s = timeout_s
        self.number = 0
        self.answers, self.events, self.bytes = {}, [], b""
        self.profile = tempfile.mkdtemp(prefix="moth-browser-")
        ours, theirs = os.pipe()  # what it says
        their_in, our_in = os.pipe()
        program = shutil.which("chromium")
        if not program:
            raise Fault("chromium is not installed (see .ci/packages)")
        command = [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--hide-scrollbars",
                   "--disable-extensions", "--disable-background-networking", "--disable-component-update", "--no-first-run",
                   "--disable-sync", "--disable-default-apps", "--metrics-recording-only", "--disable-dev-shm-usage",
                   "--force-color-profile=srgb", "--user-data-dir=" + self.profile, "about:blank"]
        environment = {**os.environ, "HOME": self.profile, "LANG": "C.UTF-8"}
        self.process = subprocess.Popen(["/bin/sh", "-c", f'exec "$@" 3<&{their_in} 4>&{theirs}', "sh", *command],
                                        pass_fds=(their_in, theirs), env=environment, start_new_session=True,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(theirs)
        os.close(their_in)
        self.read_fd, self.write_fd = ours, our_in

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.call("Browser.close")
        except (Fault, OSError):
            self.process.kill()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.read_fd)
        os.close(self.write_fd)
        shutil.rmtree(self.profile, ignore_errors=True)

    def take(self, until):
        """Read one message."""
        while b"\0" not in self.bytes:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.read_fd], [], [], left)[0]:
                raise Fault("the browser did not answer in time")
            more = os.read(self.read_fd, 1 << 20)
            if not more:
                raise Fault("the browser is gone")
            self.bytes += more
        text, self.bytes = self.bytes.split(b"\0", 1)
        message = json.loads(text)
        if "id" in message:
            self.answers[message["id"]] = message
        else:
            self.events.append(message)

    def call(self, method, session=None, **parameters):
        self.number += 1
        number = self.number
        message = {"id": number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self.write_fd, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + self.timeout_s
        while number not in self.answers:
            self.take(until)
        answer = self.answers.pop(number)
        if "error" in answer:
            raise Fault(f"{method}: {answer['error'].get('message')}")
        return answer["result"]

    def page(self, width=1280, height=900):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        return Page(self, target, session, width, height)


class Page:
    """One tab."""

    def __init__(self, browser, target, session, width, height):
        self.browser, self.target, self.session = browser, target, session
        for domain in ("Page", "Runtime", "Network", "Log", "DOM", "Accessibility"):
            self.call(domain + ".enable")
        self.resize(width, height)

    def call(self, method, **parameters):
        return self.browser.call(method, self.session, **parameters)

    def resize(self, width, height):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def media(self, scheme="light", kind=""):
        self.call("Emulation.setEmulatedMedia", media=kind, features=[{"name": "prefers-color-scheme", "value": scheme}])

    def wait(self, event):
        """The next such event."""
        until = time.monotonic() + self.browser.timeout_s
        while True:
            for i, message in enumerate(self.browser.events):
                if message["method"] == event and message.get("sessionId") == self.session:
                    return self.browser.events.pop(i)["params"]
            self.browser.take(until)

    def open(self, url, painted=True):
        """Load a page to its end, and until it is painted, for which it needs its scripts. Seconds that it took."""
        self.browser.events.clear()
        begun = time.monotonic()
        self.call("Page.navigate", url=url)
        self.wait("Page.loadEventFired")
        if painted:
            self.run("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
        return time.monotonic() - begun

    def run(self, expression):
        """The value of a JavaScript expression; of a promise, what it comes to."""
        result = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=True)
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise Fault(details.get("exception", {}).get("description") or details["text"])
        return result["result"].get("value")

    def key(self, key, code=None, number=0, text=None, modifiers=0):
        more = {"text": text} if text else {}
        common = {"key": key, "code": code or key, "windowsVirtualKeyCode": number, "modifiers": modifiers}
        self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", **common, **more)
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def tab(self, back=False):
        self.key("Tab", number=9, modifiers=8 if back else 0)

    def enter(self):
        self.key("Enter", number=13, text="\r")

    def type(self, text):
        self.call("Input.insertText", text=text)

    def screenshot(self, path, whole=False, clip=None):
        more = {"clip": {**clip, "scale": 1}} if clip else {}
        picture = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole, **more)
        with open(path, "wb") as out:
            out.write(base64.b64decode(picture["data"]))

    def take_events(self, method):
        """All events of a kind so far."""
        taken = [m["params"] for m in self.browser.events if m["method"] == method and m.get("sessionId") == self.session]
        self.browser.events = [m for m in self.browser.events if m["method"] != method or m.get("sessionId") != self.session]
        return taken

    def close(self):
        self.browser.call("Target.closeTarget", targetId=self.target)
