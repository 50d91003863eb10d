# SPDX-License-Identifier: MIT
"""A run that something is killed of each second, whatever it is: a game, a snapshot of one, a worker, the reaper, the
bus's process, or the supervisor, which is then gone on with by --resume. What the run has come to in the end is held
against the same run that was left in peace: instance k is a function of the seed and k, so all of it must be the same.

tests/soak/run is this for minutes; the integration tests have it for seconds."""
import collections
import os
import random
import re
import select
import signal
import tempfile
import time

from driver import add, check, processes_of, read_json

FINGERPRINT = re.compile(r"\b\d+-[a-z]+-[0-9a-f]{16}\b")
SUPERVISOR = "supervisor"
PATIENCE_S = 600


def listing(folder):
    try:
        return set(os.listdir(folder))
    except FileNotFoundError:
        return set()


def shared_memory():
    """What a run could have left there; other tests of this machine keep folders there too."""
    return {name for name in listing("/dev/shm") if name.startswith("moth") and not name.startswith("moth-fuzz")}


def cgroups():
    found = set()
    for folder, folders, _ in os.walk("/sys/fs/cgroup"):
        found |= {os.path.join(folder, name) for name in folders if name.startswith("moth-")}
    return found


def wait_or_end(process, seconds):
    """False when the process ended within that time."""
    fd = os.pidfd_open(process.pid)
    try:
        return not select.select([fd], [], [], seconds)[0]
    finally:
        os.close(fd)


class Soak:
    """One run, and those who were killed of it."""

    def __init__(self, test, workers, frames, seed, options=()):
        self.test, self.seed = test, seed
        self.rng = random.Random(seed)
        self.game = test.game("one_in_five")
        self.out = test.path("out")
        self.said = test.path("said")
        self.options = ["-j", workers, "--frames", frames, "--seed", seed, "--replays", 1, "--minimize-frames", 0,
                        "--agent", test.agent("stroll") + "=3", "--agent", test.agent("brancher"), *options]
        self.env = {"TMPDIR": test.path("tmp")}
        os.makedirs(self.env["TMPDIR"], exist_ok=True)
        self.kills = collections.Counter()
        self.starts = 0

    def start(self, out):
        resume = ["--resume", out] if self.starts and out == self.out else []
        self.starts += 1
        with open(self.said, "ab") as said:
            return self.test.start("run", *self.options, "--out", out, *resume, "--", self.game, stdout=said, stderr=said,
                                   env=self.env)

    def victims(self, process):
        """Who may be killed, by what they are."""
        found = collections.defaultdict(list)
        for pid, name in processes_of(self.test.mark, self.test.folder).items():
            what = "game" if name.startswith("one_in_five") else "worker" if name == "moth" else name.removeprefix("moth-")
            found[SUPERVISOR if pid == process.pid else what].append(pid)
        return found

    def kill_one(self, process):
        victims = self.victims(process)
        if not victims:
            return
        what = self.rng.choice(sorted(victims))
        try:
            os.kill(self.rng.choice(victims[what]), signal.SIGKILL)
            self.kills[what] += 1
        except ProcessLookupError:
            pass

    def storm(self, seconds, every_s):
        """Kill for so long, and let the run come to its end. Its status."""
        until = time.monotonic() + seconds
        process = self.start(self.out)
        while True:
            kills = time.monotonic() < until
            if wait_or_end(process, every_s if kills else PATIENCE_S):
                check(kills, f"the run did not end; running: {self.test.processes()}")
                self.kill_one(process)
                continue
            status = process.wait()
            if status != -signal.SIGKILL:
                return status
            self.check_partial()
            process = self.start(self.out)

    def check_partial(self):
        """What a supervisor that was killed leaves is whole, and says that it is not all."""
        report = read_json(os.path.join(self.out, "run.json"))
        check(report is None or report["complete"] is False, "a killed run's report says that it is complete")

    def announced(self):
        with open(self.said, encoding="utf-8", errors="replace") as said:
            return {name for line in said if " found " in line for name in FINGERPRINT.findall(line)}


def summary(run):
    """What must be the same however often it was killed."""
    return {"verdict": run["verdict"], "instances": run["instances"], "frames": run["frames_total"],
            "findings": {f["fingerprint"]: (f["times_seen"], f["frame"], f["seed"], f["reproduced"])
                         for f in run["findings"]}}


def soak(test, seconds, workers, frames, every_s=1.0, options=(), seed=7):
    """Storm a run, check what is left of it, and hold it against one in peace. Its figures."""
    with tempfile.TemporaryDirectory(prefix="moth-bus-") as bus:  # a socket's path is short
        return storm_and_compare(test, seconds, workers, frames, every_s, options, seed, bus)


def storm_and_compare(test, seconds, workers, frames, every_s, options, seed, bus):
    shared, groups = shared_memory(), cgroups()
    storm = Soak(test, workers, frames, seed, ["--bus", f"ipc://{bus}/bus", *options])
    began = time.monotonic()
    status = storm.storm(seconds, every_s)
    took = time.monotonic() - began
    left = test.leftovers()
    check(not left, f"left running: {left}")
    folders = listing(storm.env["TMPDIR"])
    check(not folders, f"left in TMPDIR: {folders}")
    check(shared_memory() <= shared, f"left in /dev/shm: {shared_memory() - shared}")
    check(cgroups() <= groups, f"left: {cgroups() - groups}")
    check(not os.path.exists(os.path.join(storm.out, ".work")), "left: .work in the output folder")
    check(not listing(bus), f"left of the bus: {listing(bus)}")
    sockets = [name for folder, _, names in os.walk(test.folder) for name in names
               if os.path.islink(os.path.join(folder, name)) or not os.path.isfile(os.path.join(folder, name))]
    check(not sockets, f"left: {sockets}")
    with open(storm.said, encoding="utf-8", errors="replace") as said:
        check(status == 1, f"the run ended with {status}:\n{said.read()[-2000:]}")
    run = read_json(os.path.join(storm.out, "run.json"))
    check(run["complete"] is True, "it came to its end, and its report does not say so")
    stored = listing(os.path.join(storm.out, "findings"))
    check(storm.announced() <= stored, f"told of and lost: {storm.announced() - stored}")
    check({f["fingerprint"] for f in run["findings"]} == stored, "run.json and the folder name different findings")
    peace = Soak(test, 2, frames, seed)
    peace.said = test.path("said.peace")
    process = peace.start(test.path("peace"))
    began = time.monotonic()
    check(process.wait() == 1, "the run in peace ended otherwise")
    peace_s = time.monotonic() - began
    want, got = summary(read_json(test.path("peace", "run.json"))), summary(run)
    check(got == want, f"the run in peace came to\n{want}\nand this one to\n{got}\n{run['warnings']}")
    return {"seconds": took, "kills": storm.kills, "starts": storm.starts, "workers": workers,
            "instances": run["instances"], "frames": run["frames_total"], "findings": len(run["findings"]),
            "sightings": sum(f["times_seen"] for f in run["findings"]), "peace_s": peace_s,
            "warnings": run["warnings"]}


def short(test):
    soak(test, 8, 16, 30000, every_s=0.4)


add("kills/soak", short)
