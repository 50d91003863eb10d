-- SPDX-License-Identifier: MIT
--
-- close: the game ends within ten seconds once its window is closed.

return {
    name = "close",
    tags = { "smoke" },
    play = function(game)
        game:step(120)
        game:quit()
        game:step(600)
        game:report("hang", "the game goes on after its window was closed")
    end,
}
