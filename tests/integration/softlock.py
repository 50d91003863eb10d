# SPDX-License-Identifier: MIT
"""Games that get stuck are found by the agents that moth ships, proved, and proved again by each replay; their clean
twins, and games in which standing still is right, are looked at and give nothing."""
import os
import re

from bugs import check_folder, expect_clean, expect_finding
from driver import add, case, check, read_json

# Long enough instances for something to show itself for 45 seconds, and a budget that gives them to eight seeds.
FRAMES, OPTIONS = 43200, ("-v", "--instance-frames", "5400", "--minimize-frames", "0")

# game: what a look at its clean twin says, in some instance
STUCK = {
    "sealed_room": "a way leads back|something new",
    "menu_loop": "a way leads back|something new|more and more",
    "dialogue": "a way leads back|do something",
    "soft_freeze": "do something",
    "sold_key": "a way leads back|nothing else",
}
PATIENT = {
    "cutscene": "do something again",
    "pause": "do something again",
    "name_entry": "a way leads back|something new",
    "attract": "do something again",
    "boss": "more and more|a way leads",
}


def looks(run):
    return re.findall(r"looked for a softlock: (.*) \((\d+) ways", run.err)


def expect_looked(run, reason):
    check(any(re.search(reason, why) for why, _ in looks(run)),
          f"no look that says '{reason}': {looks(run)}\n" + run.describe())


def expect_softlock(test, run, replays):
    check(run.status == 1, "exit code 1 expected\n" + run.describe())
    kinds = [(f["kind"], f["title"]) for f in run.findings]
    check([kind for kind, _ in kinds] == ["softlock"], f"exactly one softlock expected, got {kinds}\n" + run.describe())
    finding = run.findings[0]
    check(finding["reproduced"] == f"{replays}/{replays}", f"reproduced {finding['reproduced']}")
    stored = read_json(os.path.join(check_folder(test, run, finding), "finding.json"))
    ways = re.search(r"(\d+) ways were tried from frame \d+ on, (\d+) frames", stored["detail"])
    check(ways and int(ways[1]) >= 17 and int(ways[2]) > 20000, f"too little was tried: {stored['detail']}")
    check(f"{ways[1]} ways tried" in finding["title"], f"the title does not say so: {finding['title']}")
    check(any(name.endswith(".png") for name in os.listdir(os.path.join(run.folder, "findings", finding["fingerprint"]))),
          "no picture of it")
    return finding


def stuck(test, name, agent, replays=3):
    run = test.run(test.game("softlock_" + name), agent=agent, frames=FRAMES,
                   options=("--max-findings", "1", *OPTIONS, "--replays", str(replays)))
    finding = expect_softlock(test, run, replays)
    folder = os.path.join(run.folder, "findings", finding["fingerprint"])
    again = test.moth("replay", folder)
    check(again.status == 0, "the replay did not prove it\n" + again.describe())


def silent(test, game, reason):
    """The monkey as a scenario plays an instance of full length each time it is named."""
    plays = ("--scenario", shipped(test, "monkey")) * 3
    run = test.run(test.game(game), agent=None, frames=FRAMES, options=(*OPTIONS, *plays))
    expect_clean(run)
    expect_looked(run, reason)


def shipped(test, name):
    return os.path.join(test.settings.root, "agents", name + ".lua")


for game, why in STUCK.items():
    add(f"softlock/{game}", lambda test, name=game, n=10 if game == "sold_key" else 3:
        stuck(test, name, shipped(test, "monkey"), replays=n))
    add(f"softlock/{game}_clean", silent, f"softlock_{game}_clean", why)
for game, why in PATIENT.items():
    add(f"softlock/patient_{game}", silent, f"patient_{game}", why)


@case
def only_escape_leaves(test):
    """A shop that the monkey does not come out of, because it never presses escape: a way does, and walks on."""
    run = test.run(test.game("cave_mended"), agent=shipped(test, "monkey"), frames=20000,
                   options=("-v", "--seed", "1", "--minimize-frames", "0"))
    expect_clean(run)
    expect_looked(run, "a way leads back")


@case
def explored(test):
    """The explorer, whose stretches are short, meets it as well."""
    stuck(test, "menu_loop", shipped(test, "explorer"))


@case
def undisturbed(test):
    """A play in which a proof was tried shows the same pictures at the same frames as one in which none was."""
    bot = test.write("bot.lua", """return function(game, rng)
    while game.frame < 4000 do
        game:hold(rng:pick { "left", "right", "up", "down", "space", "return" }, rng:int(3, 20))
        print("at", game.frame, game:picture())
    end
end
""")
    game = test.game("softlock_menu_loop")
    texts = []
    for seconds in ("45", "0"):
        run = test.run(game, agent=None, frames=4500, options=("-v", "--scenario", bot, "--softlock-s", seconds,
                                                               "--minimize-frames", "0", "--replays", "1"))
        texts.append([line for line in run.err.splitlines() if "at\t" in line])
        check(bool(run.findings) == (seconds == "45"), f"findings with --softlock-s {seconds}: {run.findings}")
    check(texts[0] == texts[1] and len(texts[0]) > 100, f"the two plays differ ({len(texts[0])}, {len(texts[1])} pictures)")


@case
def said_to_wait(test):
    """A scenario that says that the game waits is believed."""
    bot = test.write("bot.lua", """return function(game, rng)
    game:waiting(true)
    while true do
        game:hold(rng:pick { "left", "right", "up", "down", "space", "return" }, rng:int(3, 20))
    end
end
""")
    run = test.run(test.game("softlock_soft_freeze"), agent=None, frames=6000, options=(*OPTIONS, "--scenario", bot))
    expect_clean(run)
    check(not looks(run), f"it was looked at all the same: {looks(run)}")


def leak(test, game):
    """A shop that is opened only in the play's second half: memory grew there, so laps are played."""
    bot = test.write("bot.lua", """return function(game, rng)
    game:step(1800)
    for i = 1, 12 do
        game:tap("return")
        game:step(rng:int(60, 120))
        game:tap("left")
        game:step(rng:int(60, 120))
    end
end
""")
    return test.run(test.game(game), agent=None, frames=20000, options=("-v", "--scenario", bot))


def looks_for_leak(run):
    return [int(laps) for laps in re.findall(r"looked for a leak: (\d+) laps", run.err)]


@case
def leak_laps(test):
    run = leak(test, "leak_laps")
    finding = expect_finding(run, "leak")
    check("identical laps leaves" in finding["title"], finding["title"])
    check(max(looks_for_leak(run)) == 12, f"laps: {looks_for_leak(run)}")
    again = test.moth("replay", check_folder(test, run, finding))
    check(again.status == 0, "the replay did not meet it\n" + again.describe())


@case
def leak_laps_clean(test):
    run = leak(test, "leak_laps_clean")
    expect_clean(run)
    check(looks_for_leak(run) and max(looks_for_leak(run)) < 12, f"laps: {looks_for_leak(run)}")
