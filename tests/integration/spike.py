# SPDX-License-Identifier: MIT
"""Frames that take too long: found on a busy machine, at their true cost, with the function and the thread that took
it; what the machine does by itself is not reported. Builds held against each other. What depends on how fast and how quiet
the machine is stands in timed.py."""
import contextlib
import json
import os
import shutil
import subprocess

from bugs import expect_clean
from driver import case, check

BUSY = 4  # processes that compute all the time beside what is tested


@contextlib.contextmanager
def busy_machine():
    hogs = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(BUSY)]
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


def cost_ms(test):
    """What the planted work costs here and now, without moth."""
    out = subprocess.run([test.game("spike_stall"), "--cost"], capture_output=True, text=True, timeout=120, check=True)
    return float(out.stdout.split()[0])


def budget_for(cost):
    """The planted cost is a number of steps, not of milliseconds: on a fast machine it may be under 60."""
    return ("--spike-ms", str(min(60, int(cost * 0.7))))


def expect_spike(test, run, function, thread):
    check(run.status == 1, "exit code 1 expected\n" + run.describe())
    kinds = [(f["kind"], f["title"]) for f in run.findings]
    check([kind for kind, _ in kinds] == ["spike"], f"exactly one spike expected, got {kinds}\n" + run.describe())
    finding = run.findings[0]
    met, tried = map(int, finding["reproduced"].split("/"))
    check(met == tried >= 3, f"reproduced {finding['reproduced']}")
    own = [frame.split()[0] for frame in finding["stack"]]
    check(function in own[:2], f"{function} is not who is named: {finding['stack']}")
    check(function in finding["title"], f"the title does not name {function}: {finding['title']}")
    check(f"frame {finding['frame']} took" in finding["title"], f"title: {finding['title']}")
    facts = finding["spike"]
    check(facts["threads"][0]["name"] == thread and facts["threads"][0]["ms"] > 0.9 * facts["least_ms"],
          f"threads: {facts['threads']}")
    check(facts["replays"] >= 5 and facts["least_ms"] <= facts["most_ms"], f"{facts}")
    folder = os.path.join(run.folder, "findings", finding["fingerprint"])
    with open(os.path.join(folder, "stacks.folded"), encoding="utf-8") as file:
        stacks = [line.rsplit(" ", 1) for line in file]
    total_us = sum(int(us) for _, us in stacks)
    check(sum(int(us) for stack, us in stacks if function in stack.split(";")) > 0.8 * total_us,
          f"{function} has too little of the samples: {stacks}")
    check(abs(total_us / 1000 - facts["least_ms"]) < 0.25 * facts["least_ms"], f"samples of {total_us} us: {facts}")
    return finding


@case
def stall_on_a_busy_machine(test):
    with busy_machine():
        run = test.run(test.game("spike_stall"), frames=130, options=("--replays", "3", *budget_for(cost_ms(test))))
    finding = expect_spike(test, run, "load_level", "main")
    facts = finding["spike"]
    check(finding["frame"] == 64, f"frame {finding['frame']}: the last key of the secret comes with frame 64")
    check(facts["allocations"] == 100 and facts["allocated_bytes"] == 100000, f"100 allocations were planted: {facts}")
    check(run.json["spikes"]["confirmed"] >= 1, f"{run.json['spikes']}")
    again = test.moth("replay", "--json", os.path.join(run.folder, "findings", finding["fingerprint"]))
    check(again.status == 0, "the replay did not meet it\n" + again.describe())
    other = test.moth("replay", "--spike-ms", "500", os.path.join(run.folder, "findings", finding["fingerprint"]))
    check(other.status == 1, "it is no spike by a budget of half a second\n" + other.describe())


@case
def clean_on_a_busy_machine(test):
    with busy_machine():
        run = test.run(test.game("spike_stall_clean"), frames=1200, options=("--softlock-s", "0"))
    expect_clean(run)
    times = run.json["frame_time_ms"]
    check(all(times[name] is not None for name in ("p50", "p95", "p99", "max", "low1_avg", "low1_integral", "low1_pct",
                                                   "stutter_time_pct", "hitches_per_min")), f"{times}")
    check(0 < times["p50"] <= times["p95"] <= times["p99"] <= times["max"] and times["clock"] == "cpu", f"{times}")


@case
def a_spike_soon_after_another_is_the_same(test):
    """The frames before the second have the first in them, whose function is not usual for that."""
    agent = test.write("twice.lua", """return function(game)
    game:step(30)
    for _ = 1, 2 do
        for _, key in ipairs { "up", "up", "down", "return" } do game:tap(key) game:step(2) end
    end
    game:step(20)
end
""")
    run = test.run(test.game("spike_stall"), agent=agent, frames=100, options=("--replays", "3", *budget_for(cost_ms(test))))
    finding = expect_spike(test, run, "load_level", "main")
    check(finding["times_seen"] == 2, f"both are to be seen: {finding['times_seen']}")


@case
def the_loader_stole_the_frame(test):
    run = test.run(test.game("spike_loader"), frames=130,
                   options=("--replays", "3", *budget_for(cost_ms(test))))
    finding = expect_spike(test, run, "decode_texture", "loader")
    check("on thread loader" in finding["title"], finding["title"])
    check(finding["spike"]["lock_waits"] >= 1, f"the main thread waited for a lock: {finding['spike']}")
    expect_clean(test.run(test.game("spike_loader_clean"), frames=130, options=("--replays", "3")))


@case
def without_symbols_a_function_is_where_it_begins(test):
    whole, stripped = test.game("spike_stall_calls"), test.write("stripped", "")
    subprocess.run(["strip", "-o", stripped, whole], check=True, timeout=60)
    symbols = subprocess.run(["nm", whole], capture_output=True, text=True, timeout=60, check=True).stdout
    begins = {fields[2]: int(fields[0], 16) for fields in map(str.split, symbols.splitlines()) if len(fields) == 3}
    run = test.run(stripped, frames=130, options=("--replays", "3", *budget_for(cost_ms(test))))
    check(len(run.findings) == 1, run.describe())
    own = [frame.split()[0] for frame in run.findings[0]["stack"]]
    check(own[0] in (f"stripped+{begins['unpack']:#x}", f"stripped+{begins['load_level']:#x}"),
          f"neither unpack nor load_level is named: {own}")


def recording(test, game):
    """A trace of a play of this game."""
    agent = test.write("still.lua", "return function(game) for _ = 1, 5 do game:tap('left', 3) game:step(20) end end\n")
    run = test.run(test.game(game), agent=agent, frames=100, options=("--traces", "1", "--softlock-s", "0"))
    check(run.status == 0, run.describe())
    folder = os.path.join(run.folder, "traces")
    return os.path.join(folder, sorted(os.listdir(folder))[0])


@case
def comparing_what_cannot_be(test):
    game = test.game("spike_work")
    for args, says in (((game, game), "which trace"), ((game,), "A B"), ((game, game, "--trace", "none.moth"), "none.moth"),
                       ((game, game, "--trace", "none.moth", "--threshold", "much"), "threshold"),
                       ((game, game, "--trace", "none.moth", "--replays", "1"), "replays")):
        result = test.moth("compare", *args)
        check(result.status == 2 and says in result.err, f"{args}: exit code 2 and '{says}' expected\n" + result.describe())
    missing = test.moth("compare", game, "./no-such-build", "--trace", "none.moth")
    check(missing.status == 3 and "no-such-build" in missing.err, missing.describe())


def compared(test, *args):
    result = test.moth("compare", "--json", "--replays", "2", *args)
    return result, json.loads(result.out)["traces"][0]


@case
def a_build_that_crashes_is_worse(test):
    trace = recording(test, "spike_work")
    good, broken = test.game("spike_work"), test.game("spike_work_broken")
    run, result = compared(test, "--profiles", "0", good, broken, "--trace", trace)
    check(run.status == 1 and result["worse"], "B crashes where A goes on\n" + run.describe())
    ended = result["b_ended"]
    check(result["a_ended"] is None and ended["bad"] and ended["frame"] == 60 and "SIGABRT" in ended["how"], f"{ended}")
    check("ended at frame 60" in run.err, "a word of it is expected\n" + run.describe())
    check(result["launch"]["worse"], f"the launch does much more: {result['launch']}")
    run, result = compared(test, "--profiles", "0", broken, good, "--trace", trace)
    check(result["b_ended"] is None and result["a_ended"]["frame"] == 60 and not result["launch"]["worse"],
          "now A crashes\n" + run.describe())


@case
def builds_without_symbols_are_one_function(test):
    trace = recording(test, "spike_work")
    again = os.path.join(os.path.dirname(trace), "another_name")
    shutil.copy(test.game("spike_work_stripped"), again)
    run, result = compared(test, "--profiles", "2", "--sample-us", "1000", test.game("spike_work_stripped"), again,
                           "--trace", trace)
    games = [f for f in result["functions"] if f["function"] == "(the game)"]
    check(len(games) == 1 and games[0]["a_ms"] > 0 and games[0]["b_ms"] > 0, run.describe())
    check(not any("spike_work" in f["function"] or "another_name" in f["function"] for f in result["functions"]),
          "the game's functions are called after its file\n" + run.describe())
