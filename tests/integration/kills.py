# SPDX-License-Identifier: MIT
"""kill -9 of the runner, of a worker, of a game or a parked snapshot of it, at random moments: no process left over, no
folder, no finding lost that was reported, run.json valid or absent."""
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


def one_kill(test, rng, what, number, agent, frames):
    out = test.path(f"out{number}")
    said = test.path(f"said{number}")
    os.makedirs(test.path("tmp"), exist_ok=True)
    with open(said, "wb") as file:
        process = test.start("run", "-j", 2, "--frames", frames, "--replays", 1, "--minimize-frames", 600, "--out", out, "--agent",
                             test.agent(agent), "--", test.game("null_deref"), stdout=file, stderr=file,
                             env={"TMPDIR": test.path("tmp")})
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
    check(os.listdir(test.path("tmp")) == [], f"{kill}: left in TMPDIR: {os.listdir(test.path('tmp'))}")
    allowed = (0, 1, -signal.SIGKILL) if what == "runner" else (0, 1, 3, 4)
    with open(said, encoding="utf-8", errors="replace") as file:
        text = file.read()
    check(status in allowed, f"{kill}: moth ended with {status}:\n{text[-1500:]}")
    check_folder(out, text, kill)
    check("traceback" not in text.lower(), f"{kill}: {text[-1500:]}")


def storm(test, what, share, agent="secret", frames=250):
    rng = random.Random(f"storm {what} {agent}")
    for number in range(max(1, test.settings.kills * share // 100)):
        one_kill(test, rng, what, number, agent, frames)


add("kills/runner", storm, "runner", 40)
add("kills/game", storm, "game", 30)
add("kills/worker", storm, "worker", 30)
# A game that is branched is several processes: one plays, the others are parked.
add("kills/branching_runner", storm, "runner", 5, "brancher", 800)
add("kills/branching_game", storm, "game", 5, "brancher", 800)
add("kills/branching_worker", storm, "worker", 5, "brancher", 800)
