# SPDX-License-Identifier: MIT
"""Branches of a game are exact: what a snapshot is taken of goes on as if nothing had been, and what is restored from
it plays as a straight run does. The comparing is done by branch_check, frame by frame."""
import os
import re
import subprocess

from driver import add, case, check, skip

FILES = ("files.c", "folders.c", "pipes.c", "threads.c", "own.c", "children.c", "cxx.cpp")


def areas():
    """Read from the sources, so that cases exist before the game is built."""
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "games", "branch")
    for name in FILES:
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            table = file.read().rpartition("struct area ")[2]
            yield from re.findall(r'\{"(\w+)",', table)


def checker(test):
    program = os.path.join(os.path.abspath(test.settings.build), "tests", "integration", "branch_check")
    check(os.path.exists(program), f"no {program}: it was not built")
    return program


def branch_check(test, *game, options=("--live",)):
    argv = [checker(test), "--name", test.name, *options, "--", *game]
    test.commands.append(argv)
    done = subprocess.run(argv, cwd=test.folder, env=test.environment({"TMPDIR": test.folder}), text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=170, check=False)
    check(done.returncode == 0, f"{done.stdout}{done.stderr}")
    left = [name for name in os.listdir(test.folder) if name.startswith("moth-")]
    check(not left, f"left in TMPDIR: {left}")


def area(test, *arguments):
    names = [argument for argument in arguments if argument.isidentifier()]
    options = [argument for argument in arguments if argument not in names]
    branch_check(test, test.game("branch"), *names, options=("--look", "1", *options))


for area_name in areas():
    if area_name not in ("spin", "helper"):
        add(f"branch/{area_name}", area, area_name, "--live")
add("branch/spin", area, "spin", "--live", "--brief", "--spin-ms", "50")
# While a process of its own runs, the game cannot be forked: then it is played again.
add("branch/helper", area, "helper")
add("branch/helper_timers", area, "helper", "signals", "timer", "--brief")


def everything(test, *options):
    branch_check(test, test.game("branch"), options=("--live", "--look", "1", *options))


# Other places to fork at, other inputs, another order of threads.
for fork, seed, schedule in ((7, 2, 0), (61, 3, 0), (100, 4, 5), (173, 5, 0)):
    add(f"branch/all_{fork}", everything, "--before", str(fork), "--seed", str(seed), "--schedule-seed", str(schedule))


@case
def areas_are_whole(test):
    listed = subprocess.run([test.game("branch"), "list"], stdout=subprocess.PIPE, check=True, text=True).stdout.split()
    check(sorted(listed) == sorted(areas()), f"areas in the sources and in the game differ: {set(listed) ^ set(areas())}")


@case
def mappings_of_an_old_kernel(test):
    """Before Linux 6.11 the whole list of mappings is read."""
    branch_check(test, test.game("old_kernel"), test.game("branch"), "map_file", "map_memory",
                 options=("--live", "--look", "1", "--brief"))


@case
def gl(test):
    branch_check(test, test.game("branch_gl"), options=("--live", "--video", "gl", "--look", "10", "--brief"))


@case
def a_difference_is_seen(test):
    """What asks the processor for random numbers is not the same twice: then the check must say so."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        if " rdrand " not in file.read().replace("\n", " "):
            skip("this processor has no rdrand")
    done = subprocess.run([checker(test), "--still", "--look", "1", "--", test.game("chaos"), "rdrand"], cwd=test.folder,
                          env=test.environment(), text=True, capture_output=True, timeout=120, check=False)
    check(done.returncode == 1 and "frame" in done.stderr and "differs" in done.stderr,
          f"exit status {done.returncode}: {done.stdout}{done.stderr}")


GAMES = ("present_thread_clean", "wait_event_clean", "no_present_clean", "windows_clean", "relaunch_clean",
         "launcher_clean", "save_files_clean", "deepbind_clean", "static_sdl_clean", "linked_clean", "inputs",
         "asan_use_after_free_clean")

for game_name in GAMES:
    add(f"branch/game/{game_name}",
        lambda test, name: branch_check(test, test.game(name), options=("--live", "--brief", "--still")), game_name)


# --- the maze, which explorers are measured on ---

PLACES = 115200
WALKER = """local keys = {{ l = "left", r = "right", u = "up", d = "down" }}
return function(game)
    game:step(5)
    for _, run in ipairs {{ {runs} }} do
        local key = keys[run:sub(1, 1)]
        game:press(key)
        game:step(2 * #run)
        game:release(key)
    end
    game:step(10)
end
"""


def maze_way(test, bug, function):
    """Each broken tile can be walked to, breaks there, and does not in the clean twin; each place on the way is
    counted once."""
    way = subprocess.run([test.game("maze"), "way", str(bug)], stdout=subprocess.PIPE, check=True, text=True).stdout
    way = way.strip()
    runs = [match.group() for match in re.finditer(r"(.)\1*", way)]
    walker = test.write("walker.lua", WALKER.format(runs=", ".join(f'"{run}"' for run in runs)))
    places = test.write("places", bytes(PLACES))
    for game, expected in (("maze", [function]), ("maze_clean", [])):
        run = test.run(test.game(game), agent=None, frames=2 * len(way) + 20,
                       options=("--scenario", walker, "--env", f"MAZE_COVERAGE={places}", "--replays", "1"))
        stacks = [" ".join(map(str, finding["stack"])) for finding in run.findings]
        check(len(stacks) == len(expected) and all(name in stack for name, stack in zip(expected, stacks)),
              f"{game}: {stacks}\n" + run.describe())
        with open(places, "rb") as file:
            counted = sum(file.read())
        check(counted == len(way) + 1, f"{game}: {counted} places were counted on a way of {len(way)} steps")


for bug_number, bug_function in enumerate(("first", "second", "third", "deepest")):
    add(f"branch/maze_{bug_function}", maze_way, bug_number, f"fall_through_{bug_function}_floor")
