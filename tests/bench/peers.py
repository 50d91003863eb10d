# SPDX-License-Identifier: MIT
"""What Debian ships that does a part of the work, measured beside moth on the same machine in the same minute."""

import os
import shutil
import statistics
import subprocess
import time

FUZZ_S = 5
DRIVE_FRAMES = 300


def wanted(*programs):
    missing = [program for program in programs if not shutil.which(program)]
    if missing:
        raise OSError(f"{', '.join(missing)}: not installed")


def fork_server(bench, megabytes):
    """Seconds for one run of a program of that size from AFL++'s fork server, its input and its end included."""
    wanted("afl-fuzz", "afl-clang-fast")
    folder = bench.scratch("afl")
    os.makedirs(os.path.join(folder, "in"))
    with open(os.path.join(folder, "in", "seed"), "w", encoding="ascii") as file:
        file.write("some input")
    target = os.path.join(folder, "forked")
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "forked.c")
    quiet = dict(os.environ, AFL_NO_UI="1", AFL_SKIP_CPUFREQ="1", AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES="1",
                 AFL_QUIET="1", BENCH_MEGABYTES=str(megabytes))
    subprocess.run(["afl-clang-fast", "-O2", "-o", target, source], env=quiet, capture_output=True, check=True)
    subprocess.run(["afl-fuzz", "-V", str(FUZZ_S), "-m", "none", "-i", os.path.join(folder, "in"),
                    "-o", os.path.join(folder, "out"), "--", target], env=quiet, capture_output=True, check=True,
                   timeout=FUZZ_S * 12)
    with open(os.path.join(folder, "out", "default", "fuzzer_stats"), encoding="utf-8") as file:
        stats = dict(map(str.strip, line.split(":", 1)) for line in file if ":" in line)
    return 1 / float(stats["execs_per_sec"])


class Display:
    """Xvfb on a display of its own choice."""

    def __init__(self):
        wanted("Xvfb", "xdotool")
        reader, writer = os.pipe()
        self.server = subprocess.Popen(["Xvfb", "-displayfd", str(writer), "-screen", "0", "1024x768x24"],
                                       pass_fds=[writer], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(writer)
        with os.fdopen(reader, encoding="ascii") as file:
            self.name = ":" + file.readline().strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.kill()
        self.server.wait()


def driven_by_xdotool(bench, argv):
    """Seconds of wall time for a frame of a game in a window, with keys from xdotool all the while."""
    home = bench.scratch("home")
    os.makedirs(home)
    result = os.path.join(home, "result")
    with Display() as display:
        env = dict(os.environ, HOME=home, XDG_CONFIG_HOME=home, XDG_DATA_HOME=home, XDG_CACHE_HOME=home,
                   DISPLAY=display.name, SDL_VIDEODRIVER="x11", SDL_AUDIODRIVER="dummy", MOTH_BENCH_SKIP="60",
                   LD_PRELOAD=bench.tool("bench_frames.so"), MOTH_BENCH_FRAMES=str(DRIVE_FRAMES), MOTH_BENCH_OUT=result)
        game = subprocess.Popen(argv, env=env, cwd=home, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)
        until = time.monotonic() + 120
        while game.poll() is None and time.monotonic() < until:
            for key in ("Right", "Left", "space"):
                subprocess.run(["xdotool", "key", key], env=dict(os.environ, DISPLAY=display.name), check=False,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        game.kill()
        game.wait()
    with open(result, encoding="ascii") as file:
        counted, _, wall_ns = map(int, file.read().split())
    return wall_ns / 1e9 / counted


def unwound(bench, argv):
    """Seconds to unwind all threads of the game where it stands, from nothing, and what was found."""
    done = subprocess.run([bench.tool("bench_unwind"), "120", "9", "none", *argv], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=300, check=True)
    said = {name: int(value) for name, value in (line.split() for line in done.stdout.splitlines())}
    return said["unwind_ns"] / 1e9, said["fibers"]


def unwound_by_gdb(bench, argv):
    """The same with gdb: start, attach, all stacks, let go."""
    wanted("gdb")
    home = bench.scratch("home")
    os.makedirs(home)
    env = dict(os.environ, HOME=home, SDL_VIDEODRIVER="dummy", SDL_AUDIODRIVER="dummy")
    game = subprocess.Popen(argv, env=env, cwd=home, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)
    try:
        time.sleep(2)  # it loads
        took = []
        for _ in range(3):
            began = time.monotonic()
            subprocess.run(["gdb", "-nx", "-batch", "-p", str(game.pid), "-ex", "thread apply all bt"],
                           capture_output=True, check=True, timeout=120)
            took.append(time.monotonic() - began)
        return statistics.median(took)
    finally:
        game.kill()
        game.wait()
