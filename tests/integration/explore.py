# SPDX-License-Identifier: MIT
"""Exploring: deep bugs, the archive that workers share and later runs go on with, and the values that a game publishes."""
import os
import shutil
import signal
import time

from driver import Run, add, case, check, read_json

CLIMBER = """
return {
    name = "climber",
    actions = { "left", "right", "up", "down" },
    cell = function(state) return state.floor end,
}
"""

WATCHER = """
return function(game)
    game:step(5)
    local s = game.state
    game:expect(s.floor == 0 and s.height == 0 and s.pressure == 1013.25, "numbers")
    game:expect(s.above_ground == false and s.name == "floor 0", "truth and text")
    game:expect(s.edge == "end", "a text at the end of its page: " .. tostring(s.edge))
    game:expect(s.wild == nil and s.gone == nil and s.taken_back == nil and s.nothing == nil, "what cannot be read is nil")
    game:expect(s.frame == game.frame and s.time == game.time, "frame and time")
    game:expect(game:watch { where = "floor" } == true, "an alias")
    local here = game:snapshot()
    for _, key in ipairs { "left", "right", "up", "down" } do
        game:tap(key)
        game:step(2)
        if s.floor == 1 then
            game:expect(s.where == 1 and s.height == 2.5 and s.pressure == 1012.25 and s.above_ground, "values after a step")
            game:restore(here)
            game:expect(s.floor == 0 and s.name == "floor 0", "values after a restore")
            game:tap(key)
            game:step(2)
            game:expect(s.floor == 1 and s.name == "floor 1", "values in a branch: " .. tostring(s.name))
            return
        end
        game:restore(here)
    end
    game:expect(false, "no key leads up")
end
"""


def crashes(run):
    return [finding for finding in run.findings if finding["kind"] == "crash"]


def coverage(run):
    check(run.json and run.json["coverage"]["cells"] is not None, "no coverage\n" + run.describe())
    return run.json["coverage"]


@case
def published_values(test):
    run = test.run(test.game("explore_tower_clean"), agent=test.write("watcher.lua", WATCHER))
    check(run.status == 0 and not run.findings, run.describe())
    check(run.json["coverage"]["cells"] is None, "cells without an agent that explores")


@case
def deep_bug(test):
    """Keys at random would need four to the power of twelve tries."""
    bot = test.write("climber.lua", CLIMBER)
    run = test.run(test.game("explore_tower"), agent=bot, frames=30000, options=("--max-findings", 1, "--replays", 2))
    check(len(crashes(run)) == 1 and crashes(run)[0]["reproduced"] == "2/2", run.describe())
    check(any("fall_off_the_roof" in frame for frame in crashes(run)[0]["stack"]), run.describe())
    check("explored " in run.out and coverage(run)["restores"] > 0, run.describe())
    run = test.run(test.game("explore_tower"), agent=test.write("monkey.lua", """
return require("monkey").with { actions = { "left", "right", "up", "down" }, mouse = false, opening = false }
"""), frames=30000, options=("--replays", 0))
    check(not crashes(run), "chance found it, so it is no test of exploring\n" + run.describe())


@case
def same_seed(test):
    """One worker: the same run twice. Another seed: another."""
    bot = test.write("climber.lua", CLIMBER)
    bytes_of = []
    for seed in (1, 1, 2):
        run = test.run(test.game("explore_tower_clean"), agent=bot, frames=6000, options=("--seed", seed, "--replays", 0))
        with open(os.path.join(run.folder, "archive.bin"), "rb") as file:
            bytes_of.append(file.read())
    check(bytes_of[0] == bytes_of[1], "two runs of one seed left different archives")
    check(bytes_of[0] != bytes_of[2], "two seeds left the same archive")


@case
def resume(test):
    bot = test.write("climber.lua", CLIMBER)
    first = test.run(test.game("explore_tower_clean"), agent=bot, frames=4000, options=("--replays", 0))
    again = test.run(test.game("explore_tower_clean"), agent=bot, frames=8000,
                     options=("--replays", 0, "--resume", first.folder, "--seed", 5))
    check(coverage(again)["cells"] > coverage(first)["cells"], first.describe() + again.describe())
    # In place, too.
    out = again.folder
    result = test.moth("run", "-j", 1, "--frames", 2000, "-a", bot, "-o", out, "--resume", out, "--replays", 0, "--",
                       test.game("explore_tower_clean"))
    check(coverage(Run(result, out))["cells"] >= coverage(again)["cells"], result.describe())
    # Without it a run begins anew.
    result = test.moth("run", "-j", 1, "--frames", 600, "-a", bot, "-o", out, "--replays", 0, "--",
                       test.game("explore_tower_clean"))
    check(coverage(Run(result, out))["cells"] < coverage(again)["cells"], result.describe())


@case
def resume_refused(test):
    bot = test.write("climber.lua", CLIMBER)
    first = test.run(test.game("explore_tower_clean"), agent=bot, frames=1200, options=("--replays", 0))
    other = test.run(test.game("null_deref_clean"), agent=bot, frames=600, options=("--resume", first.folder))
    check(other.status == 2 and "is a run of explore_tower_clean" in other.err, other.describe())
    nothing = test.run(test.game("explore_tower_clean"), agent=bot, options=("--resume", test.path("nowhere")))
    check(nothing.status == 2 and "has no archive.bin" in nothing.err, nothing.describe())
    test.write("bad/archive.bin", "nothing of ours")
    bad = test.run(test.game("explore_tower_clean"), agent=bot, options=("--resume", test.path("bad")))
    check(bad.status == 2 and "is not an archive of a run" in bad.err, bad.describe())
    # The same name, another build: its places are tried, and the run says so.
    os.makedirs(test.path("build"), exist_ok=True)
    shutil.copy(test.game("explore_tower"), test.path("build", "explore_tower_clean"))
    rebuilt = test.run(test.path("build", "explore_tower_clean"), agent=bot, frames=600,
                       options=("--resume", first.folder, "--replays", 0))
    check(any("another build" in text for text in rebuilt.json["warnings"]), rebuilt.describe())


@case
def two_workers(test):
    """Both write to one archive, and what comes of it is whole."""
    bot = test.write("climber.lua", CLIMBER)
    run = test.run(test.game("explore_tower"), agent=bot, frames=40000, options=("-j", 2, "--max-findings", 1, "--replays", 1))
    check(len(crashes(run)) == 1 and crashes(run)[0]["reproduced"] == "1/1", run.describe())
    # One more reads it all.
    again = test.run(test.game("explore_tower_clean"), agent=bot, frames=600, options=("--resume", run.folder))
    check(again.status == 2, again.describe())  # another program
    again = test.run(test.game("explore_tower"), agent=bot, frames=600, options=("--resume", run.folder, "--replays", 0))
    check(coverage(again)["cells"] >= 10, again.describe())


@case
def recordings(test):
    """mutate begins with what lies in the corpus."""
    bot = test.write("climber.lua", CLIMBER)
    found = test.run(test.game("explore_tower"), agent=bot, frames=30000, options=("--max-findings", 1, "--replays", 1))
    check(len(crashes(found)) == 1, found.describe())
    corpus = test.path("out9", "corpus")
    os.makedirs(corpus)
    shutil.copy(os.path.join(found.folder, "findings", crashes(found)[0]["fingerprint"], "trace.moth"), corpus)
    test.write("out9/corpus/broken.moth", "nothing of ours")
    mutant = test.write("mutant.lua", 'return require("mutate").with { cell = function(s) return s.floor end }')
    result = test.moth("run", "-j", 1, "--frames", 8000, "-a", mutant, "-o", test.path("out9"), "--replays", 1,
                       "--max-findings", 1, "--", test.game("explore_tower"))
    run = Run(result, test.path("out9"))
    check(len(crashes(run)) == 1 and any("broken.moth" in text for text in run.json["warnings"]), run.describe())


def killed(test, what):
    """kill -9 of a worker or of the whole run in the middle: the archive is whole, and the next run goes on with it."""
    bot = test.write("climber.lua", CLIMBER)
    out = test.path("out")
    with open(test.path("said"), "wb") as said:
        process = test.start("run", "-j", 2, "--frames", 4000000, "-a", bot, "-o", out, "--replays", 0, "--",
                             test.game("explore_tower_clean"), stdout=said, stderr=said)
        deadline = time.monotonic() + 60
        archive = os.path.join(out, "archive.bin")
        while not (os.path.exists(archive) and os.path.getsize(archive) > 3000):
            check(process.poll() is None and time.monotonic() < deadline, "the run ended by itself, or wrote nothing")
            os.sched_yield()
        if what == "worker":
            worker = [pid for pid, name in test.processes().items() if name == "moth" and pid != process.pid]
            os.kill(max(worker), signal.SIGKILL)
            size = os.path.getsize(archive)
            while os.path.getsize(archive) < size + 2000:
                check(process.poll() is None and time.monotonic() < deadline, "nothing went on after the worker's death")
                os.sched_yield()
            os.kill(process.pid, signal.SIGINT)
            check(process.wait(60) == 130, "an interrupted run ends with 130")
            check(read_json(os.path.join(out, "run.json"))["coverage"]["cells"] > 1, "no cells")
        else:
            os.kill(process.pid, signal.SIGKILL)
            process.wait(60)
            check(not test.leftovers(), "left running after the run was killed")
    again = test.run(test.game("explore_tower_clean"), agent=bot, frames=1200, options=("--resume", out, "--replays", 0))
    check(again.status in (0, 1) and coverage(again)["cells"] > 1, again.describe())


for victim in ("worker", "runner"):
    add(f"explore/killed_{victim}", killed, victim)
