-- SPDX-License-Identifier: MIT
--
-- idle: does nothing, for as long as it may. Finds what happens to a game that is left alone: attract
-- modes, timers, demos.

return {
    name = "idle",
    play = function(game)
        while true do
            game:step(60)
        end
    end,
}
