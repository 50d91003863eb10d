# SPDX-License-Identifier: MIT
"""Learning a game's keys: by what it tells of itself, by its picture, and as explorer does by itself."""
from driver import add, case, check

LEARN = """
local controls = require("moth.controls")
return function(game)
    game:step(5)
    game:tap("return")
    game:step(5)
    local before, frame = game:picture(), game.frame
    local known, why = controls.learn(game, nil, { pad = %s })
    if not known then
        game:fail("not learned: " .. why)
    end
    game:expect(game:picture() == before, "the game stands where it stood")
    for _, action in ipairs(known.actions) do
        local parts = {}
        for name, effect in pairs(action.effects) do
            parts[#parts + 1] = string.format("%%s%%+g", name, effect)
        end
        table.sort(parts)
        print("key <" .. controls.name(action) .. "> " .. table.concat(parts, " ") .. " " .. (action.opposite or ""))
    end
    local text = controls.to_text(known)
    game:expect(controls.to_text(controls.from_text(text)) == text, "as text and back")
end
"""


def learns(test, keys, watch, expected):
    game = (test.game("walker_clean"), keys, *(("watch",) if watch else ()))
    script = test.write("learn.lua", LEARN % ("true" if keys == "pad" else "false"))
    run = test.run(*game, agent=None, frames=20000, options=("-v", "-s", script, "--replays", 0))
    check(run.status == 0, run.describe())
    found = {line.split("key <")[1].strip() for line in run.err.splitlines() if "key <" in line}
    wanted = {row if watch else row.split(">")[0] + ">" for row in expected}
    check(found == wanted, f"{sorted(found)} and not {sorted(wanted)}\n" + run.describe())


KEYS = {
    "wasd": ("w> y-4 s", "s> y+4 w", "a> x-4 d", "d> x+4 a"),
    "ijkl": ("i> y-4 k", "k> y+4 i", "j> x-4 l", "l> x+4 j"),
    "pad": ("pad1.dpup> y-4", "pad1.dpdown> y+4", "pad1.dpleft> x-4", "pad1.dpright> x+4"),
    "mouse": ("mouse 0.20 0.50> x-4", "mouse 0.80 0.50> x+4", "mouse 0.50 0.20> y-4", "mouse 0.50 0.80> y+4"),
}
for keys, expected in KEYS.items():
    for watch in (True, False):
        add(f"controls/{keys}{'_watched' if watch else ''}", learns, keys, watch, expected)


@case
def explorer(test):
    """Keys that nobody would guess: explorer finds them, and gets about; with the usual ones it does not."""
    usual = test.write("usual.lua", 'return require("explorer").with { actions = require("moth.sticky").actions }')
    cells = {}
    for name, agent in (("learned", "explorer"), ("usual", usual)):
        run = test.run(test.game("walker_clean"), "ijkl", agent=None, frames=8000, options=("-a", agent, "--replays", 0))
        check(run.status == 0, run.describe())
        cells[name] = run.json["coverage"]["cells"]
    check(cells["usual"] <= 4 and cells["learned"] >= 40, str(cells))


@case
def same_seed(test):
    """What is learned is the same each time, so is what comes of it."""
    runs = [test.run(test.game("walker_clean"), "ijkl", agent=None, frames=6000, options=("-a", "explorer", "--replays", 0))
            for _ in range(2)]
    seen = [(run.json["coverage"], run.json["frames_total"]) for run in runs]
    check(seen[0] == seen[1], str(seen))
