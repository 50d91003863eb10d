# SPDX-License-Identifier: MIT
"""moth report: what belongs together is merged and judged as one, what does not is refused with a reason."""
import json
import os
import shutil
import signal
import subprocess
import xml.etree.ElementTree

from driver import case, check, read_json
from bad_input import USAGE, expect_error
from shards import play, play_shards, text

NEW, FAULT, FLAKY, NOT_DETERMINISTIC = 1, 3, 5, 6


def shards(test, of=2, game="null_deref", agent="secret", name="part", options=()):
    """The shards of a quick run; each finds the one bug of the game."""
    folders = []
    for shard in range(1, of + 1):
        folders.append(test.path(f"{name}-{shard}"))
        test.moth("run", "-q", "-a", test.agent(agent), "-j", 1, "--frames", 600 * of, "--replays", 2, "--minimize-frames", 0,
                  "--shard", f"{shard}/{of}", "-o", folders[-1], *options, "--", test.game(game))
    return folders


def report(test, *words):
    result = test.moth("report", *words)
    out = words[words.index("-o") + 1] if "-o" in words else None
    return result, read_json(os.path.join(out, "run.json")) if out else None


def edit(folder, change, both=True):
    """Change run.json, and what merge.json has of it."""
    for name in ("run.json", "merge.json")[:2 if both else 1]:
        path = os.path.join(folder, name)
        whole = read_json(path)
        change(whole["parts"][0] if name == "merge.json" else whole)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(whole, file)


def set_to(**members):
    return lambda run: run.update(members)


# --- judging ---

@case
def clean_shards_pass(test):
    result, run = report(test, "-o", test.path("merged"), *shards(test, game="null_deref_clean"))
    check(result.status == 0 and run["verdict"] == "pass" and run["findings"] == [], result.describe())
    check(run["frame_time_ms"]["p50"] is None or run["frame_time_ms"]["p50"] > 0, f"{run['frame_time_ms']}")
    check("report: " + test.path("merged", "run.json") in result.out, result.describe())


@case
def missing_shards(test):
    """Nobody knows what a missing shard would have found: no pass without it."""
    clean = shards(test, of=4, game="null_deref_clean")
    result, run = report(test, "-o", test.path("merged"), clean[3], clean[0], clean[1])
    check(result.status == FAULT and run["verdict"] == "error" and run["exit_code"] == FAULT, result.describe())
    check(run["shards"] == {"of": 4, "have": [1, 2, 4], "missing": [3]} and not run["complete"], f"{run['shards']}")
    check("shard 3 of 4 is missing" in run["warnings"] and "shard 3 of 4 is missing" in result.out, result.describe())
    check([line.split()[:3] for line in result.out.splitlines()[:3]] ==
          [["shard", f"{shard}/4", "pass"] for shard in (1, 2, 4)], result.describe())
    result, run = report(test, "-o", test.path("merged"), "--allow-missing", clean[0], clean[1])
    check(result.status == 0 and run["verdict"] == "pass", result.describe())
    check("shards 3, 4 of 4 are missing" in run["warnings"], f"{run['warnings']}")
    buggy = shards(test, name="buggy")
    result, run = report(test, "-o", test.path("found"), buggy[1])
    check(result.status == NEW and run["verdict"] == "new-findings", "what was found fails the gate anyway\n" + result.describe())
    check("shard 1 of 2 is missing" in run["warnings"], f"{run['warnings']}")


@case
def shards_that_did_not_play_on(test):
    """Interrupted, failed, or without a frame: no pass either."""
    for name, members, expected, words in (
            ("stopped", {"exit_code": 130, "complete": False}, FAULT, "shard 2/2 was interrupted"),
            ("failed", {"exit_code": 3, "verdict": "error"}, FAULT, "shard 2/2 ended with an error (exit code 3)"),
            ("agent", {"exit_code": 2, "verdict": "error"}, USAGE, "shard 2/2 ended with an error (exit code 2)"),
            ("nothing", {"exit_code": 4, "verdict": "nothing-ran", "instances": 0}, FAULT, "no instance reached")):
        folders = shards(test, game="null_deref_clean", name=name)
        edit(folders[1], set_to(**members))
        result, run = report(test, "-o", test.path("merged-" + name), *folders)
        check(result.status == expected and run["verdict"] == "error", result.describe())
        check(any(words in warning for warning in run["warnings"]), f"{run['warnings']}")
        result, _ = report(test, "--allow-missing", *folders)
        check(result.status == (0 if name == "stopped" else expected), result.describe())
        if name == "nothing":
            edit(folders[0], set_to(**members))
            result, run = report(test, "-o", test.path("merged-none"), *folders)
            check(result.status == 4 and run["verdict"] == "nothing-ran", result.describe())


@case
def a_shard_that_was_killed(test):
    """What it had reported by then counts, and nobody takes it for the whole."""
    ticking = test.write("ticking.lua", "return function(game) while true do game:step(60) print('tick') end end\n")
    words = ["run", "-v", "-a", ticking, "-j", 1, "--duration", "100s", "--minimize-frames", 0, "--", test.game("null_deref_clean")]
    for shard in (1, 2):
        out = test.path(f"part-{shard}")
        process = test.start(*words[:1], "--shard", f"{shard}/2", "-o", out, *words[1:], stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE)
        for line in process.stderr:
            if b"tick" in line and os.path.exists(os.path.join(out, "run.json")):
                break
        process.send_signal(signal.SIGKILL if shard == 2 else signal.SIGTERM)
        process.stderr.read()
        process.stderr.close()
        check(process.wait(60) in (-signal.SIGKILL, 130), "moth was told to end")
    result, run = report(test, "-o", test.path("merged"), test.path("part-1"), test.path("part-2"))
    check(result.status == FAULT and run["verdict"] == "error" and not run["complete"], result.describe())
    check([warning for warning in run["warnings"] if "interrupted" in warning] ==
          [f"shard {shard}/2 was interrupted before its end" for shard in (1, 2)], f"{run['warnings']}")


@case
def flaky_strict_and_known(test):
    """Judged anew by this command's options and what the findings say."""
    folders = shards(test)
    for folder in folders:
        finding, = os.listdir(os.path.join(folder, "findings"))
        path = os.path.join(folder, "findings", finding, "finding.json")
        with open(path, encoding="utf-8") as file:
            kept = file.read().replace('"2/2"', '"1/2"')
        with open(path, "w", encoding="utf-8") as file:
            file.write(kept)
    result, run = report(test, "-o", test.path("merged"), *folders)
    check(result.status == 0 and run["verdict"] == "flaky", result.describe())
    check(report(test, "--fail-on-flaky", *folders)[0].status == FLAKY, "--fail-on-flaky")
    clean, known = shards(test, name="known", of=2)
    for folder in (clean, known):
        finding, = os.listdir(os.path.join(folder, "findings"))
        path = os.path.join(folder, "findings", finding, "finding.json")
        with open(path, "r+", encoding="utf-8") as file:
            kept = file.read().replace('"status": "new"', '"status": "known"')
            file.seek(0)
            file.write(kept + " " * 2)
    result, run = report(test, "-o", test.path("known"), clean, known)
    check(result.status == 0 and run["findings"][0]["status"] == "known", result.describe())


@case
def the_best_sighting_is_kept(test):
    """Came back best, then fewest inputs; seen so often by all."""
    folders = shards(test, of=3)
    paths = []
    for folder, reproduced, inputs in zip(folders, ("1/2", "2/2", "2/2"), (5, 40, 30)):
        finding, = os.listdir(os.path.join(folder, "findings"))
        paths.append(os.path.join(folder, "findings", finding, "finding.json"))
        kept = read_json(paths[-1])
        kept.update({"reproduced": reproduced, "inputs": inputs})
        with open(paths[-1], "w", encoding="utf-8") as file:
            json.dump(kept, file)
        with open(os.path.join(folder, "findings", finding, "note.png"), "w", encoding="utf-8") as file:
            file.write(folder)
    _, run = report(test, "-o", test.path("merged"), *folders)
    finding, = run["findings"]
    check(finding["inputs"] == 30 and finding["reproduced"] == "2/2", f"{finding}")
    seen = sum(read_json(os.path.join(folder, "run.json"))["findings"][0]["times_seen"] for folder in folders)
    check(finding["times_seen"] == seen >= 3, f"seen {finding['times_seen']} times, not {seen}")
    check(text(test.path("merged", "findings", finding["fingerprint"]), "note.png") == folders[2], "another's folder was copied")
    check(read_json(test.path("merged", "findings", finding["fingerprint"], "finding.json"))["times_seen"] == seen, "finding.json")


# --- telling ---

@case
def the_merged_folder_is_a_run_s(test):
    folders = shards(test)
    result, run = report(test, "-o", test.path("deep", "merged") + "/", "--reporter", "list,junit", *folders)
    finding, = run["findings"]
    folder = test.path("deep", "merged", "findings", finding["fingerprint"])
    check(f"moth replay {test.path('deep', 'merged')}" in result.out, result.describe())
    for name in ("finding.json", "stack.txt", "trace.moth", "game.log"):
        check(os.path.exists(os.path.join(folder, name)), f"no {name}")
    check(test.moth("replay", folder).status == 0, "it does not replay")
    listed = test.moth("list", "findings", test.path("deep", "merged"))
    check(finding["fingerprint"] in listed.out, listed.describe())
    suites = xml.etree.ElementTree.parse(test.path("deep", "merged", "junit.xml")).getroot()
    check(int(suites.get("failures")) >= 2, "junit.xml has each instance's failure")
    check(os.listdir(test.path("deep")) == ["merged"], f"half-made folders: {os.listdir(test.path('deep'))}")
    check(report(test, folders[0])[0].out.count("moth replay " + folders[0]) == 1, "without -o findings are where they were")


@case
def without_out_on_standard_output(test):
    folders = shards(test)
    result, _ = report(test, "--reporter", "json", *folders)
    check(result.status == NEW and json.loads(result.out)["schema"] == "moth.run/1", result.describe())
    result, _ = report(test, "--reporter", "junit", *folders)
    check(xml.etree.ElementTree.fromstring(result.out.encode()).tag == "testsuites", result.describe())
    expect_error(test.moth("report", "--reporter", "list,json", *folders), USAGE, "-o")
    check(report(test, "-q", *folders)[0].out == "", "--quiet")


@case
def a_folder_of_folders(test):
    """As a download of all artifacts is; and run.json itself may be named."""
    shards(test, name="download/part")
    shards(test, game="null_deref_clean", name="single")
    result, _ = report(test, test.path("download"))
    check(result.status == NEW and "missing" not in result.out, result.describe())
    result, _ = report(test, test.path("single-1", "run.json"), test.path("single-2") + "//")
    check(result.status == 0 and "missing" not in result.out, result.describe())


@case
def whole_runs_merge_too(test):
    """Runs with other seeds, and with other agents, are runs of their own."""
    for seed in (1, 2):
        play(test, test.path(f"seed-{seed}"), "--seed", seed)
    play(test, test.path("again"))
    result, run = report(test, "-o", test.path("merged"), test.path("seed-1"), test.path("seed-2"))
    one, two = (read_json(test.path(f"seed-{seed}", "run.json")) for seed in (1, 2))
    check(run["instances"] == one["instances"] + two["instances"] and run["shards"] is None, result.describe())
    check({finding["fingerprint"] for finding in run["findings"]} ==
          {finding["fingerprint"] for half in (one, two) for finding in half["findings"]}, "other findings")
    _, run = report(test, "-o", test.path("merged"), test.path("seed-1"), test.path("again"))
    check(run["instances"] == one["instances"], "the same play of the same run counts once")


@case
def frame_times_add_up(test):
    """Counts are merged, not percentiles: the whole's are those of all frames."""
    folders = play_shards(test, 2, game="one_in_five_clean")
    _, run = report(test, "-o", test.path("merged"), *folders)
    times = [read_json(os.path.join(folder, "run.json"))["frame_time_ms"] for folder in folders]
    check(run["frame_time_ms"]["max"] == max(each["max"] for each in times), f"{run['frame_time_ms']} of {times}")
    # A percentile is the mean of its bucket, which is a 64th wide (fleet/frame_times.h): the other shard's frames in it count, too.
    lowest, highest = min(each["p50"] for each in times) * 63 / 64, max(each["p50"] for each in times) * 65 / 64
    check(lowest <= run["frame_time_ms"]["p50"] <= highest, f"{run['frame_time_ms']} of {times}")
    os.remove(os.path.join(folders[0], "merge.json"))
    result, run = report(test, "-o", test.path("less"), *folders)
    check("merge.json is missing" in result.err and any("frame times" in warning for warning in run["warnings"]), result.describe())


@case
def explored_places_are_united(test):
    """Shards' archives are apart; of the fixed grid each place counts once."""
    folders = []
    for shard in (1, 2):
        folders.append(test.path(f"part-{shard}"))
        agent = os.path.join(test.settings.root, "tests", "bench", "agents", "maze_explorer.lua")
        test.moth("run", "-q", "-a", agent, "-j", 1, "--frames", 8000, "--replays", 1, "--minimize-frames", 0, "--shard",
                  f"{shard}/2", "-o", folders[-1], "--", test.game("maze_clean"))
    counts = [read_json(os.path.join(folder, "run.json"))["coverage"]["reference_cells"] for folder in folders]
    _, run = report(test, "-o", test.path("merged"), *folders)
    both = run["coverage"]["reference_cells"]
    check(max(counts) < both < sum(counts), f"{both} of {counts}: both began in one place and went apart")
    _, again = report(test, "-o", test.path("again"), test.path("merged"), folders[1])
    check(again == run, "merged again it is another")


# --- what does not belong together ---

@case
def mixed_runs_are_refused(test):
    folders = shards(test)
    others = shards(test, game="null_deref_clean", name="other")
    expect_error(test.moth("report", "-o", test.path("merged"), folders[0], others[1]), USAGE, "builds", "--force", "part-1")
    check(not os.path.exists(test.path("merged")), "something was written")
    result, run = report(test, "-o", test.path("merged"), "--force", folders[0], others[1])
    check(result.status == NEW and any("different builds" in warning for warning in run["warnings"]), result.describe())
    edit(others[0], set_to(moth="0.0.7"))
    expect_error(test.moth("report", *others), USAGE, "versions of moth", "0.0.7")
    edit(folders[1], lambda run: run["game"]["argv"].append("--easy"))
    expect_error(test.moth("report", *folders), USAGE, "arguments")


@case
def a_game_may_lie_elsewhere_on_each_machine(test):
    folders = shards(test)
    edit(folders[1], lambda run: run["game"]["argv"].__setitem__(0, "/builds/2/null_deref"))
    check(report(test, *folders)[0].status == NEW, "another folder is no other game")


@case
def a_shard_twice(test):
    folders = shards(test)
    shutil.copytree(folders[0], test.path("copy"))
    result, run = report(test, "-o", test.path("merged"), *folders, test.path("copy"))
    check(result.status == NEW and len(run["runs"]) == 2, result.describe())
    edit(test.path("copy"), set_to(run="0123456789abcdef"))
    _, again = report(test, "-o", test.path("again"), *folders, test.path("copy"))
    check(again["instances"] == run["instances"], "played twice with the same outcome: it counts once")
    edit(test.path("copy"), set_to(frames_total=599))
    expect_error(test.moth("report", *folders, test.path("copy")), USAGE, "shard 1/2 is there twice", "copy", "part-1", "--force")
    check(report(test, "--force", *folders, test.path("copy"))[0].status == NEW, "--force")


@case
def other_plans_are_other_runs(test):
    """Shards with other options are not shards of one run: both miss some."""
    one, _ = shards(test, name="one")
    _, two = shards(test, name="two", options=("--seed", 9))
    result, run = report(test, "-o", test.path("merged"), one, two)
    check(run["shards"] is None and sum("is missing" in warning for warning in run["warnings"]) == 2, result.describe())


# --- bad input ---

def refuses(test, folder, *words):
    expect_error(test.moth("report", "-o", test.path("merged"), folder), USAGE, *words)
    check(not os.path.exists(test.path("merged")), "something was written")


@case
def damaged_reports(test):
    folder, _ = shards(test)
    good = {name: text(folder, name) for name in ("run.json", "merge.json")}

    def put(name, content):
        for each, was in good.items():
            test.write(os.path.join(folder, each), content if each == name else was)

    for name in good:
        for content in ("", "{", good[name][:len(good[name]) // 2], "\0" * 100, "[" * 100000, '"text"', "{}", "null",
                        '{"schema": 7}', good[name].replace("{", '{"seed": 1, "seed": 2,', 1)):
            put(name, content)
            refuses(test, folder, name)
    put("run.json", good["run.json"].replace("moth.run/1", "moth.run/2"))
    refuses(test, folder, "another version", "moth.run/2")
    put("run.json", '{"schema": "nightly/1", "tests": 7}')
    refuses(test, folder, "is no report")
    put("run.json", good["run.json"])
    for member, wrong in (("shard", "3/2"), ("shard", 7), ("verdict", "great"), ("exit_code", "1"), ("instances", -1),
                          ("frames_total", 1.5), ("wall_s", "x"), ("warnings", [7]), ("game", []), ("findings", {}), ("seed", None)):
        put("run.json", good["run.json"])
        edit(folder, set_to(**{member: wrong}))
        refuses(test, folder, member if member != "game" else "argv")


@case
def fingerprints_are_no_paths(test):
    """What a report from elsewhere names is never a way out of the folder."""
    folder, _ = shards(test)
    for fingerprint in ("../../../etc", "1-crash-../../../../x", "1-crash-0123456789abcdef/../../x", "", "x" * 5000, None):
        edit(folder, lambda run, value=fingerprint: run["findings"][0].update(fingerprint=value))
        refuses(test, folder, "findings")


@case
def links_are_not_followed(test):
    folders = shards(test)
    secret = test.write("secret.txt", "for nobody else")
    for folder in folders:
        finding, = os.listdir(os.path.join(folder, "findings"))
        os.symlink(secret, os.path.join(folder, "findings", finding, "loot.png"))
    _, run = report(test, "-o", test.path("merged"), *folders)
    check(not os.path.lexists(test.path("merged", "findings", run["findings"][0]["fingerprint"], "loot.png")), "a link was followed")


@case
def a_finding_that_is_gone(test):
    """An artifact that lost files: the finding is still told of, and the gate does not pass."""
    folder, other = shards(test)
    for each in (folder, other):
        shutil.rmtree(os.path.join(each, "findings"))
    result, run = report(test, "-o", test.path("merged"), folder, other)
    check(result.status == FAULT and run["verdict"] == "error", result.describe())
    check(run["findings"][0]["trace"] is None and "not whole" in result.err, result.describe())


@case
def what_is_no_run(test):
    expect_error(test.moth("report"), USAGE, "DIR")
    expect_error(test.moth("report", test.path("nothing")), USAGE, "nothing")
    expect_error(test.moth("report", test.write("file", "x")), USAGE, "no folder")
    os.makedirs(test.path("empty", "inner"))
    expect_error(test.moth("report", test.path("empty")), USAGE, "run.json", "empty")
    expect_error(test.moth("report", "--", "x"), USAGE, "--")
    folders = shards(test, game="null_deref_clean")
    expect_error(test.moth("report", *folders, test.path("empty")), USAGE, "empty")
    os.makedirs(test.path("killed", "findings"))  # at its very beginning
    expect_error(test.moth("report", *folders, test.path("killed")), FAULT, "killed has no run.json", "1 run left no report")
    check(report(test, "--allow-missing", *folders, test.path("killed"))[0].status == 0, "--allow-missing")
    expect_error(test.moth("report", test.path("killed")), USAGE, "no runs")


@case
def what_is_in_the_way_stays(test):
    folders = shards(test, game="null_deref_clean")
    os.makedirs(test.path("mine"))
    test.write("mine/thesis.txt", "years of work")
    expect_error(test.moth("report", "-o", test.path("mine"), *folders), USAGE, "mine", "-o")
    expect_error(test.moth("report", "-o", folders[0], *folders), USAGE, "part-1")
    expect_error(test.moth("report", "-o", test.write("a-file", "x"), *folders), USAGE, "no folder")
    check(text(test.path("mine"), "thesis.txt") == "years of work" and os.listdir(test.path("mine")) == ["thesis.txt"], "it is gone")
    check(os.path.exists(os.path.join(folders[0], "run.journal")) or os.path.exists(os.path.join(folders[0], "merge.json")), "a run is gone")
    os.makedirs(test.path("merged"))
    for _ in range(2):
        check(report(test, "-o", test.path("merged"), *folders)[0].status == 0, "an empty folder, an earlier merge: replaced")
    check(report(test, "-o", test.path("merged"), test.path("merged"))[0].status == 0, "onto itself")
