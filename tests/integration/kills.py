# SPDX-License-Identifier: MIT
"""kill -9 of the runner, of a worker, of a game, at random moments: no process left over, no finding lost that was
reported, run.json valid or absent."""
import os
import random
import re
import select
import signal
import subprocess
import time

from driver import add, check, read_json

FINGERPRINT = re.compile(r"\b\d+-[a-z]+-[0-9a-f]{16}\b")
RUN_KEYS = ("schema", "verdict", "exit_code", "findings", "frames_total", "instances")


def victims(test, process, what):
    """Processes of this case that are `what`: the runner, a worker or a game."""
    running = test.processes()
    if what == "runner":
        return [process.pid]
    if what == "game":
        return [pid for pid, name in running.items() if name.startswith("null_deref")]
    return [pid for pid, name in running.items() if pid != process.pid and not name.startswith("null_deref")]


def wait_random(process, seconds):
    """Let the run go on for a while, or until it ends."""
    fd = os.pidfd_open(process.pid)
    try:
        return not select.select([fd], [], [], seconds)[0]
    finally:
        os.close(fd)


def check_folder(out, said, kill):
    """What lies on the disk is whole: run.json, and each finding that moth spoke of."""
    written = read_json(os.path.join(out, "run.json"))
    if written is not None:
        missing = [key for key in RUN_KEYS if key not in written]
        check(not missing, f"{kill}: run.json lacks {missing}")
    for fingerprint in set(FINGERPRINT.findall(said)):
        stored = read_json(os.path.join(out, "findings", fingerprint, "finding.json"))
        check(stored and stored["fingerprint"] == fingerprint, f"{kill}: finding {fingerprint} was reported and is lost")
    findings = os.path.join(out, "findings")
    for name in os.listdir(findings) if os.path.isdir(findings) else []:
        read_json(os.path.join(findings, name, "finding.json"))


def one_kill(test, rng, what, number):
    out = test.path(f"out{number}")
    said = test.path(f"said{number}")
    with open(said, "wb") as file:
        process = test.start("run", "-j", 2, "--frames", 250, "--replays", 1, "--out", out, "--agent",
                             test.agent("secret"), "--", test.game("null_deref"), stdout=file, stderr=file)
        delay = rng.uniform(0, 0.8)
        kill = f"kill {number} of a {what} after {delay:.3f} s"
        if wait_random(process, delay):
            pids = victims(test, process, what)
            if pids:
                try:
                    os.kill(rng.choice(pids), signal.SIGKILL)
                except ProcessLookupError:
                    pass
        try:
            status = process.wait(90)
        except subprocess.TimeoutExpired:
            check(False, f"{kill}: moth did not end in 90 s; running: {test.processes()}")
    began = time.monotonic()
    left = test.leftovers(patience_s=15)
    check(not left, f"{kill}: left over {time.monotonic() - began:.0f} s later: {left}")
    allowed = (0, 1, -signal.SIGKILL) if what == "runner" else (0, 1, 3, 4)
    with open(said, encoding="utf-8", errors="replace") as file:
        text = file.read()
    check(status in allowed, f"{kill}: moth ended with {status}:\n{text[-1500:]}")
    check_folder(out, text, kill)
    check("traceback" not in text.lower(), f"{kill}: {text[-1500:]}")


def storm(test, what, share):
    rng = random.Random(f"storm {what}")
    for number in range(max(1, test.settings.kills * share // 10)):
        one_kill(test, rng, what, number)


add("kills/runner", storm, "runner", 4)
add("kills/game", storm, "game", 3)
add("kills/worker", storm, "worker", 3)
