-- SPDX-License-Identifier: MIT
--
-- Walks about at random for a hundred frames.

return function(game, rng)
    for _ = 1, 10 do
        game:tap(rng:pick { "up", "down", "left", "right" }, 2)
        game:step(8)
    end
end
