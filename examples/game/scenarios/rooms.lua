-- SPDX-License-Identifier: MIT
--
-- rooms: walks into the rooms next door and back, with keys that it finds out by itself.
--
-- By state: the game's variables are found by their names (it was built with -g).

local scenario = require("moth.scenario")

return {
    name = "rooms",
    tags = { "slow" },
    budget = "2m",
    cases = scenario.each("room", { { name = "east", room = 1, x = 290, y = 96, key = "right" },
        { name = "south", room = 2, x = 152, y = 176, key = "down" } }),
    setup = function(game)
        game:step(2)
        local ok, why = game:watch { x = "game.x", y = "game.y", room = "game.room" }
        if not ok then
            game:fail("the game's variables are not found: " .. tostring(why))
        end
        game:step()
    end,
    play = function(game, _, case)
        scenario.wait_for(game, function(state) return state.room == 0 end, { what = "the first room" })
        scenario.go_to(game, case.x, case.y, { within = 3 })
        scenario.repeat_until(game, function()
            game:hold(case.key, 20)
        end, function(state) return state.room == case.room end, { what = "the room next door" })
    end,
}
