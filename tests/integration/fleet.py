# SPDX-License-Identifier: MIT
"""A run that nobody watches: workers that are stuck, a machine that slept, a full disk, a quota, weights that follow
what is found, going on after an interrupt, and what a person sees of it on a terminal."""
import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import termios
import time

from driver import Run, add, case, check, read_json, skip

IDLE = "return function(game) while true do game:step(60) end end"


def wait_for(condition, process, what, seconds=60):
    """Look again and again until something is so. Not a pause: the condition decides."""
    deadline = time.monotonic() + seconds
    while not condition():
        check(process.poll() is None and time.monotonic() < deadline, f"{what}: it never came to that")
        os.sched_yield()


def workers_of(test, process):
    return sorted(pid for pid, name in test.processes().items() if name == "moth" and pid != process.pid)


def traces_in(folder):
    path = os.path.join(folder, "traces")
    return sorted(os.listdir(path)) if os.path.isdir(path) else []


@case
def stuck_worker(test):
    """One that does not go on, with a game that would: it is replaced, and its instance is played by another."""
    out = test.path("out")
    process = test.start("run", "-j", 2, "--frames", 6000, "--stuck-s", 1, "-o", out, "-a", test.agent("stroll"), "--",
                         test.game("one_in_five_clean"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: len(traces_in(out)) > 2, process, "the run begins")
    os.kill(workers_of(test, process)[0], signal.SIGSTOP)
    check(process.wait(60) == 0, "the run did not pass")
    run = read_json(os.path.join(out, "run.json"))
    check(any("no sign of life" in text for text in run["warnings"]), f"nobody noticed: {run['warnings']}")
    plain = test.run(test.game("one_in_five_clean"), agent="stroll", frames=6000)
    check(run["instances"] == plain.json["instances"] and run["frames_total"] == plain.json["frames_total"],
          f"{run['instances']} instances, {run['frames_total']} frames; undisturbed: {plain.describe()}")


def tell(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


@case
def a_machine_that_slept(test):
    """All of it stops and goes on later than any limit allows: nothing is a hang, nobody is stuck."""
    out = test.path("out")
    process = test.start("run", "-j", 4, "--frames", 20000, "--boot-wall-ms", 1500, "--frame-wall-ms", 1500, "--stuck-s", 1,
                         "-o", out, "-a", test.agent("stroll"), "--", test.game("one_in_five_clean"),
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for nap in range(2):
        wait_for(lambda n=nap: len(traces_in(out)) > 5 * n, process, "the run goes on")
        os.killpg(process.pid, signal.SIGSTOP)  # moth's own at one moment: nobody may see another asleep
        games = [pid for pid, name in test.processes().items() if name.startswith("one_in_five")]
        tell(games, signal.SIGSTOP)
        select.select([], [], [], 2.5)  # the nap itself
        tell(games, signal.SIGCONT)
        os.killpg(process.pid, signal.SIGCONT)
    check(process.wait(90) == 0, "the run did not pass")
    run = read_json(os.path.join(out, "run.json"))
    check(not run["findings"] and not run["warnings"], f"{run['findings']} {run['warnings']}")


def in_small_folder(test, megabytes, script):
    """Run a shell script in a namespace where test.path("small") is a file system of that size."""
    small = test.path("small")
    os.makedirs(small, exist_ok=True)
    mount = f"mount -t tmpfs -o size={megabytes}m none {small}"
    unshare = ["unshare", "--user", "--map-root-user", "--mount"]
    if shutil.which("unshare") is None or subprocess.run([*unshare, "sh", "-c", mount], capture_output=True,
                                                         check=False).returncode != 0:
        skip("no user namespace with a mount of its own can be had here")
    return subprocess.run([*unshare, "sh", "-c", mount + " && " + script], capture_output=True, text=True, timeout=180,
                          env=test.environment(), cwd=test.folder, check=False)


def moth_line(test, *args):
    return " ".join(["'" + str(arg) + "'" for arg in (test.settings.moth, *args)])


@case
def full_disk(test):
    """The output folder fills up with ordinary traces: they make room, and the findings and the report are there."""
    small, kept = test.path("small"), test.path("kept")
    line = moth_line(test, "run", "-j", 2, "--frames", 24000, "--replays", 1, "--minimize-frames", 0, "-o", small + "/out",
                     "-a", test.agent("stroll"), "--", test.game("one_in_five"))
    fill = f"head -c 17700k /dev/zero > {small}/ballast"
    result = in_small_folder(test, 18, f"{fill}; {line}; status=$?; cp -r {small}/out {kept}; exit $status")
    run = read_json(os.path.join(kept, "run.json"))
    told = set(re.findall(r"\b\d+-[a-z]+-[0-9a-f]{16}\b", result.stderr))
    check(result.returncode == 1 and run and run["complete"], f"ended with {result.returncode}:\n{result.stderr[-1500:]}")
    check(told == set(os.listdir(os.path.join(kept, "findings"))), f"told of {told}")
    check({f["fingerprint"] for f in run["findings"]} == told, "run.json lacks some")
    check(0 < len(traces_in(kept)) < run["instances"] / 2, f"{len(traces_in(kept))} traces: it was never full")


@case
def no_room_at_all(test):
    """Not even a finding can be stored: the run ends early and does not pass, and a finding is not told of as kept."""
    small = test.path("small")
    line = moth_line(test, "run", "-j", 2, "--frames", 400000, "--replays", 1, "--minimize-frames", 0, "-o", small + "/out",
                     "-a", test.agent("stroll"), "--", test.game("one_in_five"))
    fill = f"mkdir {small}/out; head -c 2000k /dev/zero > {small}/ballast"
    result = in_small_folder(test, 1, f"{fill}; {line}")
    check(result.returncode == 3, f"ended with {result.returncode}:\n{result.stderr[-1500:]}")
    check("No space left" in result.stderr, result.stderr[-1500:])


@case
def files_may_not_grow(test):
    """A limit of file sizes (RLIMIT_FSIZE) is an error that is told of, and not moth's death by a signal."""
    line = moth_line(test, "run", "-j", 1, "--frames", 2000, "-o", test.path("out"), "-a", test.agent("stroll"), "--",
                     test.game("one_in_five_clean"))
    result = subprocess.run(["sh", "-c", f"ulimit -f 16; exec {line}"], capture_output=True, text=True, timeout=60,
                            env=test.environment(), cwd=test.folder, check=False)
    check(result.returncode == 3 and "File too large" in result.stderr + result.stdout,
          f"ended with {result.returncode}: {result.stderr[-800:]}")


@case
def quota(test):
    """Ordinary traces are dropped from the oldest on; the findings stay."""
    run = test.run(test.game("one_in_five"), agent="stroll", frames=8000, options=("--replays", 0, "--traces", 20))
    names = traces_in(run.folder)
    check(0 < len(names) <= 20, f"{len(names)} traces")
    again = test.run(test.game("one_in_five"), agent="stroll", frames=4000, options=("--replays", 0, "--traces", 0))
    check(traces_in(again.folder) == [] and len(again.findings) > 0, again.describe())
    trace = os.path.join(run.folder, "traces", names[-1])
    replayed = test.moth("replay", trace)
    check(replayed.status == 0, replayed.describe())


@case
def interrupted_and_gone_on_with(test):
    """ctrl-c, then --resume: the whole is what it would have been, and the command needs no other folder."""
    out = test.path("out")
    options = ["-j", 2, "--frames", 8000, "--seed", 3, "--replays", 1, "--minimize-frames", 0, "-a", test.agent("stroll")]
    game = ["--", test.game("one_in_five")]
    process = test.start("run", *options, "-o", out, *game, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: len(traces_in(out)) > 5, process, "the run begins")
    process.send_signal(signal.SIGINT)
    check(process.wait(60) == 130, "an interrupted run ends with 130")
    first = read_json(os.path.join(out, "run.json"))
    check(first["complete"] is False and first["exit_code"] == 130, "an interrupted run is not complete")
    options.remove("--seed")
    options.remove(3)
    second = Run(test.moth("run", *options, "--resume", out, *game), out)
    peace = test.run(test.game("one_in_five"), agent="stroll", frames=8000, options=("--seed", 3, "--replays", 1))
    for key in ("seed", "instances", "frames_total", "verdict", "complete"):
        check(second.json[key] == peace.json[key], f"{key}: {second.json[key]}, in peace {peace.json[key]}")
    seen = [{f["fingerprint"]: f["times_seen"] for f in run.findings} for run in (second, peace)]
    check(seen[0] == seen[1], f"seen {seen[0]}, in peace {seen[1]}")
    # It had ended: it gets another budget, and numbers go on.
    third = Run(test.moth("run", *options, "--resume", out, *game), out)
    check(third.json["frames_total"] > 1.9 * peace.json["frames_total"], third.describe())
    check(sum(f["times_seen"] for f in third.findings) > sum(seen[1].values()), third.describe())


@case
def resume_of_another_run(test):
    """What cannot be gone on with is refused, with a sentence that says why."""
    first = test.run(test.game("one_in_five_clean"), agent="stroll", frames=1200)
    for options, word in ((("--seed", 9), "seed"), (("--hz", 30), "--hz"), (("--env", "A=1"), "--env")):
        other = test.run(test.game("one_in_five_clean"), agent="stroll", frames=1200,
                         options=("--resume", first.folder, *options))
        check(other.status == 2 and word in other.err, other.describe())
    out = test.path("playing")
    process = test.start("run", "-j", 1, "--duration", "60s", "-o", out, "-a", test.agent("stroll"), "--",
                         test.game("one_in_five_clean"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: traces_in(out), process, "the run begins")
    playing = test.run(test.game("one_in_five_clean"), agent="stroll", options=("--resume", out))
    check(playing.status == 2 and "still going on" in playing.err, playing.describe())
    process.send_signal(signal.SIGINT)
    check(process.wait(60) == 130, "the run that went on was disturbed")
    nowhere = test.run(test.game("one_in_five_clean"), agent="stroll", options=("--resume", test.path("nowhere")))
    check(nowhere.status == 2 and "run.journal" in nowhere.err, nowhere.describe())


@case
def weights(test):
    """With a duration, who finds something plays more; with a frame budget, who plays is a function of the seed."""
    idle = test.write("idle.lua", IDLE.replace("while true", "for _ = 1, 10"))
    agents = ("-a", idle, "-a", test.agent("stroll"), "--minimize-frames", 0, "--replays", 0)

    def shares(*options):
        out = test.path(f"out{len(test.commands)}")
        test.moth("run", "-j", 2, *agents, *options, "-o", out, "--", test.game("one_in_five"))
        return [agent["share"] for agent in read_json(os.path.join(out, "run.json"))["agents"]]

    adaptive = shares("--duration", "3s")
    check(adaptive[0] != 0.5 and min(adaptive) >= 0.15 and abs(sum(adaptive) - 1) < 0.01, f"{adaptive}")
    for options in (("--duration", "1s", "--weights", "fixed"), ("--frames", 3000)):
        check(shares(*options) == [0.5, 0.5], f"{options}")


# --- the terminal ---

def on_terminal(test, *args, columns=80, rows=24, env=None, resize=None):
    """Run moth on a terminal of its own; what it wrote, as text."""
    argv = [test.settings.moth, *map(str, args)]
    test.commands.append(argv)
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(test.folder)
        os.execve(argv[0], argv, {**test.environment(), "TERM": "xterm", **(env or {})})
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    before = termios.tcgetattr(terminal)
    written = b""
    while True:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:
            break
        written += chunk
        if resize and b"places" in written:
            fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, resize, 0, 0))
            resize = None
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    check(termios.tcgetattr(terminal) == before, "the terminal's state was changed")
    os.close(terminal)
    return status, written.decode("utf-8", "replace")


def play_args(test, *options):
    return ("run", "-j", 2, "--duration", "1s", "--minimize-frames", 0, "--replays", 1, "-a", test.agent("stroll"), *options,
            "-o", test.path("out"), "--", test.game("one_in_five"))


def screen_after(written, columns):
    """What stands on a terminal in the end: only what moth uses of one is understood, and nothing else may come."""
    lines, row, column = [""], 0, 0
    for part in re.findall(r"\x1b\[\d*[A-Za-z]|\r|\n|[^\x1b\r\n]+|\x1b", written):
        if part == "\r":
            column = 0
        elif part == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif part == "\x1b[K":
            lines[row] = lines[row][:column]
        elif part == "\x1b[1A":
            row -= 1
        elif part.startswith("\x1b["):
            check(part.endswith("m"), f"an escape nobody knows: {part!r}")
        else:
            check(not part.startswith("\x1b"), "half an escape")
            lines[row] = lines[row][:column] + part + lines[row][column + len(part):]
            column += len(part)
    return lines


def terminal(test, options=(), env=None, **window):
    status, written = on_terminal(test, *play_args(test, *options), env=env, **window)
    check(status == 1, f"ended with {status}: {written[-800:]}")
    check("found" in written and "frames/s" in written, written[-800:])
    return written


@case
def terminal_view(test):
    written = terminal(test)
    for word in ("frames  ", "instances  ", "places  ", "findings  ", "times real time", "\x1b[31m", "%"):
        check(word in written, f"{word!r} is missing:\n{written[:1500]}")
    lines = screen_after(written, 80)
    check(not any(line.startswith(("places  ", "instances  ")) for line in lines), "something was left on the screen:\n" +
          "\n".join(lines))


@case
def terminal_small(test):
    check("places  " not in terminal(test, columns=30), "too wide")
    drawn = re.findall(r"[^\r\n]*frames, [^\r\n]*", terminal(test, columns=30))
    check(drawn and all(len(re.sub(r"\x1b\[\d*[A-Za-z]", "", line)) <= 30 for line in drawn[:5]), f"{drawn[:5]}")
    terminal(test, columns=100, resize=40)


@case
def terminal_plain(test):
    check("\x1b[31m" not in terminal(test, env={"NO_COLOR": "1"}), "colours in spite of NO_COLOR")
    check("\x1b" not in terminal(test, env={"TERM": "dumb"}), "escapes on a dumb terminal")
    status, written = on_terminal(test, *play_args(test, "--quiet"))
    check(status == 1 and "\x1b" not in written and "found" not in written, written)


@case
def nothing_runs(test):
    """A build that never reaches a frame is told of at once, however long the run was to be."""
    silent = test.write("silent", "#!/bin/sh\nexit 0\n", 0o755)
    began = time.monotonic()
    run = test.run(silent, agent="stroll", options=("--duration", "8h", "-j", 8))
    check(run.status in (3, 4) and time.monotonic() - began < 30, run.describe())
    if run.json:
        check(json.dumps(run.json["verdict"]) in ('"nothing-ran"', '"error"'), run.describe())
