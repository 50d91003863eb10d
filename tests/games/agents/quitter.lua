-- SPDX-License-Identifier: MIT
--
-- Closes the window after a while.

return function(game)
    game:step(30)
    game:quit()
    game:step(30)
end
