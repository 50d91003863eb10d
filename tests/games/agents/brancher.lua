-- SPDX-License-Identifier: MIT
--
-- Keeps places, returns to them and lets them go at random, enters the secret of the fixture games now and then,
-- and goes on where the game ended. For what must hold whatever is branched when.

local function wander(game, rng)
    game:hold(rng:pick { "left", "right", "up", "down" }, rng:int(1, 6))
    if rng:chance(0.3) then
        for _, key in ipairs { "up", "up", "down", "return" } do
            game:tap(key, 2)
            game:step(4)
        end
    end
    game:step(rng:int(1, 8))
end

return function(game, rng)
    game:step(5)
    local kept = { game:snapshot() }
    for _ = 1, 400 do
        local alive = pcall(wander, game, rng)
        if alive and #kept < 6 and rng:chance(0.4) then
            kept[#kept + 1] = game:snapshot()
        elseif not alive or rng:chance(0.4) then
            game:restore(rng:pick(kept))
        end
        if #kept > 2 and rng:chance(0.2) then
            table.remove(kept, rng:int(1, #kept)):release()
        end
    end
end
