-- SPDX-License-Identifier: MIT
--
-- Types a name that is longer than heap_corruption's blocks, hands it in, and types another.

return function(game)
    game:step(10)
    for _ = 1, 3 do
        for i = 1, 44 do
            game:tap(string.char(97 + i % 26), 1)
            game:step(2)
        end
        game:tap("return", 2)
        game:step(10)
    end
end
