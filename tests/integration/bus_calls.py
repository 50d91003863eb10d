# SPDX-License-Identifier: MIT
"""Calls of a game's functions over the bus: values there and back, once, as part of the trace, and whose fault it is
when one goes wrong."""
import json
import os
import re

from bus import driven, moth_bus, refused
from driver import case, check


@case
def every_shape(test):
    """Functions of the game, with values of every shape; a call is made once, branches with the game, and replays."""
    with driven(test, test.game("calls"), ("-j", 1, "--frames", 400, "--replays", 2)) as run:
        with run.attach() as game:
            game.step(3)
            for expected, *call in (
                    (31, "give_item(int,float)int", 3, 0.5), (31, "give_item", 3, 0.5), (-120, "add_i8(i8,i8)i8", -100, -20),
                    (-2 ** 63, "add_i64(i64,i64)i64", -2 ** 63 + 1, 1), (2 ** 63 - 1, "add_i64", 2 ** 63 - 1, 0),
                    (2 ** 64 - 1, "add_u64(u64,u64)u64", 2 ** 64 - 1, 0), (2 ** 64 - 2, "add_u64", str(2 ** 64 - 1), 2 ** 64 - 1),
                    (2 ** 53 + 1, "add_u64", 2 ** 53, 1), (True, "is_even(int)bool", 4), (False, "is_even", 5.0), (1.5, "half(float)float", 3), (1e20, "product", 10 ** 20, 1),
                    (-3.75, "product(double,double)double", 1.5, -2.5), ("inf", "product", 1e300, 1e300), ("-inf", "product", "inf", -1),
                    ("nan", "product", "inf", 0), (None, "nothing()"), (13, "length_of(char*)size_t", "h\u00f6l lo\n%\"\u20ac"),
                    (999, "length_of"), ("hello 5", "greeting(int)char*", 5), (None, "greeting", -1), ("Zo\ufffd \ufffd", "latin_name()char*"),
                    ({"x": 4, "y": 6.5}, "move_point({float x,float y},{float x,float y}){float x,float y}", [1, 2], {"x": 3, "y": 4.5}),
                    ({"id": 4, "kind": -4, "weight": 3.5}, "heavier", {"id": 3, "kind": -4, "weight": 1.5}, 2),
                    ({"values": [10, 20, 30, 40], "scale": 3, "name": "bigger"}, "enlarge",
                     {"values": [1, 2, 3, 4], "scale": 1.5, "name": "big"}, 10),
                    ([4, 3], "swap_pair({double,i64}){double,i64}", [3, 4]), (None, "no_item()void*"), (-1, "item_id(void*)int", None)):
                got = game.call(*call)
                check(got == expected and isinstance(got, bool) == isinstance(expected, bool), f"{call}: {got!r}, not {expected!r}")
            item = game.call("make_item", 13)
            check(isinstance(item, int) and game.call("item_id", item) == 13, f"a pointer: {item!r}")
            check(game.call("load_level(int)int", 4) == 4 and game.state["level"] == 4, f"{game.state}")
            here, other = game.snapshot(), []
            for _ in range(2):
                other.append((game.call("make_item", 5), game.step(5, picture="hash")["picture"]["hash"]))
                game.restore(here)
            check(other[0] == other[1], f"another branch: {other}")
            game.call("give_item", 1, 1)
            once = game.step(2, picture="hash")["picture"]["hash"]
            game.restore(here)
            game.call("give_item", 1, 1)
            game.seq -= 1
            game.call("give_item", 1, 1)  # the same number: its reply once more
            check(game.step(2, picture="hash")["picture"]["hash"] == once, "the call was made twice")
            game.call("curse", item)
            game.drop(here)
            reply = game.step(6, [{"at": 1, "tap": ["k", 2]}])
            check(reply["ended"] and reply["ended"]["kind"] == "crash", f"{reply['ended']}")
        report = run.end()
        found = report["findings"]
        check([f["kind"] for f in found] == ["crash"], json.dumps(report)[:2000])
        replayed = test.moth("replay", os.path.join(run.out, found[0]["trace"]))
        check(replayed.status == 0, "with its calls it does not replay\n" + replayed.describe())


@case
def what_ends_the_game_is_the_programs_fault(test):
    """It is told with where, is no finding, and the next instance can be had."""
    options = ("-j", 1, "--frames", 4000, "--frame-cpu-ms", 1500, "--frame-wall-ms", 3000)
    with driven(test, test.game("calls"), options) as run:
        with run.attach() as game:  # a run in which every agent is at fault from the first one on would end early
            game.step(3)
        for call, words in ((("crash_here(int)int", 3), r"crash_here crashed the game \(SIGSEGV\)(.|\n)*crash_here game.c:\d+"),
                            (("leave_here", 0), "leave_here ended the game"), (("spin_here",), "spin_here does not return")):
            game = run.attach()
            game.step(3)
            game.snapshot()
            refusal = refused("ended", game.call, *call)
            check(re.search(words, refusal.message), f"{call}: {refusal}")
            check(isinstance(refusal, moth_bus.Ended) and game.closed, "over")
            game.seq -= 1
            again = refused("ended", game.request, "call", function=call[0], arguments=list(call[1:]))
            check(again.message == refusal.message, f"asked for again: {again}")
        report = run.end()
        check(report["findings"] == [], f"{report['findings']}")
        faults = report["agent_faults"]
        check(len(faults) == 3 and "crash_here crashed the game (SIGSEGV)" in faults[0] and report["verdict"] == "error", f"{faults}")


WRONG_CALLS = [
    ("", []), (7, []), ("lift_to(", [1]), ("lift_to(int)int", {}), ("lift_to(int)int", []), ("lift_to(int)int", [1, 2]),
    ("lift_to(int)int", [1 << 31]), ("lift_to(int)int", [1 << 64]), ("lift_to(int)int", [0.5]), ("lift_to(int)int", [True]),
    ("lift_to(int)int", [None]), ("lift_to(int)int", ["1e3"]), ("lift_to", ["up"]), ("lift_to(what)int", [1]),
    ("f({int x,int y})", [{"x": 1, "z": 2}]), ("f({int x,int y})", [[1, 2, 3]]), ("f({int x,int y})", [[1]]), ("f(char*)", [1]),
    ("f(char*)", ["x" * 5000]), ("f(int)", [[]] * 33), ("f(char*)", ["x" * 17000]), ("f(double)", ["much"]), ("x" * 5000, []),
]


@case
def wrong_calls_are_refused(test):
    """With what is wrong, and the game stays as it was."""
    with driven(test, test.game("explore_tower"), ("-j", 1, "--frames", 2000)) as run:
        with run.attach() as game:
            game.step(5)
            before = game.step(1, picture="hash")
            for function, arguments in WRONG_CALLS:
                refusal = refused("bad-request", game.request, "call", function=function, arguments=arguments)
                check(len(refusal.message) > 10, f"{function} {arguments}: {refusal}")
            for function in ("give_item(int)", "give_item", "lift_to(double)int"):
                refusal = refused("failed", game.call, function, 3)
                check(function.split("(")[0] in refusal.message, f"{refusal}")
            after = game.request("screenshot", picture="hash")
            check((after["frame"], after["picture"]) == (before["frame"], before["picture"]), "a refused call changed the game")
