# SPDX-License-Identifier: MIT
"""What an agent sends is what the game receives: by event, by state, in order."""
import glob
import os

from driver import case, check

KEEP = """
return function(game)
%s
    game:expect(false, "keep the log")
    game:step(2)
end
"""


def log_of(test, body, frames=300):
    """Lines that the inputs game printed under an agent with this body."""
    agent = test.write("agent.lua", KEEP % body)
    run = test.run(test.game("inputs"), agent=agent, frames=frames, options=("--replays", "0", "--max-findings", "1"))
    check(run.json and [f["kind"] for f in run.findings] == ["invariant"], "one invariant expected\n" + run.describe())
    logs = glob.glob(os.path.join(run.folder, "findings", "*", "game.log"))
    check(len(logs) == 1, "one game.log expected\n" + run.describe())
    with open(logs[0], encoding="utf-8") as file:
        lines = file.read().splitlines()
    wrong = [line for line in lines if "disagree" in line]
    check(not wrong, f"event and state disagree: {wrong[:5]}")
    return [line.partition(" ")[2] for line in lines if line[:1].isdigit()], lines


def expect_lines(lines, wanted):
    """All of these, in this order, with others between."""
    position = 0
    for want in wanted:
        found = next((i for i in range(position, len(lines)) if lines[i].startswith(want)), None)
        check(found is not None, f"'{want}' did not come (in its turn); got {lines[position:position + 12]}")
        position = found + 1


@case
def everything(test):
    """All kinds of input with their overlaps: the game itself sees no contradiction and leaves with 0."""
    run = test.run(test.game("inputs"), agent="everything", frames=150)
    check(run.status == 0 and run.findings == [], "no finding expected\n" + run.describe())


@case
def keys(test):
    lines, _ = log_of(test, """
    game:step(3)
    game:press("left shift") game:step(1)
    game:tap("a", 2) game:step(4)
    game:release("left shift") game:step(1)
    game:press("b") game:release("b") game:step(2)
    game:hold("return", 3) game:step(3)
    """)
    expect_lines(lines, ["key down Left Shift", "key down A", "key up A", "key up Left Shift", "key down B", "key up B",
                         "key down Return", "key up Return"])
    check(any(line.startswith("key down A ") and "mod=1" in line for line in lines), "A came without its shift")


@case
def text(test):
    lines, _ = log_of(test, """
    game:step(2) game:text("hello") game:step(2) game:text("größe") game:step(2)
    """)
    typed = "".join(line.partition(" ")[2] for line in lines if line.startswith("text "))
    check(typed == "hellogröße", f"typed {typed!r}")


@case
def mouse(test):
    lines, _ = log_of(test, """
    game:step(2)
    game:mouse_move(10, 20) game:step(1)
    game:mouse_move(100, 80) game:step(1)
    game:click(50, 60, 1) game:step(4)
    game:click(51, 61, 3) game:step(4)
    game:wheel(0, 1) game:wheel(-2, -3) game:step(2)
    """)
    expect_lines(lines, ["motion 10 20", "motion 100 80 rel 90 60", "motion 50 60", "button down 1 at 50 60",
                         "button up 1 at 50 60", "motion 51 61", "button down 3 at 51 61", "button up 3", "wheel 0 1",
                         "wheel -2 -3"])


@case
def pads(test):
    lines, _ = log_of(test, """
    game:step(2)
    local one, two = game:pad(1), game:pad(2)
    game:step(3)
    one:press("a") game:step(1) one:release("a")
    two:press("start") game:step(1) two:release("start")
    one:axis("leftx", 1) game:step(1) one:axis("leftx", -1) game:step(1)
    one:axis("righttrigger", 1) game:step(1)
    one:axis("righttrigger", 0) one:axis("leftx", 0) game:step(2)
    """)
    expect_lines(lines, ["pad 1 added", "pad 1 down start", "pad 1 up start"])
    expect_lines(lines, ["pad 0 added", "pad 0 down a", "pad 0 up a", "pad 0 axis leftx 32767", "pad 0 axis leftx -3276",
                         "pad 0 axis righttrigger 32767", "pad 0 axis righttrigger 0"])


@case
def quit_ends(test):
    """Closing the window is no finding, and the game leaves by itself."""
    run = test.run(test.game("inputs"), agent="quitter", frames=70)
    check(run.status == 0 and run.findings == [], "no finding expected\n" + run.describe())


@case
def each_event_comes_once(test):
    lines, whole = log_of(test, """
    for i = 1, 20 do game:press("a") game:step(1) game:release("a") game:step(1) end
    """)
    downs = [line for line in whole if " key down A" in line]
    check(len(downs) == 20, f"20 presses sent, {len(downs)} received")
    frames = [int(line.split()[0]) for line in downs]
    gaps = {b - a for a, b in zip(frames, frames[1:])}
    check(gaps == {2}, f"presses sent two frames apart came {sorted(gaps)} apart")
