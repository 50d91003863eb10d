# SPDX-License-Identifier: MIT
"""The baseline and the gate: what is known does not fail, what is new, back, or quarantined for too long does, and
nothing but `moth baseline` ever writes the file."""
import json
import os
import shutil

from driver import case, check, read_json

FILE = "moth-baseline.json"
PLAY = ("--replays", 2)


def expect(result, status, *says):
    check(result.status == status, f"exit code {status} expected\n" + result.describe())
    for words in says:
        check(words in result.out + result.err, f"'{words}' expected\n" + result.describe())
    return result


def statuses(report):
    return [finding["status"] for finding in report["findings"]]


def fingerprint_of(run):
    check(len(run.findings) == 1, "one finding expected\n" + run.describe())
    return run.findings[0]["fingerprint"]


def bytes_of(path):
    with open(path, "rb") as file:
        return file.read()


def judged(test, run, *options, env=None):
    """`moth report` of a run that is there: exit code and run.json."""
    result = test.moth("report", run.folder, "--reporter", "json", *options, env=env)
    return result, json.loads(result.out) if result.out.startswith("{") else None


@case
def what_is_accepted_is_known(test):
    game = test.game("null_deref")
    first = expect(test.run(game, options=[*PLAY, "--baseline", FILE]), 1, "there is no baseline " + FILE)
    check(any("moth baseline accept" in warning for warning in first.json["warnings"]), "run.json does not warn")
    check(not os.path.exists(test.path(FILE)), "a run made a baseline")
    check(statuses(first.json) == ["new"] and not first.json["gate"]["passed"], f"{statuses(first.json)}")
    expect(test.moth("baseline", "accept", first.folder), 0, "1 finding, 1 new", fingerprint_of(first))
    before = bytes_of(test.path(FILE))
    second = expect(test.run(game, options=[*PLAY, "--baseline", FILE]), 0, "known crash", "passed: no new findings")
    check(statuses(second.json) == ["known"] and second.json["verdict"] == "pass", f"{statuses(second.json)}")
    check(second.json["gate"] == {"passed": True, "reasons": []}, f"{second.json['gate']}")
    folder = os.path.join(second.folder, "findings", fingerprint_of(second))
    check(read_json(os.path.join(folder, "finding.json"))["status"] == "known", "finding.json does not know")
    expect(test.moth("list", "findings", second.folder), 0, "known")
    result, report = judged(test, first, "--baseline", FILE)
    check(result.status == 0 and statuses(report) == ["known"], result.describe())
    result, report = judged(test, first, "--config", test.write("gate.lua", f"return {{ baseline = '{FILE}' }}"))
    check(result.status == 0 and statuses(report) == ["known"], result.describe())
    expect(test.moth("baseline", "accept", first.folder), 0)
    check(bytes_of(test.path(FILE)) == before, "the baseline changed, though nothing new was accepted")


@case
def only_what_is_new_fails(test):
    """Two bugs, one of them known."""
    scenarios = [test.write(f"bug{bug}.lua", f'return function(game)\n game:step(5)\n game:tap("{bug}")\n game:step(9)\nend\n')
                 for bug in (4, 6)]
    game = test.game("fingerprints_plain")
    one = test.run(game, agent=None, options=[*PLAY, "-s", scenarios[0]])
    expect(test.moth("baseline", "accept", one.folder), 0)
    both = test.run(game, agent=None, options=[*PLAY, "-s", scenarios[0], "-s", scenarios[1], "--baseline", FILE])
    expect(both, 1, "new findings")
    check(sorted(statuses(both.json)) == ["known", "new"], f"{statuses(both.json)}")
    # --max-findings is about what nobody knows.
    most = test.run(game, agent=None,
                    options=[*PLAY, "-j", 1, "-s", scenarios[0], "-s", scenarios[1], "--baseline", FILE, "--max-findings", 1])
    check(sorted(statuses(most.json)) == ["known", "new"], f"{statuses(most.json)}")


@case
def a_quarantine_ends(test):
    run = test.run(test.game("null_deref"), options=PLAY)
    name = fingerprint_of(run)
    folder = os.path.join(run.folder, "findings", name)
    expect(test.moth("baseline", "accept", "--quarantine", folder), 2, "--owner")
    expect(test.moth("baseline", "accept", "--quarantine", "--owner", "ada", folder), 2, "--reason")
    expect(test.moth("baseline", "accept", "--quarantine", "--owner", "ada", "--reason", "old", folder), 2, "--expires")
    expect(test.moth("baseline", "accept", "--quarantine", "--owner", "ada", "--reason", "old", "--expires", "soon", folder),
           2, "2027-01-31")
    today = {"MOTH_TODAY": "2030-03-01"}
    expect(test.moth("baseline", "accept", "--quarantine", "--owner", "ada", "--reason", "old engine", "--expires", "2w",
                     folder, env=today), 0, "quarantined")
    entry = read_json(test.path(FILE))["findings"][0]
    check(entry["expires"] == "2030-03-15" and entry["owner"] == "ada" and entry["status"] == "quarantined", f"{entry}")
    result, report = judged(test, run, "--baseline", FILE, env={"MOTH_TODAY": "2030-03-15"})
    check(result.status == 0 and statuses(report) == ["quarantined"], result.describe())
    check(report["findings"][0]["quarantine"] == {"owner": "ada", "reason": "old engine", "expires": "2030-03-15",
                                                  "expired": False}, f"{report['findings'][0]['quarantine']}")
    late = {"MOTH_TODAY": "2030-03-16"}
    result, report = judged(test, run, "--baseline", FILE, env=late)
    check(result.status == 1 and report["findings"][0]["quarantine"]["expired"], result.describe())
    check(any(f"quarantine of {name}" in reason and "2030-03-15" in reason for reason in report["gate"]["reasons"]),
          f"{report['gate']}")
    told = expect(test.moth("report", run.folder, "--baseline", FILE, env=late), 1, "1 finding quarantined for too long:")
    check("new finding:" not in told.out, "what is overdue stands under what is new\n" + told.describe())
    result, report = judged(test, run, "--baseline", FILE, "--fail-on", "none", env=late)
    check(result.status == 0 and report["gate"] == {"passed": True, "reasons": []} and
          any(f"quarantine of {name}" in warning for warning in report["warnings"]), result.describe())
    expect(test.moth("report", run.folder, "--fail-on", "none,crash"), 2, "'none' stands alone")
    expect(test.moth("report", run.folder, "--budget", "frames_per_s=200"), 2, "can never fail")
    expect(test.moth("baseline", "show", env=late), 0, "it was to be fixed by 2030-03-15")
    # Accepting the whole run again does not end a quarantine; naming the finding does.
    expect(test.moth("baseline", "accept", run.folder, env=today), 0, "still in quarantine")
    check(read_json(test.path(FILE))["findings"][0]["status"] == "quarantined", "the quarantine is gone")
    expect(test.moth("baseline", "accept", name, env=late), 0, "known")
    check(read_json(test.path(FILE))["findings"][0]["status"] == "known", "still in quarantine")


@case
def what_is_gone_is_fixed_and_may_come_back(test):
    run = test.run(test.game("null_deref"), options=PLAY)
    expect(test.moth("baseline", "accept", run.folder), 0)
    # A run that plays its trace first, with a build that does not have it any more.
    clean = test.run(test.game("null_deref_clean"), agent="secret",
                     options=[*PLAY, "--replay-first", run.folder, "--baseline", FILE])
    expect(clean, 0)
    check(statuses(clean.json) == ["fixed"] and clean.findings[0]["accepted"], f"{statuses(clean.json)}")
    still = test.run(test.game("null_deref"), options=[*PLAY, "--replay-first", run.folder, "--baseline", FILE])
    expect(still, 0)
    check(statuses(still.json) == ["known"], f"{statuses(still.json)}")
    expect(test.moth("baseline", "prune", still.folder), 0, "1 finding")
    shutil.copy(test.path(FILE), test.path("copy.json"))
    expect(test.moth("baseline", "prune", "--baseline", "copy.json", clean.folder), 0, "0 findings, 1 gone")
    expect(test.moth("baseline", "prune", "--keep-fixed", clean.folder), 0, "1 gone")
    result, report = judged(test, run, "--baseline", FILE)
    check(result.status == 1 and statuses(report) == ["reopened"], result.describe())
    result, report = judged(test, run, "--baseline", "copy.json")
    check(result.status == 1 and statuses(report) == ["new"], result.describe())
    report = read_json(os.path.join(clean.folder, "run.json"))
    report["complete"] = False
    test.write(os.path.relpath(os.path.join(clean.folder, "run.json"), test.folder), json.dumps(report))
    os.unlink(os.path.join(clean.folder, "merge.json"))
    expect(test.moth("baseline", "prune", clean.folder), 2, "did not come to their end")
    expect(test.moth("baseline", "prune", "--force", clean.folder), 0)


@case
def a_run_that_was_cut_short_prunes_nothing(test):
    """--max-findings ends a run, which is complete then, but did not look for all that it was to look for."""
    scenarios = [test.write(f"bug{bug}.lua", f'return function(game)\n game:step(5)\n game:tap("{bug}")\n game:step(9)\nend\n')
                 for bug in (4, 6)]
    both = [*PLAY, "-s", scenarios[0], "-s", scenarios[1]]
    game = test.game("fingerprints_plain")
    whole = test.run(game, agent=None, options=both)
    check(whole.json["stopped_by"] is None and len(whole.findings) == 2, whole.describe())
    expect(test.moth("baseline", "accept", whole.folder), 0, "2 findings")
    before = bytes_of(test.path(FILE))
    cut = test.run(game, agent=None, options=[*both, "--max-findings", 1])
    check(cut.json["complete"] and cut.json["stopped_by"] == "max-findings" and len(cut.findings) == 1, cut.describe())
    _, report = judged(test, cut)
    check(report["stopped_by"] == "max-findings", f"{report['stopped_by']}")
    expect(test.moth("baseline", "prune", cut.folder), 2, "--max-findings", "--force")
    expect(test.moth("baseline", "prune", whole.folder, cut.folder), 2, "--max-findings")
    check(bytes_of(test.path(FILE)) == before, "a run that was cut short took something out")
    # Reached by the last that there was to play, it cut nothing.
    last = test.run(game, agent=None, options=[*both, "--max-findings", 2])
    check(last.json["stopped_by"] is None and len(last.findings) == 2, last.describe())
    expect(test.moth("baseline", "prune", last.folder), 0, "2 findings")
    expect(test.moth("baseline", "prune", "--force", cut.folder), 0, "1 gone")


@case
def runs_of_different_builds_go_together(test):
    """A week of nightly runs is of as many builds; what was measured of several is nobody's, though."""
    found = test.run(test.game("null_deref"), options=PLAY)
    clean = test.run(test.game("null_deref_clean"), options=PLAY)
    builds = [run.json["game"]["build_id"] for run in (found, clean)]
    check(builds[0] != builds[1], f"two builds expected: {builds}")
    expect(test.moth("baseline", "accept", clean.folder, found.folder), 0, "1 finding, 1 new")
    entry = read_json(test.path(FILE))["findings"][0]
    check(builds[0].startswith(entry["first_seen"]), f"it was seen in {builds[0]}: {entry}")
    expect(test.moth("baseline", "prune", "--keep-fixed", clean.folder, found.folder), 0, "1 finding")
    check(read_json(test.path(FILE))["findings"] == [entry], "what one of the runs met is not gone")
    expect(test.moth("baseline", "accept", "--metrics", clean.folder, found.folder), 2, "different builds")


@case
def shows_what_people_wrote_and_nothing_else(test):
    """No word of the file moves a cursor or is a command to whoever reads the output."""
    entry = {"fingerprint": "2-crash-0123456789abcdef", "kind": "crash", "title": "a\x1b[2J", "status": "quarantined",
             "first_seen": "v1\n::error::first", "owner": "ada\n::error::owner", "reason": "b\r\n::error::reason\x1b[1m",
             "expires": "2999-01-01"}
    test.write(FILE, json.dumps({"schema": "moth.baseline/1", "findings": [entry],
                                 "metrics": {"farm\n::error::machine": {"p99": 1}}}))
    shown = expect(test.moth("baseline", "show"), 0, "ada?::error::owner's: b??::error::reason?[1m", "v1?::error::first",
                   "metrics of farm?::error::machine", "1 finding")
    check("\x1b" not in shown.out and "\r" not in shown.out and "\n::" not in shown.out, repr(shown.out))
    check(test.moth("baseline", "show", "-q").out == shown.out, "-q shows something else, and showing is all it was asked for")


@case
def fail_on_names_kinds_and_numbers(test):
    run = test.run(test.game("null_deref"), options=PLAY)
    for fail_on, status in (("any", 1), ("none", 0), ("crash", 1), ("hang,exit", 0), ("crash:2", 0), ("any,crash:0", 0),
                            ("any:0,crash", 1), ("crsh", 2), ("crash:x", 2), ("", 2)):
        result, report = judged(test, run, "--fail-on", fail_on)
        check(result.status == status, f"--fail-on {fail_on}\n" + result.describe())
        if report:
            check(report["verdict"] == ("pass" if status == 0 else "new-findings"), f"{fail_on}: {report['verdict']}")
            check(report["gate"]["passed"] == (status == 0), f"{fail_on}: {report['gate']}")
    direct = test.run(test.game("null_deref"), options=[*PLAY, "--fail-on", "hang"])
    check(direct.status == 0 and statuses(direct.json) == ["new"], direct.describe())


@case
def flaky_findings_fail_only_when_asked(test):
    """Of five replays of a bug some do not meet it: it is flaky, and each replay is kept."""
    run = test.run(test.game("null_deref"), options=PLAY)
    folder = os.path.join(run.folder, "findings", fingerprint_of(run))
    finding = read_json(os.path.join(folder, "finding.json"))
    check([attempt["outcome"] for attempt in finding["attempts"]] == ["met", "met"], f"{finding['attempts']}")
    finding["attempts"].append({"outcome": "clean", "frame": 200, "diverged": 90})
    finding["reproduced"] = "2/3"
    test.write(os.path.relpath(os.path.join(folder, "finding.json"), test.folder), json.dumps(finding))
    result, report = judged(test, run)
    check(result.status == 0 and report["verdict"] == "flaky", result.describe())
    check(report["findings"][0]["attempts"][2] == {"outcome": "clean", "frame": 200, "diverged": 90}, "attempts are lost")
    result, report = judged(test, run, "--fail-on-flaky")
    check(result.status == 5 and not report["gate"]["passed"] and report["gate"]["reasons"], result.describe())
    result, report = judged(test, run, "--fail-on-flaky", "--fail-on", "hang")
    check(result.status == 0 and report["verdict"] == "pass", result.describe())
    expect(test.moth("baseline", "accept", run.folder), 0)
    result, report = judged(test, run, "--fail-on-flaky", "--baseline", FILE)
    check(result.status == 0 and report["verdict"] == "pass", result.describe())


@case
def metrics_have_budgets(test):
    run = test.run(test.game("null_deref_clean"), options=[*PLAY, "--machine", "the farm"])
    check(run.status == 0 and run.json["machine"] == "the farm", run.describe())
    result, _ = judged(test, run, "--budget", "p99=10")
    expect(result, 0, "moth baseline accept --metrics")
    expect(test.moth("baseline", "accept", "--metrics", run.folder), 0, "metrics of the farm")
    metrics = read_json(test.path(FILE))["metrics"]["the farm"]
    check({"p50", "p95", "p99", "max", "frames_per_s", "memory"} <= set(metrics), f"{metrics}")
    result, report = judged(test, run, "--baseline", FILE, "--budget", "p99=0,frames_per_s=0,memory=0")
    check(result.status == 0 and not report["gate"]["reasons"], result.describe())
    baseline = read_json(test.path(FILE))
    baseline["metrics"]["the farm"]["p99"] = metrics["p99"] / 2
    baseline["metrics"]["the farm"]["frames_per_s"] = metrics["frames_per_s"] * 2
    test.write(FILE, json.dumps(baseline))
    result, report = judged(test, run, "--baseline", FILE, "--budget", "p99=50%")
    check(result.status == 1 and report["verdict"] == "new-findings" and "p99" in report["gate"]["reasons"][0],
          result.describe())
    result, report = judged(test, run, "--baseline", FILE, "--budget", "p99=110,frames_per_s=40")
    check(result.status == 1 and "frames_per_s" in report["gate"]["reasons"][0], result.describe())
    result, report = judged(test, run, "--baseline", FILE, "--budget", "p99=110,frames_per_s=60")
    check(result.status == 0, result.describe())
    result, report = judged(test, run, "--baseline", FILE, "--budget", "p99=1", "--machine", "a laptop")
    check(result.status == 0 and any("a laptop" in warning for warning in report["warnings"]), result.describe())
    expect(test.moth("report", run.folder, "--budget", "p98=1"), 2, "did you mean 'p95'")


@case
def moth_lua_says_it_too(test):
    run = test.run(test.game("null_deref"), options=PLAY)
    expect(test.moth("baseline", "accept", "--baseline", "known.json", run.folder), 0)
    game = json.dumps(test.game("null_deref"))
    test.write("moth.lua", f"return {{ game = {game}, baseline = 'known.json', fail_on = 'any',\n"
                           " budgets = { metrics = 'p99=900' } }\n")
    expect(test.moth("run", "-a", test.agent("secret"), "--frames", 200, "--minimize-frames", 0, "--spike-ms", 0, *PLAY), 0)
    expect(test.moth("baseline", "show"), 0, "known.json: 1 finding")
    test.write("moth.lua", f"return {{ game = {game},\n fail_on = 'crsh' }}\n")
    expect(test.moth("run"), 2, "moth.lua:2: fail_on")


@case
def what_is_wrong_is_refused(test):
    run = test.run(test.game("null_deref"), options=PLAY)
    test.write("bad.json", '{\n "schema": "moth.baseline/1",\n "findings": [\n  {"fingerprint": "x"}\n]}\n')
    test.write("half.json", '{\n "schema": "moth.base')
    game = test.game("null_deref")
    expect(test.moth("run", "--baseline", "bad.json", "-o", "x", "--", game), 2, "bad.json:4:", "needs a fingerprint")
    check(not os.path.exists(test.path("x")), "something was played")
    expect(test.moth("report", "--baseline", "half.json", run.folder), 2, "half.json:2:")
    expect(test.moth("run", "--baseline", ".", "--", game), 2)
    before = bytes_of(test.path("bad.json"))
    expect(test.moth("baseline", "accept", "--baseline", "bad.json", run.folder), 2, "bad.json:4:")
    check(bytes_of(test.path("bad.json")) == before, "a file that is no baseline was written over")
    test.write("own.json", '{\n "schema": "moth.baseline/1",\n "findings": [],\n "notes": "keep me"\n}\n')
    expect(test.moth("baseline", "accept", "--baseline", "own.json", run.folder), 2, 'own.json:4: "notes"')
    check("keep me" in bytes_of(test.path("own.json")).decode(), "what somebody wrote is lost")
    expect(test.moth("baseline"), 2, "show|accept|prune")
    expect(test.moth("baseline", "shwo"), 2, "did you mean 'show'")
    expect(test.moth("baseline", "show"), 2, "there is no baseline", "moth baseline accept")
    expect(test.moth("baseline", "prune", run.folder), 2, "there is no baseline")
    expect(test.moth("baseline", "accept"), 2, "accept what")
    expect(test.moth("baseline", "accept", "nowhere"), 2)
    expect(test.moth("baseline", "accept", "2-crash-0123456789abcdef"), 2, "name it by its folder")
    expect(test.moth("baseline", "accept", "--expires", "2w", run.folder), 2, "--quarantine")
    expect(test.moth("baseline", "show", "--owner", "ada"), 2, "belong to moth baseline accept")
    expect(test.moth("baseline", "accept", "--keep-fixed", run.folder), 2, "moth baseline prune")
    check(not os.path.exists(test.path(FILE)), "a baseline was made by a command that failed")
    if os.geteuid() != 0:
        os.chmod(test.folder, 0o555)
        result = test.moth("baseline", "accept", run.folder)
        os.chmod(test.folder, 0o755)
        expect(result, 3)
    expect(test.moth("baseline", "accept", "--baseline", "nowhere/b.json", run.folder), 3)


@case
def shows_as_json(test):
    run = test.run(test.game("null_deref"), options=PLAY)
    result = expect(test.moth("baseline", "accept", "--json", run.folder), 0)
    check(json.loads(result.out) == read_json(test.path(FILE)), result.describe())
    shown = json.loads(expect(test.moth("baseline", "show", "--json"), 0).out)
    check(shown["schema"] == "moth.baseline/1" and len(shown["findings"]) == 1, f"{shown}")
