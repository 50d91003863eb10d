# SPDX-License-Identifier: MIT
"""Reporters: every report of real runs is valid by the schema of those who read it, and is a function of the folder
alone."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import xml.etree.ElementTree

from driver import case, check, read_json
from bad_input import USAGE, expect_error

ALL = "list,json,junit,html,github,sarif"
FILES = ("junit.xml", "report.html", "findings.sarif", "run.json")
EVIL = "::error::owned\n##[set-output name=a]b\n[[ATTACHMENT|/etc/passwd]]\n<script>alert(1)</script> ]]> \x1b[31m \x00 `|*\n"


# --- with the schemas ---

def schema(test, *parts):
    return os.path.join(test.settings.root, *parts)


def holds(test, name, *files, is_ours=True, is_closed=False):
    path = schema(test, "reports", "schema", name) if is_ours else schema(test, "tests", "schemas", name)
    argv = [sys.executable, schema(test, "tests", "schemas", "check.py"), *(["--closed"] if is_closed else []), path, *files]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    check(done.returncode == 0, f"{name}: {done.stdout[:2000]}{done.stderr[-500:]}")


def xml_holds(test, path):
    """The whole by our schema, and each suite by Surefire's own."""
    suites = xml.etree.ElementTree.parse(path).getroot()
    checks = [("junit.xsd", path)]
    for i, suite in enumerate(suites):
        name = test.path(f"suite-{i}.xml")
        xml.etree.ElementTree.ElementTree(suite).write(name, encoding="utf-8")
        checks.append(("surefire-test-report.xsd", name))
    for name, file in checks:
        done = subprocess.run(["xmllint", "--noout", "--nonet", "--schema", schema(test, "tests", "schemas", name), file],
                              capture_output=True, text=True, check=False)
        check(done.returncode == 0, f"{name}: {done.stderr[:2000]}")
    return suites


def folder_holds(test, folder):
    holds(test, "run.schema.json", os.path.join(folder, "run.json"))
    findings = os.path.join(folder, "findings")
    files = [os.path.join(findings, name, "finding.json") for name in (os.listdir(findings) if os.path.isdir(findings) else ())]
    if files:
        holds(test, "finding.schema.json", *files)
    if os.path.exists(os.path.join(folder, "findings.sarif")):
        holds(test, "sarif-2.1.0.json", os.path.join(folder, "findings.sarif"), is_ours=False)
    if os.path.exists(os.path.join(folder, "junit.xml")):
        return xml_holds(test, os.path.join(folder, "junit.xml"))
    return None


def quick(test, game, *options, agent="secret", env=None, replays=2):
    return test.run(test.game(game), agent=agent, options=("--replays", replays, "--reporter", ALL, *options), env=env)


@case
def a_run_with_findings(test):
    run = quick(test, "null_deref", "--minimize-frames", 2000)
    suites = folder_holds(test, run.folder)
    finding, = run.findings
    check(len(suites.findall(".//failure[@type='crash']")) == run.json["instances"], "each instance fails")
    output = suites.find(".//testcase/system-out").text
    named = re.findall(r"^\[\[ATTACHMENT\|(.*)\]\]$", output, flags=re.M)
    check(named and all(os.path.isfile(name) for name in named), f"attachments that are not there: {named}")
    check(f"moth replay {run.folder}/findings/{finding['fingerprint']}" in suites.find(".//failure").text, "no command")
    sarif = read_json(os.path.join(run.folder, "findings.sarif"))["runs"][0]
    result, = sarif["results"]
    check(result["partialFingerprints"][f"moth/v{finding['fingerprint'].split('-')[0]}"] == finding["fingerprint"], f"{result}")
    check(sarif["invocations"][0]["exitCode"] == run.status == 1, f"{sarif['invocations']}")
    for artifact in sarif["artifacts"]:
        check(os.path.isfile(os.path.join(run.folder, artifact["location"]["uri"])), f"{artifact}")
    check(f"::error file=null_deref.c,line={result['locations'][0]['physicalLocation']['region']['startLine']}," in run.out, run.describe())
    check(os.path.getsize(os.path.join(run.folder, "report.html")) > 1000, "no report.html")
    merged = test.path("merged")
    check(test.moth("report", "-q", "--reporter", ALL, "-o", merged, run.folder).status == 1, "report")
    folder_holds(test, merged)
    for name in ("junit", "sarif", "json", "github", "html"):
        check(test.moth("report", "--reporter", name, run.folder).out != "", f"{name} on standard output")
    test.write("alone.sarif", test.moth("report", "--reporter", "sarif", run.folder).out)
    holds(test, "sarif-2.1.0.json", test.path("alone.sarif"), is_ours=False)


@case
def every_member_is_described(test):
    """What is added to run.json, finding.json or `moth doctor --json` is added to its schema in reports/schema, with a
    sentence: people write programs by it."""
    run = quick(test, "null_deref", "--minimize-frames", 2000)
    test.moth("report", "-q", "-o", test.path("merged"), run.folder)
    doctor = test.write("doctor.json", test.moth("doctor", "--json", "--frames", 60, "--", test.game("null_deref_clean")).out)
    for name, files in {"run": (os.path.join(run.folder, "run.json"), test.path("merged", "run.json")), "doctor": (doctor,),
                        "finding": (os.path.join(run.folder, "findings", run.findings[0]["fingerprint"], "finding.json"),)}.items():
        holds(test, f"{name}.schema.json", *files, is_closed=True)


@case
def runs_without_findings(test):
    """A clean one, a game that cannot be attached to, an agent that fails, a run that is interrupted."""
    clean = quick(test, "null_deref_clean")
    suites = folder_holds(test, clean.folder)
    check(suites.get("failures") == suites.get("errors") == "0" and "::" not in clean.out, clean.describe())
    nothing = test.run("/bin/true", agent="secret", options=("--reporter", ALL))
    if nothing.json:
        folder_holds(test, nothing.folder)
    check("::error title=moth" in nothing.out, nothing.describe())
    faulty = quick(test, "null_deref_clean", agent=test.write("faulty.lua", f"return function(game) game:step(5); error({json.dumps(EVIL)!r}) end"))
    suites = folder_holds(test, faulty.folder)
    check(suites.find(".//error[@type='fault']") is not None and suites.get("failures") == "0", faulty.describe())
    check(not re.search(r"^\s*::(?!error |warning |notice )", faulty.out + faulty.err, flags=re.M), faulty.describe())
    check("##[" not in faulty.out + faulty.err, faulty.describe())


@case
def an_interrupted_run(test):
    folder = test.path("out")
    process = test.start("run", "-q", "-a", test.agent("secret"), "-j", 1, "--duration", "60s", "--replays", 1, "--minimize-frames",
                         0, "--reporter", ALL, "-o", folder, "--", test.game("null_deref_clean"),
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not os.path.exists(os.path.join(folder, "run.json")) and process.poll() is None:
        try:
            process.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    check(process.returncode == 130, f"ended with {process.returncode}: {out}{err}")
    suites = folder_holds(test, folder)
    with open(os.path.join(folder, "run.json"), encoding="utf-8") as file:
        run = json.load(file)
    check(run["verdict"] == "error" and run["exit_code"] == 130, f"{run['verdict']}")
    check(suites.get("errors") == "1" and "::error title=moth%3A interrupted::" in out, out)
    check(all(os.path.exists(os.path.join(folder, name)) for name in FILES), f"{os.listdir(folder)}")


@case
def doctor_and_compare(test):
    game = test.game("null_deref_clean")
    for name, argv in (("doctor", ("doctor", "--json", "--frames", 60, "--", game)),
                       ("doctor", ("doctor", "--json", "--frames", 60, "--", "/bin/true"))):
        result = test.moth(*argv)
        if result.out:
            holds(test, f"{name}.schema.json", test.write("out.json", result.out))
    run = test.run(test.game("null_deref"), options=("--replays", 1))
    trace = os.path.join(run.folder, "findings", run.findings[0]["fingerprint"], "trace.moth")
    result = test.moth("compare", "--json", "--replays", 2, "--profiles", 1, game, game, "--trace", trace)
    holds(test, "compare.schema.json", test.write("compare.json", result.out))


# --- what the team knows ---

@case
def what_the_team_knows_is_told(test):
    """The same run, judged by a baseline that knows its finding, and by one that has it in quarantine until a day."""
    run = quick(test, "null_deref")
    accept = ("baseline", "accept", "--baseline", test.path("known.json"))
    check(test.moth(*accept, run.folder).status == 0, "moth baseline accept")
    quarantine = ("--quarantine", "--owner", "ada", "--reason", "old engine", "--expires", "2030-03-15")
    check(test.moth(*accept[:-1], test.path("kept.json"), *quarantine, run.folder).status == 0, "--quarantine")
    # baseline, day, status, skipped or failures, message, level, baselineState, suppressions
    ways = (("known.json", "2030-03-01", 0, "skipped", "known", "notice", "unchanged", 0),
            ("kept.json", "2030-03-01", 0, "skipped", "quarantined by ada until 2030-03-15: old engine", "notice", "unchanged", 1),
            ("kept.json", "2030-03-16", 1, "failures", None, "error", "unchanged", 0))
    for i, (baseline, day, status, counted, message, level, state, suppressions) in enumerate(ways):
        out = test.path(f"judged-{i}")
        result = test.moth("report", "--baseline", test.path(baseline), "--reporter", ALL, "-o", out, run.folder,
                           env={"MOTH_TODAY": day, "GITHUB_STEP_SUMMARY": ""})
        check(result.status == status, result.describe())
        suites = folder_holds(test, out)
        check(int(suites.get(counted)) == run.json["instances"], f"{counted} of {baseline} on {day}: {suites.attrib}")
        check(not message or suites.find(".//skipped").get("message").startswith(message), f"{baseline} on {day}")
        check(f"::{level} file=null_deref.c" in result.out, result.describe())
        found, = read_json(os.path.join(out, "findings.sarif"))["runs"][0]["results"]
        check(found["baselineState"] == state and len(found["suppressions"]) == suppressions, f"{found['baselineState']} {found['suppressions']}")


# --- memory by scene ---

def scenes_of(test, *options, game=(), agent="return function(game) while true do game:step() end end", frames=700):
    run = test.run(test.game("scenes"), *game, agent=test.write("watch.lua", agent), frames=frames, options=("--replays", 0, *options))
    check(run.status == 0, run.describe())
    holds(test, "run.schema.json", os.path.join(run.folder, "run.json"))
    return run, {scene["name"]: scene for scene in run.json["memory_mb"]["scenes"]}


@case
def memory_of_each_scene(test):
    """The game's own watch, one that the user names, and a script's marks."""
    run, scenes = scenes_of(test)
    check(sorted(scenes) == ["cave", "forest", "menu"], f"{scenes}")
    for large, small, least in (("cave", "forest", 15), ("forest", "menu", 7)):
        for key in ("rss_peak", "heap_peak"):
            check(scenes[large][key] > scenes[small][key] + least, f"{key} of {large} and {small}: {scenes}")
    check(max(scene["heap_peak"] for scene in scenes.values()) <= run.json["memory_mb"]["heap_peak"], f"{run.json['memory_mb']}")
    again = read_json(os.path.join(test.path("merged"), "run.json")) if \
        test.moth("report", "-q", "-o", test.path("merged"), run.folder).status == 0 else {}
    check(again["memory_mb"]["scenes"] == run.json["memory_mb"]["scenes"], "moth report has others")
    check(sorted(scenes_of(test, "--scene-watch", "part")[1]) == ["0", "1", "2"], "--scene-watch")
    check(scenes_of(test, "--scene-watch", "nothing")[1] == {}, "a watch that is not there")
    marks = """return function(game)
        game:mark("first") game:step(100)
        local there = game:snapshot()
        game:mark("second") game:step(100)
        game:restore(there) game:step(10)
        game:mark("third") game:step(120)
    end"""
    _, scenes = scenes_of(test, game=("silent",), agent=marks, frames=400)
    check(sorted(scenes) == ["first", "second", "third"], f"{scenes}")
    check(scenes["second"]["heap_peak"] > scenes["first"]["heap_peak"] + 7, f"after the snapshot it is the first again: {scenes}")


# --- golden runs ---

def render(test, source, out, cwd, env):
    """What each reporter makes of a folder: by name its bytes, in which the output folder's own name is OUT."""
    os.makedirs(cwd, exist_ok=True)
    result = test.moth("report", "--reporter", ALL, "-o", out, source, cwd=cwd, env=env)
    files = {name: read_bytes(os.path.join(cwd, out, name)) for name in FILES}
    files["standard output"] = result.out.encode()
    files["summary"] = read_bytes(env["GITHUB_STEP_SUMMARY"])
    return {name: content.replace(out.encode(), b"OUT") for name, content in files.items()}


def read_bytes(path):
    with open(path, "rb") as file:
        return file.read()


@case
def the_same_folder_gives_the_same_bytes(test):
    """From another working directory, into another folder, in another language, time zone and home."""
    run = quick(test, "null_deref", "--minimize-frames", 2000)
    ways = [("out-one", test.path("here"), {"LC_ALL": "C", "TZ": "UTC", "COLUMNS": "80"}),
            (test.path("elsewhere", "out-two"), test.path("there"),
             {"LC_ALL": "de_DE.UTF-8", "LANG": "tr_TR.UTF-8", "TZ": "Pacific/Chatham", "HOME": "/", "COLUMNS": "40", "TERM": "xterm"})]
    rendered = []
    for i, (out, cwd, env) in enumerate(ways):
        env["GITHUB_STEP_SUMMARY"] = test.path(f"summary-{i}.md")
        rendered.append(render(test, run.folder, out, cwd, env))
    for name, content in rendered[0].items():
        check(content, f"{name} is empty")
        check(content == rendered[1][name], f"{name} is another: {len(content)} and {len(rendered[1][name])} bytes")
    again = render(test, os.path.join(test.path("here"), "out-one"), "out-three", test.path("here"), {"GITHUB_STEP_SUMMARY": test.path("s.md")})
    check(again["findings.sarif"] == rendered[0]["findings.sarif"], "a merged folder that is merged again")


# --- GitHub ---

@case
def a_game_s_log_drives_nothing(test):
    run = test.run(test.game("null_deref"), options=("--replays", 1))
    for finding in run.findings:
        folder = os.path.join(run.folder, "findings", finding["fingerprint"])
        test.write(os.path.join(folder, "game.log"), EVIL * 50)
        kept = read_json(os.path.join(folder, "finding.json"))
        words = EVIL.replace("\0", "")
        kept.update(title=words, detail=words, agent=words, stack=[words, *kept["stack"]])
        test.write(os.path.join(folder, "finding.json"), json.dumps(kept))
    summary = test.path("summary.md")
    result = test.moth("report", "--reporter", ALL, "-o", test.path("merged"), run.folder, env={"GITHUB_STEP_SUMMARY": summary})
    check(result.status == 1, result.describe())
    commands = [line for line in result.out.splitlines() if line.lstrip().startswith("::")]
    check(commands and all(re.match(r"::(error|warning|notice) (file=[^:]*,)?title=[^:]*::", line) for line in commands), result.out)
    check(sum(line.startswith("::error") for line in commands) == 1, result.out)
    check("##[" not in result.out and "\x1b" not in result.out, result.out)
    suites = folder_holds(test, test.path("merged"))
    text = "".join(suites.itertext())
    check("[[ATTACHMENT|/etc" not in text and "[ [ATTACHMENT|/etc" in text, "an attachment of the game's")
    with open(summary, encoding="utf-8") as file:
        content = file.read()
    check("<script" not in content and "[[" not in content and not re.search(r"^\s*::", content, flags=re.M), content)


@case
def in_a_checked_out_repository(test):
    """Annotations and code scanning name the file where the repository has it."""
    run = test.run(test.game("null_deref"), options=("--replays", 1))
    test.write("repository/src/null_deref.c", "x")
    env = {"GITHUB_WORKSPACE": test.path("repository"), "GITHUB_STEP_SUMMARY": ""}
    result = test.moth("report", "--reporter", "github,sarif", "-o", test.path("merged"), run.folder, env=env)
    check("::error file=src/null_deref.c,line=" in result.out, result.describe())
    place = read_json(test.path("merged", "findings.sarif"))["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    check(place["artifactLocation"] == {"uri": "src/null_deref.c", "uriBaseId": "%SRCROOT%"}, f"{place}")
    result = test.moth("report", "--reporter", "list,github", run.folder, env={"GITHUB_STEP_SUMMARY": test.path("summary.md")})
    check(result.status == 1 and "1 finding" in result.out and "::error " in result.out, result.describe())
    check(os.path.getsize(test.path("summary.md")) > 100, "no summary")
    result = test.moth("report", "--reporter", "github", run.folder, env={"GITHUB_STEP_SUMMARY": test.path("no", "such", "folder")})
    check(result.status == 3 and "GITHUB_STEP_SUMMARY" in result.err, result.describe())


@case
def names_of_reporters(test):
    for verb in (("run",), ("report",)):
        rest = ("--", "/bin/true") if verb == ("run",) else (test.folder,)
        expect_error(test.moth(*verb, "--reporter", "list,telegram", *rest), USAGE, "list, json, junit, html, github, sarif", "telegram")
        expect_error(test.moth(*verb, "--reporter", "list,saarif", *rest), USAGE, "did you mean 'sarif'")
    for name in ALL.split(","):
        shutil.rmtree(test.path("out"), ignore_errors=True)
        result = test.moth("run", "-a", "idle", "-j", 1, "--frames", 30, "--spike-ms", 0, "--reporter", name, "-o", test.path("out"), "--",
                           test.game("null_deref_clean"))
        check(result.status == 0, result.describe())
        made = [file for file in FILES if os.path.exists(test.path("out", file))]
        wanted = {"junit": ["junit.xml"], "html": ["report.html"], "sarif": ["findings.sarif"], "json": ["run.json"]}.get(name, [])
        check(made == wanted, f"--reporter {name} made {made}")
