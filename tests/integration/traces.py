# SPDX-License-Identifier: MIT
"""Traces: replays of broken, cut, foreign and newer ones; exit codes; traces that outlive their game."""
import glob
import os
import shutil

from driver import add, case, check
from bugs import expect_finding
from bad_input import expect_error

REPLAY_STATUSES = (0, 1, 2, 3)


def make_trace(test):
    """Bytes of a trace with a crash, and its path."""
    run = test.run(test.game("null_deref"), options=("--replays", "1"))
    check(run.status == 1, run.describe())
    paths = glob.glob(os.path.join(run.folder, "findings", "*", "trace.moth"))
    check(len(paths) == 1, "one trace expected\n" + run.describe())
    with open(paths[0], "rb") as file:
        return file.read(), paths[0]


@case
def foreign(test):
    files = {"empty.moth": b"", "text.moth": b"up up down return\n" * 20, "zeros.moth": bytes(4096),
             "picture.moth": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4, "program.moth": b"\x7fELF" + bytes(500)}
    for name, content in files.items():
        expect_error(test.moth("replay", test.write(name, content)), 2, name)
    for path in (test.folder, "/dev/null"):
        expect_error(test.moth("replay", path), 2)


@case
def newer(test):
    """A later version of the format says so, instead of being misread: the version follows the magic."""
    content, path = make_trace(test)
    text = open(os.path.join(test.settings.root, "harness", "TRACE.md"), encoding="utf-8").read()
    check("version" in text.lower(), "TRACE.md names no version")
    told = False
    for offset in range(4, 16):
        changed = bytearray(content)
        changed[offset] = 0xEE
        result = test.moth("replay", test.write("newer.moth", bytes(changed)))
        check(result.status in REPLAY_STATUSES, result.describe())
        told = told or (result.status == 2 and ("newer" in result.err or "version" in result.err))
    check(told, "no changed version byte was told as a newer version")
    check(test.moth("replay", path).status == 0, "the unchanged trace does not replay")


@case
def cut(test):
    """Cut at any byte it is read up to its last whole block, or refused; never misread, never a crash."""
    content, _ = make_trace(test)
    step = max(1, len(content) // 24)
    for size in list(range(0, len(content), step)) + [len(content) - 1]:
        result = test.moth("replay", test.write("cut.moth", content[:size]))
        check(result.status in (0, 1, 2), f"cut at {size} of {len(content)}\n" + result.describe())


@case
def broken(test):
    """One changed byte anywhere is noticed, or harmless."""
    content, _ = make_trace(test)
    for i in range(40):
        offset = (i * 7919 + 13) % len(content)
        changed = bytearray(content)
        changed[offset] ^= 0x41
        result = test.moth("replay", test.write("broken.moth", bytes(changed)))
        check(result.status == 2, f"byte {offset} of {len(content)} changed\n" + result.describe())


@case
def replay_codes(test):
    """The clean twin under the bug's trace: the finding does not happen."""
    game = test.path("game")
    shutil.copy(test.game("null_deref"), game)
    run = test.run(game)
    finding = expect_finding(run, "crash", "open_chest")
    folder = os.path.join(run.folder, "findings", finding["fingerprint"])
    check(test.moth("replay", folder).status == 0, "happens again: 0")
    check(test.moth("replay", "--times", 3, folder).status == 0, "three times again: 0")
    check(test.moth("replay", "--expect-clean", folder).status == 1, "--expect-clean, happens: 1")
    os.unlink(game)
    shutil.copy(test.game("null_deref_clean"), game)
    check(test.moth("replay", folder).status == 1, "does not happen: 1")
    check(test.moth("replay", "--expect-clean", folder).status == 0, "--expect-clean, does not happen: 0")
    os.unlink(game)
    check(test.moth("replay", folder).status == 3, "game gone: 3")
    check(test.moth("replay", "--expect-clean", folder).status == 125, "--expect-clean, could not be tried: 125")


@case
def replay_elsewhere(test):
    """A finding's folder can be copied away and replayed from any working directory."""
    run = test.run(test.game("null_deref"))
    finding = expect_finding(run, "crash", "open_chest")
    shutil.copytree(os.path.join(run.folder, "findings", finding["fingerprint"]), test.path("copied"))
    shutil.rmtree(run.folder)
    result = test.moth("replay", test.path("copied"), cwd="/")
    check(result.status == 0, result.describe())
    result = test.moth("replay", "--json", test.path("copied", "trace.moth"), cwd="/")
    check(result.status == 0 and result.out.lstrip().startswith("{"), result.describe())


def schedule_replay(test, seed):
    """The schedule is part of the trace."""
    run = test.run(test.game("deadlock_schedule"), agent="watcher", frames=120,
                   options=("--schedule-seed", str(seed), "--replays", "2"))
    if run.status == 0:
        return
    folder = os.path.join(run.folder, "findings", run.findings[0]["fingerprint"])
    check(test.moth("replay", folder).status == 0, "a schedule's deadlock does not replay")


for schedule_seed in (1, 2, 3):
    add(f"traces/schedule_{schedule_seed}", schedule_replay, schedule_seed)
