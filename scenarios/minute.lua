-- SPDX-License-Identifier: MIT
--
-- minute: left alone for a minute, the game is still there.

return {
    name = "minute",
    tags = { "smoke" },
    budget = "2m",
    play = function(game)
        game:waiting(true)
        game:step(3600)
        game:waiting(false)
    end,
}
