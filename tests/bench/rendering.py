# SPDX-License-Identifier: MIT
"""A run of very many findings, and how long each reporter takes to render it."""
import json
import os
import shutil
import subprocess
import time

REPORTERS = ("list", "json", "junit", "html", "github", "sarif")
KINDS = ("crash", "hang", "deadlock", "softlock", "spike", "invariant", "exit", "sanitizer", "leak", "nondeterminism")


def many_findings(bench, findings):
    """The folder of a short real run, whose one finding is there so many times: of all kinds, and as other ones."""
    out = bench.scratch("many")
    tests = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    game = os.path.join(bench.build, "tests/games/null_deref")
    subprocess.run([bench.moth, "run", "-q", "-a", os.path.join(tests, "games/agents/secret.lua"), "--frames", "400", "--spike-ms", "0",
                    "--out", out, "--", game], stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=300)
    with open(os.path.join(out, "run.json"), encoding="utf-8") as file:
        run = json.load(file)
    first, = run["findings"]
    folder = os.path.join(out, "findings", first["fingerprint"])
    with open(os.path.join(folder, "finding.json"), encoding="utf-8") as file:
        kept = json.load(file)
    with open(os.path.join(folder, "game.log"), "a", encoding="utf-8") as file:
        file.write("the game said something & went <on>\n" * 500)
    run["findings"] = []
    for i in range(findings):
        kind = KINDS[i % len(KINDS)]
        change = {"fingerprint": f"{first['fingerprint'].split('-')[0]}-{kind}-{i:016x}", "kind": kind, "title": f"number {i}: {first['title']}"}
        for key in ("trace", "trace_minimized"):
            change[key] = first[key] and first[key].replace(first["fingerprint"], change["fingerprint"])
        run["findings"].append({**first, **change})
        copy = os.path.join(out, "findings", change["fingerprint"])
        shutil.copytree(folder, copy)
        with open(os.path.join(copy, "finding.json"), "w", encoding="utf-8") as file:
            json.dump({**kept, **change}, file)
    shutil.rmtree(folder)
    os.remove(os.path.join(out, "merge.json"))
    with open(os.path.join(out, "run.json"), "w", encoding="utf-8") as file:
        json.dump(run, file)
    return out


def render(bench, folder, reporter):
    """Seconds, and bytes of the report."""
    start = time.monotonic()
    done = subprocess.run([bench.moth, "report", "--reporter", reporter, folder], stdin=subprocess.DEVNULL, capture_output=True,
                          check=False, timeout=300)
    wall = time.monotonic() - start
    if done.returncode not in (0, 1):
        raise OSError(f"moth report --reporter {reporter}: exit {done.returncode}: {done.stderr.decode(errors='replace')[-300:]}")
    return wall, len(done.stdout)
