-- SPDX-License-Identifier: MIT
--
-- Walks about a little and enters the secret of the fixture games: up, up, down, return.

local function enter(game)
    for _, key in ipairs { "up", "up", "down", "return" } do
        game:tap(key, 2)
        game:step(6)
    end
end

return function(game)
    game:step(20)
    game:hold("right", 10)
    game:step(5)
    enter(game)
    game:step(60)
    enter(game)
    game:step(60)
end
