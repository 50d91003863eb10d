#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs moth against the fixture games and checks what it says: exit codes, run.json, findings, replays.

usage: run.py --build DIR [--moth FILE] [--games DIR] [--out DIR] [--jobs N] [--kills N] [--timed] [--list] [NAME…]

--timed: also the cases whose outcome depends on how quiet the machine is (timed.py).

NAME is a case or the beginning of one (`bugs/`, `bugs/null_deref`). Needs nothing but Python's standard library. The
last line is `N passed, N failed, N skipped`; the exit status is 1 when a case failed, 77 when all were skipped.
"""
import argparse
import concurrent.futures
import os
import shutil
import sys
import tempfile
import threading
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import driver  # noqa: E402
import bad_input  # noqa: E402,F401
import baseline  # noqa: E402,F401
import branch  # noqa: E402,F401
import bugs  # noqa: E402,F401
import builds  # noqa: E402,F401
import bus  # noqa: E402,F401
import bus_calls  # noqa: E402,F401
import calls  # noqa: E402,F401
import controls  # noqa: E402,F401
import determinism  # noqa: E402,F401
import explore  # noqa: E402,F401
import fingerprints  # noqa: E402,F401
import eyes  # noqa: E402,F401
import fleet  # noqa: E402,F401
import groups  # noqa: E402,F401
import headed  # noqa: E402,F401
import inputs  # noqa: E402,F401
import kills  # noqa: E402,F401
import soak  # noqa: E402,F401
import report  # noqa: E402,F401
import says  # noqa: E402,F401
import reporters  # noqa: E402,F401
import scenarios  # noqa: E402,F401
import shards  # noqa: E402,F401
import slurm  # noqa: E402,F401
import softlock  # noqa: E402,F401
import spike  # noqa: E402,F401
import minimize  # noqa: E402,F401
import traces  # noqa: E402,F401
import watches  # noqa: E402,F401
import world  # noqa: E402,F401

speaking = threading.Lock()


def settings():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--build", default="build/dev", help="build folder with moth and the games")
    parser.add_argument("--moth", help="the moth program (default: BUILD/harness/cli/moth)")
    parser.add_argument("--games", help="folder of the fixture games (default: BUILD/tests/games)")
    parser.add_argument("--out", help="where failed cases keep their folders (default: a temporary folder)")
    parser.add_argument("--jobs", "-j", type=int, default=2, help="cases at the same time")
    parser.add_argument("--kills", type=int, default=200, help="kills of the storm cases together")
    parser.add_argument("--timed", action="store_true", help="also the cases that depend on how quiet the machine is")
    parser.add_argument("--list", action="store_true", help="print the cases' names")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    if args.timed:
        import timed  # noqa: F401 pylint: disable=import-outside-toplevel,unused-import
    args.root = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
    args.moth = os.path.abspath(args.moth or os.path.join(args.build, "harness", "cli", "moth"))
    args.games = os.path.abspath(args.games or os.path.join(args.build, "tests", "games"))
    return args


def try_case(args, name, function, base):
    """(verdict, message) of one case; its folder goes unless it failed."""
    folder = os.path.join(base, name.replace("/", "."))
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    test = driver.Test(args, name, folder)
    try:
        function(test)
        left = test.leftovers()
        driver.check(not left, f"left running: {left}")
        verdict, message = "passed", ""
    except driver.Skipped as reason:
        verdict, message = "skipped", str(reason)
    except driver.Failed as failure:
        verdict, message = "failed", "\n".join([str(failure), *test.how_to_see()])
    except Exception:  # pylint: disable=broad-except
        verdict, message = "failed", "\n".join([traceback.format_exc(), *test.how_to_see()])
    finally:
        test.end_leftovers()
        test.remove_sockets()
    if verdict != "failed":
        shutil.rmtree(folder, ignore_errors=True)
    return verdict, message


def report(args, name, function, base):
    began = time.monotonic()
    verdict, message = try_case(args, name, function, base)
    with speaking:
        print(f"{verdict:7} {name} ({time.monotonic() - began:.1f} s)" + (f": {message}" if message else ""), flush=True)
    return verdict


def main():
    args = settings()
    chosen = [(name, function) for name, function in driver.CASES
              if not args.names or any(name.startswith(wanted) for wanted in args.names)]
    if args.list:
        print("\n".join(name for name, _ in chosen))
        return 0
    if not chosen:
        print("no case of that name; see --list", file=sys.stderr)
        return 2
    if not os.access(args.moth, os.X_OK):
        print(f"no moth program at {args.moth}: build it, or say --moth FILE", file=sys.stderr)
        return 2
    base = os.path.realpath(args.out) if args.out else tempfile.mkdtemp(prefix="moth-integration-")
    os.makedirs(base, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(max_workers=max(1, args.jobs)) as pool:
        verdicts = list(pool.map(lambda chosen_case: report(args, *chosen_case, base), chosen))
    counts = {verdict: verdicts.count(verdict) for verdict in ("passed", "failed", "skipped")}
    if not counts["failed"] and not args.out:
        shutil.rmtree(base, ignore_errors=True)
    print(", ".join(f"{counts[verdict]} {verdict}" for verdict in ("passed", "failed", "skipped")))
    if counts["failed"]:
        return 1
    return 0 if counts["passed"] else 77


if __name__ == "__main__":
    sys.exit(main())
