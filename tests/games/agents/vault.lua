-- SPDX-License-Identifier: MIT
--
-- Opens the vault of six_inputs after about 20,000 frames, in the middle of keys, clicks, texts and sticks that
-- have nothing to do with it.

local KEYS = { "left", "right", "up", "down", "space", "return", "a", "s", "d", "w", "tab", "1", "2" }
local FRAMES = 3300 -- between two of the six

local function noise(game, rng)
    local what = rng:int(1, 9)
    if what <= 5 then
        game:hold(rng:pick(KEYS), rng:int(1, 12))
    elseif what == 6 then
        game:click(rng:int(0, 199), rng:int(0, 239))
    elseif what == 7 then
        game:mouse_move(rng:int(0, 319), rng:int(0, 239))
    elseif what == 8 then
        game:text(rng:pick { "so", "what", "größe" })
    else
        game:pad(1):axis("leftx", rng:int(-4, 4) / 4)
    end
    game:step(rng:int(1, 6))
end

local function noise_until(game, rng, frame)
    while game.frame < frame do
        noise(game, rng)
    end
end

return function(game, rng)
    local parts = {
        function() game:tap("o", 3) end,
        function() game:tap("p", 2) end,
        function() game:click(243, 147) end,
        function() game:hold("h", 25) end,
        function() game:tap("e", 4) end,
        function() game:tap("n", 2) end,
    }
    noise_until(game, rng, 200)
    game:tap("o")
    game:tap("p")
    game:tap("escape")
    for i, part in ipairs(parts) do
        noise_until(game, rng, i * FRAMES)
        part()
    end
    noise_until(game, rng, #parts * FRAMES + 200)
end
