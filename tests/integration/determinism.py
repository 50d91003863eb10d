# SPDX-License-Identifier: MIT
"""Nothing that differs from run to run reaches a game, and threads behave as they should."""
import json
import os
import subprocess

from driver import add, case, check, skip
from bugs import expect_clean


def doctor(test, *game, frames=90, options=()):
    result = test.moth("doctor", "--json", "--frames", frames, *options, "--", *game)
    try:
        found = json.loads(result.out)
    except ValueError:
        found = None
    check(found and found.get("schema") == "moth.doctor/1", "no JSON of schema moth.doctor/1\n" + result.describe())
    return result, found


def expect_deterministic(result, found):
    check(found["deterministic"] is True and result.status == 0,
          f"not deterministic: {found.get('first_divergence')}\n" + result.describe())
    check(found["first_divergence"] is None and found["frames"] > 0, f"{found}")
    snapshot = found["snapshot"]
    check(snapshot["ok"] is True and snapshot["identical"] is True and snapshot["branch_ms"] > 0,
          f"a branch is not like a straight run: {snapshot}\n" + result.describe())


def sources():
    """(name, beyond reach) of chaos, read from its sources, so that cases exist before it is built."""
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "games", "chaos")
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            table = file.read().partition("_sources = {")[2].partition("};")[0]
        for line in table.splitlines():
            parts = line.strip(" {},").split(", ")
            if len(parts) == 3:
                yield parts[0].strip('"'), parts[2] == "true"


def one_source(test, source):
    expect_deterministic(*doctor(test, test.game("chaos"), source))


for source_name, beyond in sources():
    if not beyond:
        add(f"chaos/{source_name}", one_source, source_name)


@case
def all_sources(test):
    expect_deterministic(*doctor(test, test.game("chaos"), "all", frames=200))


@case
def what_is_beyond_reach_is_said(test):
    """The processor's own generator cannot be hooked; then the game is said to be not deterministic."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        if " rdrand " not in file.read().replace("\n", " "):
            skip("this processor has no rdrand")
    result, found = doctor(test, test.game("chaos"), "rdrand")
    check(found["deterministic"] is False and result.status == 6, "exit code 6 expected\n" + result.describe())
    divergence = found["first_divergence"]
    check(divergence and divergence["frame"] >= 1 and divergence["what"], f"first divergence: {divergence}")


@case
def bypasses_are_named(test):
    for source in ("raw_asm", "rdtsc"):
        _, found = doctor(test, test.game("chaos"), source)
        check(found["bypasses"], f"{source}: no bypass was named: {found}")


@case
def no_bypass_no_word(test):
    _, found = doctor(test, test.game("null_deref_clean"))
    check(found["bypasses"] == [], f"bypasses of a game without any: {found['bypasses']}")


@case
def doctor_says_how(test):
    """doctor's JSON names how it attached."""
    for game, method in (("null_deref_clean", "preload"), ("static_sdl_clean", "dynapi"), ("linked_clean", "link")):
        result, found = doctor(test, test.game(game))
        expect_deterministic(result, found)
        check(found["attach"]["method"] == method, f"{game}: attached by {found['attach']}, {method} expected")
        check(found["attach"]["sdl"].startswith("2."), f"{found['attach']}")
        check(found["speed"]["frames_per_s"] > 0 and found["speed"]["times_realtime"] > 0, f"{found['speed']}")


GAMES = ["null_deref_clean", "present_thread_clean", "wait_event_clean", "no_present_clean", "busy_loop_clean",
         "windows_clean", "relaunch_clean", "launcher_clean", "init_late_clean", "children_clean", "save_files_clean",
         "deepbind_clean", "dlopen_sdl_clean", "static_sdl_clean", "static_sdl_stripped_clean", "linked_clean",
         "asan_use_after_free_clean", "deadlock_workers_clean", "inputs", "memory_hog_clean"]

for game_name in GAMES:
    add(f"doctor/{game_name}", lambda test, name: expect_deterministic(*doctor(test, test.game(name))), game_name)


@case
def doctor_gl(test):
    for options in (("--video", "gl"), ("--video", "auto")):
        expect_deterministic(*doctor(test, test.game("gl_triangle_clean"), options=options))


# --- threads: the conformance game, area by area ---

def areas():
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "games", "threads")
    for name in ("locks.c", "sync.c", "life.c", "cancel.c", "own.c", "wait.c", "signals.c", "library.c", "cxx.cpp"):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            for line in file:
                if line.startswith("static void area_"):
                    yield line.split("area_", 1)[1].split("(")[0]


def area(test, name, *options):
    run = test.run(test.game("threads"), "--loop", name, agent="watcher", frames=4, options=options)
    log = "".join(open(os.path.join(folder, "game.log"), encoding="utf-8", errors="replace").read()[-400:]
                  for folder, _, names in os.walk(run.folder) if "game.log" in names)
    check(run.status == 0, f"{log}\n" + run.describe())
    expect_clean(run)


for area_name in areas():
    add(f"threads/{area_name}", area, area_name)
    add(f"threads_seeded/{area_name}", area, area_name, "--schedule-seed", "7")


@case
def threads_list_is_whole(test):
    listed = subprocess.run([test.game("threads"), "list"], stdout=subprocess.PIPE, check=True, text=True).stdout.split()
    check(sorted(listed) == sorted(areas()), f"areas in the sources and in the game differ: {set(listed) ^ set(areas())}")


@case
def threads_native(test):
    """--threads native: the kernel's own threads, all areas in one go, and the run says what that costs."""
    run = test.run(test.game("threads"), "--loop", "mutex", "cond", "join", agent="watcher", frames=12,
                   options=("--threads", "native"))
    expect_clean(run)
    check(any("deterministic" in warning for warning in run.json["warnings"]),
          f"no warning says that the run is not deterministic: {run.json['warnings']}")
