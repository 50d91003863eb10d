# SPDX-License-Identifier: MIT
"""The world a game lives in, and how runs end: private folders, limits, interrupts, reports, workers."""
import os
import resource
import select
import signal
import subprocess
import xml.etree.ElementTree

from driver import case, check, read_json
from bugs import expect_clean, expect_finding


@case
def home_is_private(test):
    """A save game reaches neither the person's home nor the next instance, wherever it is written."""
    run = test.run(test.game("save_files_clean"), agent="watcher", frames=120,
                   options=("--env", "SAVE_OUTSIDE=" + test.path("outside.dat")))
    expect_clean(run)
    left = [os.path.join(folder, name) for folder, _, names in os.walk(test.path("home")) for name in names]
    check(not [path for path in left if "starts" in path], f"written into the real home: {left}")
    check(not os.path.exists(test.path("outside.dat")) or any("outside.dat" in w for w in run.json["warnings"]),
          f"a file was written outside without a word: {run.json['warnings']}")


@case
def temporary_files_go(test):
    """What a run made in the temporary folder is gone after it."""
    os.makedirs(test.path("tmp"))
    for game, agent in (("save_files_clean", "watcher"), ("null_deref", "secret"), ("chaos", "watcher")):
        args = ["temporary_name"] if game == "chaos" else []
        test.run(test.game(game), *args, agent=agent, frames=60, env={"TMPDIR": test.path("tmp")})
    check(os.listdir(test.path("tmp")) == [], f"left behind: {os.listdir(test.path('tmp'))}")


@case
def env_reaches_the_game(test):
    run = test.run(test.game("null_deref_clean"), agent="watcher", frames=300, options=("--env", "GAME_FRAMES=100"))
    expect_clean(run)
    check(run.json["instances"] >= 2, f"GAME_FRAMES=100 ends each instance early; there were {run.json['instances']}")


@case
def workers_share_the_frames(test):
    run = test.run(test.game("null_deref_clean"), agent=None, frames=1200, options=("-j", "2"))
    expect_clean(run)
    check(run.json["workers"] == 2 and run.json["instances"] >= 2, f"{run.json['workers']}, {run.json['instances']}")
    check(1200 <= run.json["frames_total"] <= 1300, f"{run.json['frames_total']} frames of 1200")
    check(run.json["seed"] == 1 and run.json["game"]["argv"] == [test.game("null_deref_clean")], f"{run.json['game']}")
    for key in ("build_id",):
        check(run.json["game"][key], f"no {key}")
    for key in ("virtual_s", "wall_s", "frames_per_s"):
        check(run.json[key] > 0, f"{key}: {run.json[key]}")


@case
def two_workers_one_finding(test):
    run = test.run(test.game("null_deref"), frames=1500, options=("-j", "2"))
    finding = expect_finding(run, "crash", "open_chest")
    check(finding["times_seen"] >= 2, f"seen {finding['times_seen']} times by many instances")


@case
def max_findings_ends_the_run(test):
    run = test.run(test.game("null_deref"), frames=100000, options=("--max-findings", "1"))
    expect_finding(run, "crash", "open_chest")
    check(run.json["frames_total"] < 20000, f"{run.json['frames_total']} frames after the first finding")


@case
def duration_ends_the_run(test):
    run = test.run(test.game("null_deref_clean"), agent="watcher", frames=100000000, options=("--duration", "2s"))
    expect_clean(run)
    check(1 < run.json["wall_s"] < 30, f"{run.json['wall_s']} s")


@case
def junit(test):
    run = test.run(test.game("null_deref"), options=("--reporter", "list,json,junit"))
    expect_finding(run, "crash")
    tree = xml.etree.ElementTree.parse(os.path.join(run.folder, "junit.xml"))
    failures = [node for node in tree.iter() if node.tag in ("failure", "error")]
    check(failures and all("open_chest" in node.get("message") for node in failures),
          f"failures in junit.xml: {[node.get('message') for node in failures]}")
    run = test.run(test.game("null_deref_clean"), options=("--reporter", "junit"))
    tree = xml.etree.ElementTree.parse(os.path.join(run.folder, "junit.xml"))
    check(not [node for node in tree.iter() if node.tag in ("failure", "error")], "failures in a clean run's junit.xml")


@case
def flood_is_bounded(test):
    """A game that floods its log does not fill the disk."""
    run = test.run(test.game("log_flood"), options=("--file-mb", "8", "--replays", "1"))
    size = sum(os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(run.folder) for name in names)
    check(size < 32 << 20, f"{size >> 20} MB of output with a limit of 8 MB a file\n" + run.describe())
    check(run.json is not None, run.describe())


@case
def interrupt(test):
    """SIGINT: 130, and run.json is there with what was found until then."""
    for sent in (signal.SIGINT, signal.SIGTERM):
        out = test.path(f"interrupted{sent}")
        with test.start("run", "-j", 2, "--frames", 100000000, "--out", out, "--agent", test.agent("secret"), "--",
                        test.game("null_deref"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            check(wait_for_file(os.path.join(out, "findings"), process), "no finding before the interrupt")
            process.send_signal(sent)
            process.communicate(timeout=60)
        check(process.returncode == 130, f"ended with {process.returncode} after signal {sent}")
        written = read_json(os.path.join(out, "run.json"))
        check(written and written["exit_code"] == 130 and len(written["findings"]) == 1, f"{written}")


def wait_for_file(path, process, timeout_s=60):
    """Wait until a folder has an entry, as long as the process lives. Looks each time the process says something."""
    fd = os.pidfd_open(process.pid)
    try:
        for _ in range(timeout_s * 20):
            if os.path.isdir(path) and os.listdir(path):
                return True
            if select.select([fd], [], [], 0.05)[0]:
                return os.path.isdir(path) and bool(os.listdir(path))
    finally:
        os.close(fd)
    return False


@case
def lists(test):
    for what in ("agents", "detectors"):
        result = test.moth("list", what)
        check(result.status == 0 and result.out.strip(), result.describe())
    check("monkey" in test.moth("list", "agents").out, "no monkey among the agents")
    run = test.run(test.game("null_deref"))
    finding = expect_finding(run, "crash")
    result = test.moth("list", "findings", run.folder)
    check(result.status == 0 and finding["fingerprint"] in result.out, result.describe())


@case
def quiet_says_nothing(test):
    run = test.run(test.game("null_deref_clean"), agent="watcher", frames=60, options=("--quiet",))
    expect_clean(run)
    check(run.err.strip() == "", f"--quiet said: {run.err}")


@case
def progress_is_no_live_line(test):
    """Into a file the progress has no carriage returns and escapes."""
    run = test.run(test.game("null_deref_clean"), agent="watcher", frames=600)
    check("\r" not in run.err and "\x1b" not in run.err and "\x1b" not in run.out, "a live line without a terminal")


@case
def slow_frames_are_no_hang(test):
    """The CPU limit is one frame's, however many frames an agent asks for at once."""
    expect_clean(test.run(test.game("log_flood_clean"), agent="watcher", frames=150,
                          options=("--frame-cpu-ms", "300")))


@case
def usual_limits(test):
    """With the number of open files that most people's shells allow, no instance is lost."""
    for most in (1024, resource.getrlimit(resource.RLIMIT_NOFILE)[1]):
        out = test.path(f"limit-{most}")
        process = test.start("run", "-q", "-a", test.agent("watcher"), "-j", 1, "--frames", 1200, "-o", out, "--",
                             test.game("null_deref_clean"), stderr=subprocess.PIPE,
                             preexec_fn=lambda hard=most: resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard)))
        said = process.communicate(timeout=60)[1].decode()
        run = read_json(os.path.join(out, "run.json"))
        check(process.returncode == 0 and run["instances"] >= 2 and run["warnings"] == [], f"{said} {run['warnings']}")
