# SPDX-License-Identifier: MIT
"""What a game says through moth.h: events, properties that hold, that do not and that nobody ever saw, and frames of a
game without SDL."""
import os
from xml.etree import ElementTree

from driver import add, case, check, read_json

PLAY = """
return function(game)
    local heard = {}
    game:on("opened", function(event)
        heard[#heard + 1] = event.name .. " " .. event.text .. " " .. game.frame - event.frame
    end)
    game:on("opened", function() heard[#heard + 1] = "again" end)
    local function is(got, expected)
        if got ~= expected then error(tostring(got) .. ", not " .. tostring(expected)) end
    end
    game:step(3)
    is(#game:events(), 0)
    game:tap("e")
    game:step(10)
    is(table.concat(heard, "; "), "opened door 1 of three 1; again")
    local events, lost = game:events()
    is(#events, 1)
    is(lost, 0)
    is(events[1].name .. events[1].text .. events[1].frame, "openeddoor 1 of three4")
    game:tap("f")
    game:step(2)
    events, lost = game:events()
    is(#events + lost, 300)
    is(events[#events].text, tostring(#events - 1))
    if lost == 0 then error("nothing was lost, so that is not seen") end
    is(#game:events(), 0)
    local place = game:snapshot()
    game:tap("e")
    game:restore(place)
    is(#game:events(), 0)
    KEYS
    game:step(10)
end
"""


def play(test, keys, game="says", frames=60, **more):
    agent = test.write("says.lua", PLAY.replace("KEYS", " ".join(f'game:tap("{key}")' for key in keys)))
    return test.run(test.game(game), agent=agent or test.path("says.lua"), frames=frames, **more)


def properties(run):
    return {p["message"]: p for p in run.json["properties"]}


def missing(run):
    return sorted(m for m, p in properties(run).items() if p["kind"] in ("sometimes", "reachable") and not p["seen"])


@case
def never_seen(test):
    """Properties are known before their lines are met, the plugin's from when it is loaded; the report names those
    that nobody saw, and that fails nothing."""
    run = play(test, "")
    check(run.status == 0 and run.findings == [], "nothing is wrong\n" + run.describe())
    check(missing(run) == ["a thousand keys", "looked into the bag", "somebody dies", "something is clamped",
                           "the secret ending"], f"never seen: {missing(run)}")
    check("5 of 10 properties were never seen:" in run.out + run.err, run.describe())
    check("reachable the secret ending (" in run.out + run.err, run.describe())
    known = properties(run)["the secret ending"]
    check(known["file"].endswith("part.cpp") and known["line"] > 20 and known["kind"] == "reachable", known)
    check(properties(run)["the plugin works"] == {**properties(run)["the plugin works"], "seen": False, "violated": False},
          "what was not met did not fail")
    shown = test.moth("report", "-o", test.path("shown"), "--reporter", "json,junit,html", run.folder)
    check(shown.status == 0, shown.describe())
    suites = ElementTree.parse(test.path("shown", "junit.xml")).getroot()
    skipped = {one.get("name"): one.find("skipped").get("message") for one in suites.iter("testcase") if one.find("skipped") is not None}
    check(len(skipped) == 5 and skipped["reachable the secret ending"] == f"never seen ({known['file']}:{known['line']})", skipped)
    check(suites.get("failures") == "0" and suites.get("errors") == "0", "what was never seen fails nothing")
    with open(test.path("shown", "report.html"), encoding="utf-8") as file:
        page = file.read()
    check("<td>never seen</td><td>reachable</td><td><bdi>the secret ending</bdi></td>" in page
          and 'href="#properties"' in page, "report.html does not tell of it")
    more = play(test, "cp")
    check(missing(more) == ["a thousand keys", "somebody dies", "something is clamped", "the plugin is given eight",
                            "the secret ending"], f"never seen: {missing(more)}")
    check(properties(more)["the plugin works"]["seen"], "the plugin was loaded")
    both = test.path("both")
    merged = test.moth("report", "-o", both, run.folder, more.folder)
    check(merged.status == 0, merged.describe())
    seen = {p["message"]: p["seen"] for p in read_json(os.path.join(both, "run.json"))["properties"]}
    check(len(seen) == 12 and seen["looked into the bag"] and seen["in the plugin"] and not seen["the secret ending"],
          f"merged: {seen}")
    check("4 of 12 properties" in merged.out + merged.err or "5 of 12 properties" in merged.out + merged.err, merged.describe())


def violated(test, key, title, kind):
    run = play(test, key, options=("--replays", "2"))
    check(run.status == 1 and [f["kind"] for f in run.findings] == ["invariant"], "one invariant expected\n" + run.describe())
    finding = run.findings[0]
    check(finding["title"].startswith(title), finding["title"])
    check(finding["reproduced"] == "2/2", f"{finding}\n" + run.describe())
    check([p["kind"] for p in run.json["properties"] if p["violated"]] == [kind], "which is violated")
    folder = os.path.join(run.folder, "findings", finding["fingerprint"])
    shorter = test.moth("minimize", "--replays", "2", folder)
    check("→ 1," in shorter.out, "not shortened\n" + shorter.describe())
    for trace in ("trace.moth", "minimized.moth"):
        again = test.moth("replay", os.path.join(folder, trace))
        check(again.status == 0, f"{trace} does not meet it\n" + again.describe())
    clean = test.moth("replay", "--expect-clean", folder)
    check(clean.status == 1, clean.describe())
    script = test.run(test.game("says"), agent=os.path.join(folder, "repro.lua"), frames=400)
    check([f["fingerprint"] for f in script.findings] == [finding["fingerprint"]], "the script does not\n" + script.describe())


add("says/always", violated, "m", '"health is not negative" does not hold (game.c:', "always")
add("says/unreachable", violated, "u", '"the room behind the wall" is reached (game.c:', "unreachable")


@case
def workers_and_shards(test):
    """However the play is shared out, the properties are the same."""
    runs = []
    for options in (("-j", "1"), ("-j", "2")):
        test.write("keys.lua", """
return function(game, rng)
    for _ = 1, 20 do game:tap(rng:pick({"e", "c", "x"})) game:step(2) end
end
""")
        runs.append(test.run(test.game("says"), agent=test.path("keys.lua"), frames=480,
                             options=("--instance-frames", "60", *options)))
    check(runs[0].json["properties"] == runs[1].json["properties"], "other properties with other workers")
    check(properties(runs[0])["looked into the bag"]["seen"], "somebody pressed c")


@case
def frames_without_sdl(test):
    """moth_frame() makes boundaries in a game that has no window; it is watched, called and judged like any."""
    test.write("frame.lua", """
return function(game)
    local first = game.frame
    game:step(10)
    if game.state.place ~= "frame " .. game.frame - 1 then error(game.state.place) end
    if math.abs(game.time - game.frame / 60) > 0.02 then error(game.time) end
    local place = game:snapshot()
    game:call("press", 16) -- m
    game:step(5)
    if game.state.health ~= -1 then error(game.state.health) end
    if not game.state.alive == false then error("alive") end
    game:restore(place)
    if game.state.health ~= 3 then error(game.state.health) end
    game:step(5)
end
""")
    run = test.run(test.game("says_frame"), agent=test.path("frame.lua"), frames=40, options=("--replays", "2"))
    check([f["kind"] for f in run.findings] == ["invariant"], "one finding expected\n" + run.describe())
    check(run.findings[0]["reproduced"] == "2/2" and "health" in run.findings[0]["title"], run.describe())
    check("agent fault" not in run.out + run.err, run.describe())
    doctor = test.moth("doctor", "--frames", "120", "--agent", test.agent("secret"), "--", test.game("says_frame"))
    check(doctor.status == 0, doctor.describe())
