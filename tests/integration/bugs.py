# SPDX-License-Identifier: MIT
"""Each planted bug gives exactly its finding, 10 of 10 times again; its clean twin gives none."""
import os

from driver import add, case, check, read_json

# game: (kind, function that must be in the stack or None, agent, further options)
BUGS = {
    "null_deref": ("crash", "open_chest", "secret", ()),
    "stack_overflow": ("crash", "flood", "secret", ()),
    "stack_overflow_thread": ("crash", "flood", "secret", ()),
    "heap_corruption": ("crash", "hand_in", "typist", ()),
    "assert_fail": ("crash", "give_gold", "secret", ()),
    "asan_use_after_free": ("sanitizer", "draw_boss", "secret", ()),
    "ubsan_overflow": ("sanitizer", "double_score", "secret", ()),
    "hang": ("hang", "find_place", "secret", ("--frame-cpu-ms", "400")),
    "deadlock": ("deadlock", None, "secret", ()),
    "deadlock_workers": ("deadlock", "take_both", "secret", ()),
    "exit_code": ("exit", None, "secret", ()),
    "present_thread": ("crash", "first_value", "secret", ()),
    "wait_event": ("crash", "average", "secret", ()),
    "no_present": ("crash", "pick", "secret", ()),
    "busy_loop": ("crash", "lives_each", "secret", ()),
    "windows": ("crash", "mark_inset", "secret", ()),
    "relaunch": ("crash", "take_treasure", "secret", ()),
    "launcher": ("crash", "open_chest", "secret", ()),
    "init_late": ("crash", "take_treasure", "secret", ()),
    "children": ("crash", "take_treasure", "secret", ()),
    "save_files": ("crash", "load_slot", "secret", ()),
    "ignore_sigterm": ("crash", "take_treasure", "secret", ()),
    "own_handler": ("crash", "take_treasure", "secret", ()),
    "log_flood": ("crash", "take_treasure", "secret", ()),
    "gl_triangle": ("crash", "take_treasure", "secret", ("--video", "gl")),
    "deepbind": ("crash", "take_treasure", "secret", ()),
    "dlopen_sdl": ("crash", "take_treasure", "secret", ()),
    "static_sdl": ("crash", "open_chest", "secret", ()),
    "static_sdl_stripped": ("crash", None, "secret", ()),
    "linked": ("crash", "open_chest", "secret", ()),
    "memory_hog": ("leak", None, "secret", ("--memory-mb", "300")),
}


def expect_finding(run, kind, function=None):
    """The run met exactly one bug, of this kind, and met it again each time. Returns it."""
    check(run.status == 1, "exit code 1 expected\n" + run.describe())
    check(run.json and run.json["schema"] == "moth.run/1", "no run.json of schema moth.run/1\n" + run.describe())
    check(run.json["exit_code"] == 1 and run.json["verdict"] == "new-findings",
          f"verdict {run.json['verdict']}, exit_code {run.json['exit_code']}")
    kinds = [(f["kind"], f["title"]) for f in run.findings]
    check(len(kinds) == 1 and kinds[0][0] == kind, f"exactly one {kind} expected, got {kinds}\n" + run.describe())
    finding = run.findings[0]
    check(finding["reproduced"] == "10/10", f"reproduced {finding['reproduced']}: {finding['title']}")
    check(finding["status"] == "new" and finding["times_seen"] >= 1, f"status {finding['status']}")
    if function:
        check(any(function in frame for frame in finding["stack"]),
              f"{function} is not in the stack: {finding['stack']}")
    return finding


def expect_clean(run):
    check(run.status == 0, "exit code 0 expected\n" + run.describe())
    check(run.json and run.json["verdict"] == "pass", "verdict pass expected\n" + run.describe())
    check(run.findings == [], f"findings in a clean twin: {[(f['kind'], f['title']) for f in run.findings]}")
    check(run.json["frames_total"] > 0, "no frame was played")


def check_folder(test, run, finding):
    folder = os.path.join(run.folder, "findings", finding["fingerprint"])
    for name in ("finding.json", "trace.moth", "stack.txt", "game.log"):
        check(os.path.exists(os.path.join(folder, name)), f"no {name} in {folder}")
    stored = read_json(os.path.join(folder, "finding.json"))
    check(stored["kind"] == finding["kind"] and stored["fingerprint"] == finding["fingerprint"],
          "finding.json and run.json disagree")
    return folder


def bug(test, game, kind, function, agent, options):
    run = test.run(test.game(game), agent=agent, options=options)
    finding = expect_finding(run, kind, function)
    folder = check_folder(test, run, finding)
    limits = [o for o in options if not o.startswith("--video") and o != "gl"]
    again = test.moth("replay", *limits, folder)
    check(again.status == 0, "the finding's replay did not meet it\n" + again.describe())
    turned = test.moth("replay", "--expect-clean", *limits, os.path.join(folder, "trace.moth"))
    check(turned.status == 1, "--expect-clean: exit code 1 expected\n" + turned.describe())


def clean(test, game, agent, options):
    twin = "launcher_clean" if game == "launcher" else game + "_clean"
    expect_clean(test.run(test.game(twin), agent=agent, options=options))


for name, (kind, function, agent, options) in BUGS.items():
    add(f"bugs/{name}", bug, name, kind, function, agent, options)
    add(f"clean/{name}", clean, name, agent, options)

# A bug that comes by luck: whatever the luck is made of, it comes again.
LUCK = ["time", "clock_gettime", "getpid", "getrandom", "urandom", "random_device", "rdtsc", "malloc_address",
        "stack_address", "address_order", "locked_race", "unlocked_race", "background_thread", "all"]


def luck(test, source):
    run = test.run(test.game("chaos_luck"), source, agent="watcher", frames=600)
    expect_finding(run, "crash", "tempt_fate")


for source in LUCK:
    add(f"luck/{source}", luck, source)


@case
def luck_clean(test):
    expect_clean(test.run(test.game("chaos_luck_clean"), "all", agent="watcher", frames=120))


@case
def schedule(test):
    """In turns the two traders never meet; some seed makes them, and then they meet each time again."""
    game = test.game("deadlock_schedule")
    expect_clean(test.run(game, agent="watcher", frames=120))
    seeds = []
    for seed in range(1, 21):
        run = test.run(game, agent="watcher", frames=120, options=("--schedule-seed", str(seed)))
        if run.status:
            expect_finding(run, "deadlock", "trade")
            seeds.append(seed)
            if len(seeds) == 3:
                break
    check(seeds, "no schedule seed from 1 to 20 shows the deadlock")
    for seed in seeds:
        twin = test.game("deadlock_schedule_clean")
        expect_clean(test.run(twin, agent="watcher", frames=120, options=("--schedule-seed", str(seed))))


@case
def default_agent_finds_cave(test):
    """The example game's bug is found by the agent that plays by default, within a quickstart's frames."""
    cave = os.path.join(os.path.dirname(os.path.dirname(test.settings.games)), "examples", "game", "cave")
    if not os.path.exists(cave):
        cave = test.game("cave")
    run = test.run(cave, agent=None, frames=20000, options=("--max-findings", "1"))
    expect_finding(run, "crash", "buy")


@case
def same_seed_same_run(test):
    """Two runs with one seed play the same frames and find the same thing at the same frame."""
    runs = [test.run(test.game("null_deref"), frames=400) for _ in range(2)]
    keys = ("fingerprint", "frame", "inputs", "seed", "stack")
    pairs = [[{key: f[key] for key in keys} for f in run.findings] for run in runs]
    check(pairs[0] == pairs[1] and pairs[0], f"two runs differ: {pairs}")
