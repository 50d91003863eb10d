-- SPDX-License-Identifier: MIT
-- Touches nothing and looks at the picture every 30 frames.
return function(game)
    while true do
        game:step(30)
        game:picture()
    end
end
