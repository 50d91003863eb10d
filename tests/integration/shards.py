# SPDX-License-Identifier: MIT
"""A run in shards is the run: the same instances, each once, and the same findings when they are put together."""
import itertools
import json
import os
import re
import shutil
import subprocess

from driver import add, case, check, read_json, skip
from bad_input import USAGE, expect_error

FRAMES = 12000
# What each engine tells the task `index` (from 0) of `of`.
ENGINES = {
    "slurm": lambda index, of: {"SLURM_ARRAY_TASK_ID": 10 + 5 * index, "SLURM_ARRAY_TASK_MIN": 10,
                                "SLURM_ARRAY_TASK_MAX": 10 + 5 * (of - 1), "SLURM_ARRAY_TASK_STEP": 5,
                                "SLURM_ARRAY_TASK_COUNT": of},
    "kubernetes": lambda index, of: {"JOB_COMPLETION_INDEX": index, "MOTH_SHARDS": of},
    "github": lambda index, of: {"MOTH_SHARD_INDEX": index, "MOTH_SHARDS": of},
    "gitlab": lambda index, of: {"CI_NODE_INDEX": index + 1, "CI_NODE_TOTAL": of},
}


def environment(engine, index, of):
    """Of all engines' variables only this one's are set."""
    unset = {name: "" for known in ENGINES.values() for name in known(0, 1)}
    return {**unset, **{name: str(value) for name, value in (ENGINES[engine](index, of) if engine else {}).items()}}


def play(test, folder, *options, game="one_in_five", workers=1, frames=FRAMES, env=None):
    """A run of a game that some seeds end badly, early, in one of four ways."""
    return test.moth("run", "-q", "-a", "idle", "-j", workers, "--frames", frames, "--replays", 2, "--minimize-frames", 0,
                     "--reporter", "json,junit", "-o", folder, *options, "--", test.game(game), env=env or environment(None, 0, 1))


def play_shards(test, of, *options, **more):
    folders = []
    for shard in range(1, of + 1):
        folders.append(test.path(f"shard-{shard}"))
        result = play(test, folders[-1], "--shard", f"{shard}/{of}", *options, **more)
        check(result.status in (0, 1), result.describe())
    return folders


def merged(test, folders, *options, out="merged", statuses=(0, 1)):
    result = test.moth("report", "-q", "-o", test.path(out), "--reporter", "list,junit", *options, *folders)
    check(result.status in statuses, result.describe())
    return result, read_json(test.path(out, "run.json"))


def substance(run):
    """What of a run's report must not depend on how it was shared out."""
    kept = {key: run[key] for key in ("verdict", "exit_code", "instances", "frames_total", "seed", "warnings", "game")}
    kept["virtual_s"] = round(run["virtual_s"], 6)
    kept["findings"] = sorted((finding["fingerprint"], finding["kind"], finding["times_seen"], finding["reproduced"])
                              for finding in run["findings"])
    return kept


def without_times(path, folder):
    with open(path, encoding="utf-8") as file:
        return re.sub(r'time="[\d.]*"', "", file.read().replace(folder, "OUT"))


def text(*parts):
    with open(os.path.join(*parts), encoding="utf-8") as file:
        return file.read()


@case
def four_are_the_whole(test):
    whole = test.path("whole")
    result = play(test, whole, workers=2)
    expected = read_json(os.path.join(whole, "run.json"))
    check(result.status == 1 and len(expected["findings"]) >= 2, "the game ends badly in several ways\n" + result.describe())
    check(expected["instances"] > 8, "instances end early and others take their place")
    folders = play_shards(test, 4)
    shards = [read_json(os.path.join(folder, "run.json")) for folder in folders]
    check([run["shard"] for run in shards] == ["1/4", "2/4", "3/4", "4/4"], "run.json names the shard")
    check(len({run["plan"] for run in shards}) == 1, "shards of one run have one plan")
    result, run = merged(test, folders)
    check(result.status == 1, result.describe())
    check(substance(run) == substance(expected), f"not the same:\n{substance(run)}\n{substance(expected)}")
    check(run["shards"] == {"of": 4, "have": [1, 2, 3, 4], "missing": []} and run["complete"], f"{run['shards']}")
    check(without_times(test.path("merged", "junit.xml"), test.path("merged")) ==
          without_times(os.path.join(whole, "junit.xml"), whole), "junit.xml is another")


@case
def order_and_grouping_do_not_matter(test):
    folders = play_shards(test, 3, frames=6000)
    _, run = merged(test, folders, out="all")
    expected = [text(test.path("all"), name) for name in ("run.json", "merge.json")]
    check(run["instances"] >= 5, f"{run['instances']} instances")
    for count, order in enumerate(itertools.permutations(folders)):
        merged(test, order, out=f"order-{count}")
        check([text(test.path(f"order-{count}"), name) for name in ("run.json", "merge.json")] == expected,
              f"another result from {order}")
    one, two, three = folders
    merged(test, [one, three], "--allow-missing", out="one-three")
    merged(test, [two, three], "--allow-missing", out="two-three")
    groups = [[test.path("one-three"), two], [one, test.path("two-three")], [test.path("all")],
              [test.path("one-three"), test.path("two-three")], [one, two, three, one, test.path("all")]]
    for count, group in enumerate(groups):
        merged(test, group, out=f"group-{count}")
        check([text(test.path(f"group-{count}"), name) for name in ("run.json", "merge.json")] == expected,
              f"another result from {group}")
        check(sorted(os.listdir(test.path(f"group-{count}", "findings"))) == sorted(os.listdir(test.path("all", "findings"))),
              "other findings' folders")


@case
def more_shards_than_parts(test):
    """A shard that is left with nothing says so and passes; the whole is the same."""
    whole = test.path("whole")
    play(test, whole, frames=900)
    folders = play_shards(test, 4, frames=900)
    for folder in folders[2:]:
        run = read_json(os.path.join(folder, "run.json"))
        check(run["instances"] == 0 and run["exit_code"] == 0 and run["verdict"] == "pass", f"{run}")
        check(any("nothing to play" in warning for warning in run["warnings"]), f"{run['warnings']}")
    _, run = merged(test, folders)
    expected = substance(read_json(os.path.join(whole, "run.json")))
    check({**substance(run), "warnings": []} == expected, f"{substance(run)} is not {expected}")


@case
def scenarios_are_shared_out(test):
    """Each is played by one shard."""
    names = []
    for count in range(3):
        names.append(test.write(f"scenario{count}.lua", f"return function(game) game:step(20)\n"
                                f"game:expect(false, 'story {'abc'[count]}') end\n"))
    options = [word for name in names for word in ("-s", name)]
    titles = []
    for shard in (1, 2):
        test.moth("run", "-q", *options, "--frames", 600, "-j", 1, "--replays", 1, "--shard", f"{shard}/2", "-o",
                  test.path(f"shard-{shard}"), "--", test.game("null_deref_clean"))
        run = read_json(test.path(f"shard-{shard}", "run.json"))
        titles.append(sorted(finding["title"] for finding in run["findings"]))
    check([len(found) for found in titles] == [2, 1], f"{titles}")
    _, run = merged(test, [test.path("shard-1"), test.path("shard-2")])
    check(len(run["findings"]) == 3 and run["instances"] == 3, f"{run['findings']}")


@case
def wrong_shards(test):
    game = test.game("null_deref_clean")
    for wrong in ("0/4", "5/4", "4/0", "x/y", "1/0", "1", "1/4/4", "-1/4", "1/99999999999999999999", "all", "", "1/4 "):
        result = test.moth("run", "--shard", wrong, "--frames", 60, "-o", test.path("out"), "--", game)
        expect_error(result, USAGE, "--shard must", *([wrong.strip()] if wrong else []))
    test.write("moth.lua", 'return { game = "x", shard = "5/4" }\n')
    expect_error(test.moth("run"), USAGE, "moth.lua:1", "shard", "5/4")
    check(not os.path.exists(test.path("out")), "something was played")


def auto(test, engine):
    """The environment of each engine says which part it is; moth.lua can ask it, too."""
    agent = os.path.join(test.settings.root, "agents", "idle.lua")
    test.write("moth.lua", f'return {{ game = "{test.game("null_deref_clean")}", agents = {{ ["{agent}"] = 1 }}, '
                           'shard = "auto", budgets = { frames = 1200 }, reporter = "json", out = "out" }\n')
    result = test.moth("run", env=environment(engine, 1, 2))
    check(result.status == 0 and "shard 2/2" in result.err, result.describe())
    run = read_json(test.path("out", "run.json"))
    check(run["shard"] == "2/2" and run["instances"] == 1, f"{run}")


for engine_name in ENGINES:
    add(f"shards/auto_{engine_name}", auto, engine_name)


@case
def auto_without_an_engine(test):
    command = ["run", "--shard", "auto", "--frames", 60, "-o", test.path("out"), "--", test.game("null_deref_clean")]
    expect_error(test.moth(*command, env=environment(None, 0, 1)), USAGE, "SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX",
                 "CI_NODE_INDEX", "MOTH_SHARD_INDEX", "--shard I/N")
    both = {**environment("gitlab", 0, 4), **{key: str(value) for key, value in ENGINES["github"](1, 4).items()}}
    expect_error(test.moth(*command, env=both), USAGE, "1/4", "2/4")
    expect_error(test.moth(*command, env={**environment(None, 0, 1), "JOB_COMPLETION_INDEX": "1"}), USAGE, "MOTH_SHARDS")


# --- the examples, run as their engines would ---

def load_yaml(test, *parts):
    try:
        import yaml  # pylint: disable=import-outside-toplevel
    except ImportError:
        skip("Python has no yaml module here (Debian: python3-yaml)")
    with open(os.path.join(test.settings.root, "examples", *parts), encoding="utf-8") as file:
        return list(yaml.safe_load_all(file))


def project(test):
    """A folder like the project's after its build step, and moth on the path."""
    os.makedirs(test.path("build"), exist_ok=True)
    if not os.path.exists(test.path("build", "release")):
        os.symlink(os.path.dirname(os.path.dirname(test.settings.games)), test.path("build", "release"))
    check(os.path.exists(test.path("build", "release", "examples", "game", "cave")), "the example game was not built")
    return {"PATH": os.path.dirname(test.settings.moth) + os.pathsep + os.environ["PATH"], "FRAMES": "2400"}


def run_script(test, script, env, shell="sh"):
    result = subprocess.run([shell, "-e", "-c", script], cwd=test.folder, env=test.environment(env), text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False)
    check("moth run has no option" not in result.stdout and "must be" not in result.stdout, result.stdout)
    return result


def expect_merge(test, result, folder):
    check(result.returncode in (0, 1), f"the report ended with {result.returncode}: {result.stdout}")
    run = read_json(os.path.join(folder, "run.json"))
    check(run["shards"] == {"of": 4, "have": [1, 2, 3, 4], "missing": []}, f"{run['shards']}")
    check(run["exit_code"] == result.returncode and run["frames_total"] <= 2400 < run["frames_total"] + 4 * 60,
          f"{run['frames_total']} frames, {run['exit_code']}")
    check(os.path.exists(os.path.join(folder, "junit.xml")), "no junit.xml")


@case
def example_gitlab(test):
    pipeline, = load_yaml(test, "gitlab", "gitlab-ci.yml")
    env = project(test)
    of = pipeline["play"]["parallel"]
    for index in range(of):
        result = run_script(test, "\n".join(pipeline["play"]["script"]), {**env, **environment("gitlab", index, of)}, "bash")
        check(result.returncode in (0, *pipeline["play"]["allow_failure"]["exit_codes"]), result.stdout)
    check(pipeline["report"]["when"] == "always" and "play" in pipeline["report"]["needs"], "the report waits for all parts")
    result = run_script(test, "\n".join(pipeline["report"]["script"]), env, "bash")
    expect_merge(test, result, test.path(*pipeline["report"]["artifacts"]["paths"]))


@case
def example_github(test):
    workflow, = load_yaml(test, "github", "moth.yml")
    env = project(test)
    jobs = workflow["jobs"]
    of = len(jobs["play"]["strategy"]["matrix"]["part"])

    def step(job, name):
        return next(step for step in jobs[job]["steps"] if step.get("name") == name)

    for index in range(of):
        context = {"strategy.job-index": str(index), "strategy.job-total": str(of)}
        told = {key: re.sub(r"\$\{\{ *(\S+) *\}\}", lambda found, told=context: told[found[1]], value)
                for key, value in jobs["play"]["env"].items()}
        result = run_script(test, step("play", "Play")["run"], {**environment(None, 0, 1), **env, **told}, "bash")
        check(result.returncode == 0, result.stdout)
        os.makedirs(test.path("parts"), exist_ok=True)
        os.rename(test.path("moth-out"), test.path("parts", f"moth-part-{index}"))  # upload and download
    check(jobs["report"]["needs"] == "play" and jobs["report"]["if"] == "always()", "the report waits for all parts")
    result = run_script(test, step("report", "Report")["run"], env, "bash")
    expect_merge(test, result, test.path("merged"))


@case
def example_github_gate(test):
    """The pull request's gate finds the planted bug by itself, and by the corpus when there is no time to look for it."""
    workflow, = load_yaml(test, "github", "gate.yml")
    gate = next(step for step in workflow["jobs"]["gate"]["steps"] if step.get("name") == "Gate")
    env = {**environment(None, 0, 1), **project(test)}
    found = test.moth("run", "-q", "-a", "monkey", "--frames", 20000, "--max-findings", 1, "--replays", 2, "--minimize-frames", 0,
                      "--softlock-s", 0, "-o", test.path("nightly"), "--", test.path("build", "release", "examples", "game", "cave"))
    check(found.status == 1, found.describe())
    shutil.copytree(test.path("nightly", "findings"), test.path("corpus"))
    result = run_script(test, gate["run"], {**env, "DURATION": "1s"}, "bash")
    run = read_json(test.path("moth-out", "run.json"))
    check(result.returncode == 1 and [each["happened"] for each in run["replayed"]] == [True], result.stdout)


@case
def example_kubernetes(test):
    (job,), (report,), (volume,) = (load_yaml(test, "kubernetes", name) for name in
                                    ("play.yaml", "report.yaml", "volume.yaml"))
    spec = job["spec"]
    check(spec["completionMode"] == "Indexed" and job["kind"] == "Job", f"{spec}")
    containers = [document["spec"]["template"]["spec"]["containers"][0] for document in (job, report)]
    claims = {document["spec"]["template"]["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"]
              for document in (job, report)}
    check(claims == {volume["metadata"]["name"]}, f"{claims}")
    own = {entry["name"]: entry["value"] for entry in containers[0]["env"]}
    check(own["MOTH_SHARDS"] == str(spec["completions"]), "MOTH_SHARDS is the number of completions")
    env = {**environment(None, 0, 1), **project(test), **own, "MOTH_OUT": test.path("moth-out"),
           "GAME": test.path("build", "release", "examples", "game", "cave")}
    for index in range(spec["completions"]):
        result = run_script(test, containers[0]["args"][0], {**env, "JOB_COMPLETION_INDEX": str(index)})
        check(result.returncode == 0, result.stdout)
    expect_merge(test, run_script(test, containers[1]["args"][0], env), test.path("moth-out", "merged"))


@case
def example_slurm_scripts(test):
    """The batch scripts by themselves, each task with Slurm's variables; slurm.py has the real thing."""
    env = {**project(test), "MOTH": test.settings.moth}
    scripts = os.path.join(test.settings.root, "examples", "slurm")
    game = test.path("build", "release", "examples", "game", "cave")
    for index in range(4):
        told = {**environment(None, 0, 1), **env, "SLURM_ARRAY_TASK_ID": str(index + 1), "SLURM_ARRAY_TASK_MIN": "1",
                "SLURM_ARRAY_TASK_MAX": "4", "SLURM_ARRAY_TASK_STEP": "1", "SLURM_ARRAY_TASK_COUNT": "4"}
        result = run_script(test, f"{scripts}/play.sbatch out/x -a monkey --frames 2400 -- {game}", told)
        check(result.returncode in (0, 1), result.stdout)
    result = run_script(test, f"{scripts}/report.sbatch out/x", env)
    expect_merge(test, result, test.path("out", "x", "merged"))
    shutil.rmtree(test.path("out", "x", "shard-3"))
    result = run_script(test, f"{scripts}/report.sbatch out/x", env)
    check(json.loads(text(test.path("out", "x", "merged", "run.json")))["shards"]["missing"] == [3], result.stdout)
