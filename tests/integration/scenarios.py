# SPDX-License-Identifier: MIT
"""Scenarios: cases, tags, budgets, setup and teardown, and the library that ships with moth."""
import os
import xml.etree.ElementTree as xml

from driver import Run, case, check, skip

LEVELS = """
local scenario = require("moth.scenario")
return {
    name = "levels",
    tags = { "smoke" },
    budget = "5s",
    cases = {
        { name = "first", level = 1 },
        { name = "second", level = 2, tags = { "slow" } },
        { name = "endless", level = 3, tags = { "slow" }, budget = "40 frames" },
        "plain",
    },
    setup = function(game, rng, case) print("setup " .. case.name) game:tap("return") end,
    teardown = function(game, rng, case) print("teardown " .. case.name) end,
    play = function(game, rng, case)
        game:step(10)
        game:expect(case.value == (case.name == "plain" and "plain" or nil), "the value of a plain case")
        if case.level == 2 then
            game:fail("level 2 is closed")
        end
        while case.level == 3 do
            game:step(7)
        end
    end,
}
"""


WAITS = """
return {
    name = "waits",
    cases = { "in vain", "for a moment" },
    play = function(game, rng, case)
        game:wait_until(function() return case.value == "for a moment" and game.frame > 30 end)
    end,
}
"""


GOES_BACK = """
return function(game)
    game:step(20)
    local here = game:snapshot()
    for _ = 1, 10 do
        game:step(60)
        game:restore(here)
    end
    game:step(1)
    game:expect(false, "found after many ways")
end
"""


def play(test, *options, game=()):
    """Scenarios alone: no frame budget, no agent."""
    test.runs += 1
    folder = test.path(f"out{test.runs}")
    result = test.moth("run", "-v", "-j", 1, "--minimize-frames", 0, "--spike-ms", 0, "--replays", 1, "--out", folder, *options,
                       "--", test.game("walker_clean"), *game)
    return Run(result, folder)


def results(run):
    check(run.json, "no run.json\n" + run.describe())
    return {row["case"] or row["name"]: row["result"] for row in run.json["scenarios"]}


@case
def cases(test):
    """Each case is an instance of its own; what fails says where, and replays."""
    script = test.write("levels.lua", LEVELS)
    run = play(test, "-s", script, "--reporter", "list,json,junit")
    check(run.status == 1, run.describe())
    check(results(run) == {"first": "passed", "second": "failed", "endless": "failed", "plain": "passed"}, run.describe())
    for name in ("first", "second", "plain"):
        check(run.err.count(f"setup {name}") == 1 and run.err.count(f"teardown {name}") == 1, f"{name}\n" + run.err)
    check(run.err.count("setup endless") == 1 and "teardown endless" not in run.err, "nothing is done beyond the budget")
    titles = {finding["title"]: finding for finding in run.findings}
    check(set(titles) == {"level 2 is closed", "endless did not come to its end within its budget of 40 frames"},
          str(list(titles)))
    for title, line in (("level 2 is closed", 19), ("endless did not come to its end within its budget of 40 frames", 22)):
        folder = os.path.join(run.folder, "findings", titles[title]["fingerprint"])
        with open(os.path.join(folder, "finding.json"), encoding="utf-8") as file:
            check(f"levels.lua:{line}" in file.read(), f"{title}: no line")
        check(titles[title]["reproduced"] == "1/1" and titles[title]["kind"] == "invariant", run.describe())
        result = test.moth("replay", folder)
        check(result.status == 0, result.describe())
    suites = xml.parse(os.path.join(run.folder, "junit.xml")).getroot().iter("testsuite")
    found = {suite.get("name"): {each.get("name"): each.find("failure") is not None for each in suite.iter("testcase")}
             for suite in suites}
    check(found.get("levels") == {"first": False, "second": True, "endless": True, "plain": False}, str(found))
    check("passed  levels: first" in run.out and "failed  levels: second" in run.out, run.describe())


@case
def found_after_going_back(test):
    """The frames of the branches count, too, where a finding is looked for again: or it would be taken for flaky, and
    the run pass."""
    run = play(test, "-s", test.write("back.lua", GOES_BACK), "--replays", 2)
    check(run.status == 1 and len(run.findings) == 1, run.describe())
    check(run.findings[0]["reproduced"] == "2/2" and run.findings[0]["frame"] == 22, run.describe())
    folder = os.path.join(run.folder, "findings", run.findings[0]["fingerprint"])
    check(test.moth("replay", folder).status == 0, "moth replay")
    again = play(test, "--replay-first", os.path.join(run.folder, "findings"), "--frames", 200)
    check(len(again.findings) == 1 and again.status == 1, again.describe())


@case
def waiting_in_vain(test):
    """What has no budget and does not come to its end may mean to play for ever: a warning, and no pass in junit.xml; a
    merge says the same."""
    script = test.write("waits.lua", WAITS)
    run = play(test, "-s", script, "--instance-frames", 700, "--reporter", "list,json,junit")
    check(run.status == 0 and not run.findings, run.describe())
    check(results(run) == {"in vain": "stopped", "for a moment": "passed"}, run.describe())
    why = "waits: in vain did not come to its end within 700 frames"
    check(why in run.out and any(why in text for text in run.json["warnings"]), run.describe())
    cases = xml.parse(os.path.join(run.folder, "junit.xml")).getroot().iter("testcase")
    check({each.get("name"): each.find("skipped") is not None for each in cases} ==
          {"in vain": True, "for a moment": False}, "junit.xml")
    merged = test.moth("report", run.folder, "-o", test.path("merged"))
    check(merged.status == 0 and why in merged.out, merged.describe())


@case
def choosing(test):
    """By tags, by name, beside an agent; and what cannot be chosen."""
    script = test.write("levels.lua", LEVELS)
    check(results(play(test, "-s", script, "--not-tag", "slow")) == {"first": "passed", "plain": "passed"}, "--not-tag")
    run = play(test, "-s", script, "--tag", "smoke and not slow")
    check(run.status == 0 and len(results(run)) == 2, run.describe())
    check(set(results(play(test, "-s", script, "--tag", "slow"))) == {"second", "endless"}, "--tag")
    run = play(test, "-s", script + ":first", "-a", test.agent("secret"), "--frames", 300)
    check(results(run) == {"first": "passed"} and run.json["instances"] > 1, run.describe())
    for options, words in ((("-s", script, "--tag", "nightly"), "no scenario has such tags"),
                           (("-s", script, "--tag", "slow and"), "a tag is missing"),
                           (("--tag", "slow"), "name some with -s"),
                           (("-s", script + ":third"), "there is no case 'third'"),
                           (("-s", test.path("nothing.lua")), "nothing.lua")):
        result = test.moth("run", *options, "--out", test.path("bad"), "--", test.game("walker_clean"))
        check(result.status == 2 and words in result.err, f"no '{words}'\n" + result.describe())
    result = test.moth("list", "scenarios", test.folder)
    check(result.status == 0 and "levels" in result.out and ":second  [smoke, slow]" in result.out, result.describe())
    result = test.moth("list", "scenarios")
    check(result.status == 0 and "minute" in result.out and "[smoke]" in result.out, result.describe())


@case
def misuse(test):
    """A file that is wrong is told before anything is launched."""
    for text, words in (("return { play = 1 }", "needs a function `play`"),
                        ("return { cases = {}, play = print }", "`cases` is empty"),
                        ("return { cases = { 'a', 'a' }, play = print }", "two cases are called 'a'"),
                        ("return { cases = { { name = 7 } }, play = print }", "the name of case 1"),
                        ("return { cases = { print }, play = print }", "case 1 must be"),
                        ("return { tags = { 'a b' }, play = print }", "a tag must be a word"),
                        ("return { tags = 'a', play = print }", "`tags` must be a list"),
                        ("return { budget = 'soon', play = print }", "`budget` must be"),
                        ("return { budget = { frames = 0.5 }, play = print }", "`budget` must be"),
                        ("return { setup = 1, play = print }", "`setup` must be a function"),
                        ("return { { name = 'x' } }", "needs a function `play`")):
        result = test.moth("run", "-s", test.write("bad.lua", text), "--out", test.path("bad"), "--", test.game("walker_clean"))
        check(result.status == 2 and words in result.err, f"{text}: no '{words}'\n" + result.describe())
    for text, words in (("return { tag = { 'a' }, play = print }", "bad.lua: moth knows no field `tag` of the table that it returns; did you mean `tags`?"),
                        ("return function(game) return game.state.hp > 5 end",
                         "(game.state.hp is nil: nothing of that name is watched or published)")):
        result = play(test, "-s", test.write("bad.lua", text))
        check(words in result.out + result.err, f"{text}: no '{words}'\n" + result.describe())
    library = "local scenario = require('moth.scenario') "
    for text, words in (("return { cases = scenario.each({ 1, 2 }), play = print }",
                         "bad.lua:1: scenario.each: what the cases are called must be a text, not table"),
                        ("return { cases = scenario.each('level'), play = print }", "bad.lua:1: scenario.each: the values must be a list"),
                        ("return function(game) scenario.repeat_until(game, game:tap('a'), function() return true end) end",
                         "bad.lua:1: scenario.repeat_until: what to do must be a function, not nil"),
                        ("return function(game) scenario.go_to(game, '1', 2) end",
                         "bad.lua:1: scenario.go_to: x must be a number, not the string '1'"),
                        ("return function(game) scenario.wait_for(function() end, game) end",
                         "bad.lua:1: scenario.wait_for: the first argument must be the game, not function")):
        result = play(test, "-s", test.write("bad.lua", library + text))
        check(result.status == 2 and words in result.out + result.err, f"{text}: no '{words}'\n" + result.describe())
    own = play(test, "-s", test.write("good.lua", "return { tag = 1, tags = { 'a' }, level = 3, play = function() end }"))
    check(own.status == 0 and "knows no field" not in own.err, own.describe())


LIBRARY = """
local scenario = require("moth.scenario")
return {
    {
        name = "menu by state",
        play = function(game)
            scenario.choose(game, function(state) return not state.started end, { next = "down" })
            scenario.wait_for(game, function(state) return state.started end, { what = "the game", timeout = 60 })
        end,
    },
    {
        name = "go to",
        play = function(game)
            game:tap("return")
            scenario.go_to(game, 240, 40)
            local s = game.state
            game:expect(math.abs(s.x - 240) <= 4 and math.abs(s.y - 40) <= 4, "arrived at " .. s.x .. "," .. s.y)
            scenario.go_to(game, 0, 0, { within = 8 })
            game:expect(s.corner >= 1, "a corner was met")
        end,
    },
    {
        name = "repeat",
        play = function(game)
            game:tap("return")
            local times = scenario.repeat_until(game, function() game:hold("l", 5) end, function(state) return state.x >= 200 end)
            game:expect(times >= 2 and times <= 4, "times: " .. tostring(times))
        end,
    },
    { name = "not there", play = function(game) scenario.wait_for(game, function() return false end, { what = "Godot", timeout = 30 }) end },
    { name = "no such place", play = function(game) scenario.go_to(game, 1, 1, { x = "east" }) end },
    { name = "gives up", play = function(game) scenario.repeat_until(game, function() end, function() return false end, { most = 2 }) end },
}
"""


@case
def library(test):
    """Menus by state, walking with learned keys, and what does not come about."""
    run = play(test, "-s", test.write("library.lua", LIBRARY), game=("ijkl", "watch"))
    check(results(run) == {"menu by state": "passed", "go to": "passed", "repeat": "passed", "not there": "failed",
                           "no such place": "failed", "gives up": "failed"}, run.describe())
    titles = " ".join(finding["title"] for finding in run.findings)
    for words in ("Godot did not come about within 30 frames", "the game does not tell 'east'", "in 2 tries"):
        check(words in titles, f"no '{words}'\n" + run.describe())


@case
def shipped(test):
    """The scenarios that moth ships pass on a game that is well."""
    run = play(test, "-s", "minute", "-s", "begin", "-s", "close")
    check(run.status == 0 and results(run) == {"minute": "passed", "begin": "passed", "close": "passed"}, run.describe())


@case
def example(test):
    """The scenarios of examples/game: by picture with cases, and by state with learned keys."""
    cave = os.path.join(test.settings.games, "..", "..", "examples", "game", "cave")
    if not os.path.exists(cave):
        skip("the example game was not built")
    folder = os.path.join(test.settings.root, "examples", "game", "scenarios")
    result = test.moth("run", "-j", 1, "-s", os.path.join(folder, "shop.lua"), "-s", os.path.join(folder, "rooms.lua"),
                       "--spike-ms", 0, "--replays", 1, "--minimize-frames", 0, "--out", test.path("cave"), "--", cave)
    run = Run(result, test.path("cave"))
    check(run.status == 0 and results(run) == {"the first on the shelf": "passed", "the second": "passed", "the last": "passed",
                                               "nothing": "passed", "east": "passed", "south": "passed"}, run.describe())


@case
def leaving(test):
    """A game that leaves by itself has not played the scenario to its end."""
    run = play(test, "-s", test.write("long.lua", "return function(game) game:step(500) end"))
    check(run.status == 0 and results(run) == {"long": "passed"}, run.describe())
    run = play(test, "--env", "GAME_FRAMES=100", "-s", test.path("long.lua"))
    check(run.status == 1 and results(run) == {"long": "failed"}, run.describe())
    check("before the scenario was over" in run.findings[0]["title"] and run.findings[0]["reproduced"] == "1/1", run.describe())
