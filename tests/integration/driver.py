# SPDX-License-Identifier: MIT
"""What the integration tests stand on: cases, a moth to run in a folder of the case's own, checks, and a look at
what processes a run left behind.

A case is a function of one Test, registered by @case or add(). It passes by returning, fails by a failed check, and
is skipped by skip() with the reason. A failed case keeps its folder and says how to see it again.
"""
import json
import os
import re
import select
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
import uuid

CASES = []
MARK = "MOTH_INTEGRATION_CASE"
# A moth built with sanitizers complains about itself.
OWN_SANITIZER = re.compile(r"(harness|bindings|reports)/\S+:\d+:\d+: runtime error|#\d+ 0x[0-9a-f]+ in moth_")


class Failed(Exception):
    """A check did not hold."""


class Skipped(Exception):
    """The case cannot be run here; the message says why."""


def add(name, function, *args, **options):
    CASES.append((name, lambda test: function(test, *args, **options)))


def case(function):
    """Register a function under its module's and its own name."""
    add(f"{function.__module__}/{function.__name__}", function)
    return function


def check(condition, message):
    if not condition:
        raise Failed(message)


def skip(reason):
    raise Skipped(reason)


class Result:
    """How one moth invocation ended."""

    def __init__(self, argv, status, out, err):
        self.argv, self.status, self.out, self.err = argv, status, out, err

    def describe(self):
        tail = "\n".join((self.out + "\n" + self.err).strip().splitlines()[-15:])
        return f"`{shlex.join(self.argv)}` ended with {self.status}:\n{tail}"


class Run(Result):
    """A `moth run`: its result, folder and run.json (None when there is none)."""

    def __init__(self, result, folder):
        super().__init__(result.argv, result.status, result.out, result.err)
        self.folder = folder
        self.json = read_json(os.path.join(folder, "run.json"))

    @property
    def findings(self):
        return self.json["findings"] if self.json else []


def read_json(path):
    """The parsed file, None when it is not there. Half a file is a failure."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise Failed(f"{path} is not whole JSON: {error}") from error


def belongs(pid, mark, folder):
    """A process is of a case when its environment carries the case's mark, or it works in the case's folder: games
    are given an environment of their own."""
    with open(f"/proc/{pid}/environ", "rb") as file:
        if mark.encode() in file.read():
            return True
    return (os.readlink(f"/proc/{pid}/cwd") + "/").startswith(folder + "/")


def processes_of(mark, folder):
    """Process ids of a case, with their program names."""
    found = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            if not belongs(name, mark, folder):
                continue
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                stat = file.read()
            if stat.rpartition(")")[2].split()[0] == "Z":
                continue
            found[int(name)] = stat.partition("(")[2].rpartition(")")[0]
        except (OSError, ValueError):
            continue
    return found


def wait_gone(pids, deadline):
    """Wait for processes that are not ours to end. False when the deadline (monotonic) passes first."""
    for pid in pids:
        try:
            fd = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        try:
            if not select.select([fd], [], [], max(0, deadline - time.monotonic()))[0]:
                return False
        finally:
            os.close(fd)
    return True


class Test:
    """One running case: its folder, and moth."""

    def __init__(self, settings, name, folder):
        self.settings, self.name, self.folder = settings, name, folder
        self.mark = f"{MARK}={uuid.uuid4().hex}"
        self.commands = []
        self.runs = 0
        self.short = None

    # --- places ---

    def game(self, name):
        path = os.path.join(self.settings.games, name)
        if not os.path.exists(path):
            skip(f"no game {name} in {self.settings.games}: it was not built")
        return path

    def agent(self, name):
        return os.path.join(self.settings.root, "tests", "games", "agents", name + ".lua")

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def socket_path(self, *parts):
        """As path(), below a folder with a short name: a socket's has 107 bytes at most."""
        if self.short is None:
            self.short = tempfile.mkdtemp(prefix="moth-t-")
        return os.path.join(self.short, *parts)

    def remove_sockets(self):
        if self.short is not None:
            shutil.rmtree(self.short, ignore_errors=True)

    def write(self, name, content, mode=0o644):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        os.chmod(path, mode)
        return path

    # --- moth ---

    def environment(self, extra=None):
        env = dict(os.environ)
        for name in ("SDL_VIDEODRIVER", "SDL_AUDIODRIVER", "GAME_FRAMES", "CHAOS_LOG"):
            env.pop(name, None)
        key, value = self.mark.split("=")
        env.update({key: value, "HOME": self.path("home"), **(extra or {})})
        os.makedirs(env["HOME"], exist_ok=True)
        return env

    def start(self, *args, env=None, cwd=None, **options):
        argv = [self.settings.moth, *map(str, args)]
        self.commands.append(argv)
        return subprocess.Popen(argv, cwd=cwd or self.folder, env=self.environment(env), stdin=subprocess.DEVNULL,
                                start_new_session=True, **options)

    def moth(self, *args, timeout=180, env=None, cwd=None):
        """Run moth to its end. A signal or a time-out is a failure: moth always ends by itself."""
        with open(self.path("stdout.txt"), "w+b") as out, open(self.path("stderr.txt"), "w+b") as err:
            process = self.start(*args, env=env, cwd=cwd, stdout=out, stderr=err)
            try:
                status = process.wait(timeout)
            except subprocess.TimeoutExpired as error:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                raise Failed(f"`{shlex.join(self.commands[-1])}` was still running after {timeout} s") from error
            texts = []
            for file in (out, err):
                file.seek(0)
                texts.append(file.read().decode("utf-8", "replace"))
        result = Result(self.commands[-1], status, *texts)
        check(status >= 0, f"moth itself died of signal {-status}\n" + result.describe())
        check(not OWN_SANITIZER.search(texts[1]), "moth's own sanitizer spoke\n" + result.describe())
        return result

    def run(self, *game, agent="secret", frames=400, options=(), timeout=180, env=None):
        """`moth run` of a game with one of the fixture agents (or a path, or None) in a fresh folder. Findings are
        not shrunk unless the options say so: that is minimize.py's, and would double the time of all others. Nor are
        spikes looked for where spikes are not what it is about: how long a frame takes is the machine's affair."""
        self.runs += 1
        folder = self.path(f"out{self.runs}")
        agents = []
        if agent:
            agents = ["--agent", agent if "/" in agent else self.agent(agent)]
        spikes = () if self.name.startswith(("spike/", "timed/")) else ("--spike-ms", 0)
        result = self.moth("run", "-j", 1, "--frames", frames, "--minimize-frames", 0, *spikes, "--out", folder, *agents,
                           *options, "--", *game, timeout=timeout, env=env)
        return Run(result, folder)

    # --- afterwards ---

    def processes(self):
        """Process ids of this case that are running, with their program names."""
        return processes_of(self.mark, self.folder)

    def leftovers(self, patience_s=10):
        """Programs of this case that are still running after a while."""
        deadline = time.monotonic() + patience_s
        while True:
            pids = self.processes()
            if not pids or not wait_gone(pids, deadline):
                return pids

    def end_leftovers(self):
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def how_to_see(self):
        """Lines that let a person see a failure again."""
        lines = []
        for folder, _, names in sorted(os.walk(self.folder)):
            lines += [f"  moth replay {os.path.join(folder, name)}" for name in names if name == "trace.moth"]
        if not lines and self.commands:
            lines = [f"  again: {shlex.join(self.commands[-1])}"]
        return lines[:3] + [f"  kept: {self.folder}"]
