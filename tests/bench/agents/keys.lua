-- SPDX-License-Identifier: MIT
-- A key every few frames, as somebody who plays.
return function(game)
    while true do
        for _, key in ipairs { "right", "left", "space" } do
            game:tap(key, 2)
            game:step(2)
        end
    end
end
