-- SPDX-License-Identifier: MIT
--
-- menus: walks through menus as a person does, one key at a time. Each is let go before the next, with a
-- moment to see what it did; now and then a word is typed, for names and passwords.

local keys = {
    "down", "down", "down", "up", "up", "left", "right",
    "return", "return", "return", "return", "space", "tab", "y", "n", "backspace",
}
local words = { "a", "moth", "0", "-1", "999999999999", "Ünïcödé", "%s%n", "a b  c" }

return {
    name = "menus",
    play = function(game, rng)
        while true do
            if rng:chance(0.08) then
                game:tap("escape", 2)
            elseif rng:chance(0.03) then
                game:text(rng:pick(words))
            else
                game:tap(rng:pick(keys), rng:pick { 1, 2, 4 })
            end
            game:step(rng:pick { 2, 8, 32 })
        end
    end,
}
