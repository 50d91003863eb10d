# SPDX-License-Identifier: MIT
"""`moth minimize`: a long way to a finding comes down to what it needs, again in a fresh process each time; as a script
too; interrupted or killed it goes on to the same end; what cannot be shrunk is refused."""
import filecmp
import json
import os
import shlex
import shutil
import signal

from bugs import expect_clean, expect_finding
from driver import Run, add, case, check, read_json
from kills import wait_random

ALL_FRAMES = ("--instance-frames", 25000)


def folder_of(run):
    return os.path.join(run.folder, "findings", run.findings[0]["fingerprint"])


def minimize(test, folder, *options, status=0):
    """The answer of `moth minimize --json`."""
    result = test.moth("minimize", "--json", *options, folder)
    check(result.status == status, f"exit code {status} expected\n" + result.describe())
    return json.loads(result.out)


def head_command(script):
    """The command that a script names as its own."""
    with open(script, encoding="utf-8") as file:
        for line in file:
            if line.startswith("--   moth run "):
                return shlex.split(line[len("--   moth "):])
    raise AssertionError(f"no command in {script}")


def expect_script_meets(test, folder, finding):
    """repro.lua, played by the command in its head, comes to the same finding."""
    command = head_command(os.path.join(folder, "repro.lua"))
    at, out = command.index("-a") + 1, test.path("again")
    command[at] = os.path.join(folder, "repro.lua")
    shutil.rmtree(out, ignore_errors=True)
    run = Run(test.moth("run", "-j", 1, "--out", out, "--replays", 1, "--minimize-frames", 0, *command[1:]), out)
    met = [f["fingerprint"] for f in run.findings]
    check(met == [finding["fingerprint"]], f"repro.lua met {met}, not {finding['fingerprint']}\n" + run.describe())


def expect_small(test, folder, finding, most):
    """What lies in a finding's folder is small and comes back."""
    stored = read_json(os.path.join(folder, "finding.json"))
    check(stored["inputs_minimized"] is not None and stored["inputs_minimized"] <= most,
          f"{stored['inputs']} inputs came down to {stored['inputs_minimized']}, not to {most} at most")
    check(stored["trace_minimized"] == f"findings/{finding['fingerprint']}/minimized.moth",
          f"trace_minimized is {stored['trace_minimized']}")
    again = test.moth("replay", "--times", 10, os.path.join(folder, "minimized.moth"))
    check(again.status == 0 and "reproduced 10/10" in again.out, "minimized.moth\n" + again.describe())
    expect_script_meets(test, folder, finding)


def vault(test, frames=None):
    """A way of 20,000 frames (or about 6 times `frames`) to the crash of six_inputs."""
    agent = test.agent("vault")
    if frames:
        with open(agent, encoding="utf-8") as file:
            agent = test.write("vault.lua", file.read().replace("3300", str(frames)))
    run = test.run(test.game("six_inputs"), agent=None, frames=21000, options=("-s", agent, "--replays", 2, *ALL_FRAMES))
    check(len(run.findings) == 1, run.describe())
    return run


@case
def six_inputs(test):
    run = vault(test)
    finding, folder = run.findings[0], folder_of(run)
    check(finding["frame"] > 19000 and finding["inputs"] > 2000,
          f"a long play expected, got {finding['inputs']} inputs in {finding['frame']} frames")
    said = minimize(test, folder)
    check(said["minimal"] and said["reproduced"] == "10/10" and said["frame_minimized"] < 60, json.dumps(said))
    check(said["branches"] and said["frames_played"] * 4 < said["frames_from_launch"] * 3,
          f"branches did not spare a quarter of the frames: {json.dumps(said)}")
    expect_small(test, folder, finding, 12)
    again = minimize(test, folder, "--replays", 1)
    check(again["inputs_minimized"] == said["inputs_minimized"], "what is minimal came out smaller the second time")


@case
def six_inputs_clean(test):
    expect_clean(test.run(test.game("six_inputs_clean"), agent=None, frames=21000,
                          options=("-s", test.agent("vault"), *ALL_FRAMES)))


@case
def within_a_run(test):
    """A run does it by itself, within its bound; 0 turns it off."""
    run = test.run(test.game("null_deref"), options=("--minimize-frames", 20000))
    finding, folder = expect_finding(run, "crash", "open_chest"), folder_of(run)
    check(finding["inputs_minimized"] == 7 and finding["trace_minimized"], json.dumps(finding))
    check(f"inputs {finding['inputs']} → 7" in run.out, run.describe())
    expect_small(test, folder, finding, 7)
    run = test.run(test.game("null_deref"), options=("--minimize-frames", 0, "--replays", 1))
    check(run.findings[0]["inputs_minimized"] is None and run.findings[0]["trace_minimized"] is None, run.describe())
    check(not os.path.exists(os.path.join(folder_of(run), "minimized.moth")), "minimized.moth all the same")


@case
def any_workers(test):
    """What comes out does not depend on how many worked."""
    out = [test.run(test.game("null_deref"), options=("--minimize-frames", 20000, "--replays", 1, "-j", workers))
           for workers in (1, 2)]
    files = [os.path.join(folder_of(run), "minimized.moth") for run in out]
    check(filecmp.cmp(*files, shallow=False), f"{files} differ")


def kind(test, game, expected, most, limits):
    run = test.run(test.game(game), options=("--replays", 1, *limits))
    folder = folder_of(run)
    said = minimize(test, folder, "--replays", 2, *limits)
    check(said["minimal"] and said["reproduced"] == "2/2" and said["inputs_minimized"] <= most, json.dumps(said))
    check(run.findings[0]["kind"] == expected, run.describe())
    again = test.moth("replay", *limits, os.path.join(folder, "minimized.moth"))
    check(again.status == 0, again.describe())


for name, of_kind, inputs, limit_options in (
        ("hang", "hang", 7, ("--frame-cpu-ms", "250")), ("deadlock", "deadlock", 7, ()), ("exit_code", "exit", 7, ()),
        ("asan_use_after_free", "sanitizer", 7, ()), ("memory_hog", "leak", 8, ("--memory-mb", "300"))):
    add(f"minimize/{name}", kind, name, of_kind, inputs, limit_options)


@case
def seed_in_the_script(test):
    """A finding that depends on the game's seed: the command in the script names the run's that leads to it."""
    run = test.run(test.game("chaos_luck"), "getrandom", agent="watcher", frames=600,
                   options=("--seed", 77, "--replays", 1, "--max-findings", 1))
    check(len(run.findings) == 1, run.describe())
    folder = folder_of(run)
    minimize(test, folder, "--replays", 1)
    check("--seed" in head_command(os.path.join(folder, "repro.lua")), "no seed in the script's command")
    expect_script_meets(test, folder, run.findings[0])


def copies(test, run, n):
    folders = []
    for i in range(n):
        folders.append(test.path(f"copy{i}"))
        shutil.copytree(folder_of(run), folders[i])
    return folders


@case
def killed_it_goes_on(test):
    """kill -9 at any moment: what is there is good, nothing is left over, and the end is the same."""
    run = vault(test, 150)
    straight, killed = copies(test, run, 2)
    minimize(test, straight, "--replays", 1)
    asked = []
    for number in range(6):
        process = test.start("minimize", "-q", "--replays", 1, killed)
        if wait_random(process, 0.3 + 0.2 * number):
            os.kill(process.pid, signal.SIGKILL)
        process.wait()
        check(not test.leftovers(patience_s=15), f"left over after kill {number}: {test.processes()}")
        small = os.path.join(killed, "minimized.moth")
        if os.path.exists(small):
            check(test.moth("replay", small).status == 0, f"what kill {number} left does not replay")
        answers = os.path.join(killed, ".minimize", "answers")
        asked.append(os.path.getsize(answers) if os.path.exists(answers) else None)
        if asked[-1] is None and number > 0:
            break
    said = minimize(test, killed, "--replays", 1)
    check(said["minimal"], json.dumps(said))
    check(filecmp.cmp(os.path.join(straight, "minimized.moth"), os.path.join(killed, "minimized.moth"), shallow=False),
          f"killed six times it came to another end; answers kept: {asked}")


@case
def interrupted_it_goes_on(test):
    run = test.run(test.game("null_deref"), options=("--replays", 1))
    straight, short = copies(test, run, 2)
    whole = minimize(test, straight, "--replays", 1)
    said, parts = {"minimal": False}, 0
    while not said["minimal"]:
        said = minimize(test, short, "--replays", 1, "--duration", 1)
        parts += 1
        check(parts < 60, f"it does not come to an end: {json.dumps(said)}")
    check(said["inputs_minimized"] == whole["inputs_minimized"], f"{json.dumps(said)} {json.dumps(whole)}")
    check(not os.path.exists(os.path.join(short, ".minimize")), "what was tried is kept though nothing is left to try")
    process = test.start("minimize", "-q", folder_of(run))
    wait_random(process, 0.5)
    process.send_signal(signal.SIGINT)
    check(process.wait(60) in (0, 130), f"ctrl-c: it ended with {process.returncode}")
    check(not test.leftovers(), f"left over after ctrl-c: {test.processes()}")


@case
def elsewhere(test):
    """--out: the finding's own folder stays as it is."""
    run = test.run(test.game("null_deref"), options=("--replays", 1))
    folder, out = folder_of(run), test.path("elsewhere")
    before = sorted(os.listdir(folder))
    said = minimize(test, os.path.join(folder, "trace.moth"), "--replays", 1, "--out", out)
    check(said["minimal"] and sorted(os.listdir(out)) == ["minimized.moth", "repro.lua"], json.dumps(said))
    check(sorted(os.listdir(folder)) == before, "the finding's folder has changed")


def refused(test, status, words, *arguments):
    result = test.moth("minimize", *arguments)
    check(result.status == status and words in result.err + result.out,
          f"exit code {status} and '{words}' expected\n" + result.describe())


@case
def refusals(test):
    game = test.path("game")
    shutil.copy(test.game("null_deref"), game)
    folder = folder_of(test.run(game, options=("--replays", 1)))
    refused(test, 2, "no trace and no finding", test.path("nowhere"))
    refused(test, 2, "not a moth trace", test.write("foreign.moth", b"\x7fELF is no trace" * 9))
    shutil.copy(test.game("null_deref_clean"), game)
    refused(test, 1, "it did not happen", folder)
    check(not os.path.exists(os.path.join(folder, "minimized.moth")), "minimized.moth of what did not happen")
    os.unlink(game)
    refused(test, 3, "game", folder)


@case
def what_a_script_reported(test):
    agent = test.write("expects.lua", "return function(game) game:tap('a') game:expect(false, 'never') game:step(9) end")
    run = test.run(test.game("inputs"), agent=agent, frames=60, options=("--minimize-frames", 20000, "--replays", 1))
    check(run.findings[0]["kind"] == "invariant" and run.findings[0]["inputs_minimized"] is None, run.describe())
    refused(test, 2, "only the script", folder_of(run))
