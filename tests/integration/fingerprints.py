# SPDX-License-Identifier: MIT
"""What is one finding and what are two: bugs that look alike, in builds that differ in layout, optimisation and
debug information."""
from driver import add, check

BUGS = {"plain": 10, "cxx": 8}
SCENARIO = 'return function(game)\n    game:step(5)\n    game:tap("{}")\n    game:step(20)\nend\n'


def fingerprints(test, game, bugs):
    """Bug number → (fingerprint, title), of one build."""
    scenarios = [test.write(f"bug{bug}.lua", SCENARIO.format(bug % 10)) for bug in range(1, bugs + 1)]
    options = [word for path in scenarios for word in ("-s", path)]
    run = test.run(test.game(game), agent=None, frames=300, options=[*options, "-a", "idle", "--replays", 1])
    check(run.status == 1, "findings expected\n" + run.describe())
    found = {}
    for finding in run.findings:
        bug = finding["agent"].rpartition("bug")[2].removesuffix(".lua")
        check(bug.isdigit(), f"{finding['title']} was met by {finding['agent']}")
        check(finding["reproduced"] == "1/1", f"reproduced {finding['reproduced']}: {finding['title']}")
        found[int(bug)] = finding
    return found


def are_told_apart(test, name):
    bugs = BUGS[name]
    plain = fingerprints(test, f"fingerprints_{name}", bugs)
    told = "\n".join(f"{bug}: {f['fingerprint']} {f['title']}\n   {f['stack'][:8]}" for bug, f in sorted(plain.items()))
    check(sorted(plain) == list(range(1, bugs + 1)), f"{bugs} findings expected\n{told}")
    for build in ("layout", "fast", "names"):
        again = fingerprints(test, f"fingerprints_{name}_{build}", bugs)
        for bug, finding in sorted(plain.items()):
            other = again.get(bug)
            check(other and other["fingerprint"] == finding["fingerprint"],
                  f"bug {bug} is another one in the build `{build}`:\n{finding['title']}\n  {finding['stack']}\n"
                  f"{other and other['title']}\n  {other and other['stack']}")


for language in BUGS:
    add(f"fingerprints/{language}", are_told_apart, language)
