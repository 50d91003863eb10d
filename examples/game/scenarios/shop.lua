-- SPDX-License-Identifier: MIT
--
-- shop: walks up to the counter until the shop is to be seen, buys one thing, and leaves.
--
-- By its picture: shop.png, cut out of a screenshot, lies beside this file.

local scenario = require("moth.scenario")

-- One begins right below the counter.
local function enter(game)
    scenario.repeat_until(game, function() game:hold("up", 6) end, "shop.png", { settle = 2, what = "the shop" })
end

return {
    name = "shop",
    tags = { "smoke", "shop" },
    budget = "30s",
    cases = {
        { name = "the first on the shelf", down = 0 },
        { name = "the second", down = 1 },
        { name = "the last", down = 2 },
        { name = "nothing", down = false },
    },
    play = function(game, _, case)
        enter(game)
        if case.down then
            for _ = 1, case.down do
                game:tap("down")
            end
            game:tap("return")
        end
        game:step(5)
        game:tap("escape")
        game:step(20)
        game:expect(not game:see("shop.png"), "the shop is left")
    end,
}
