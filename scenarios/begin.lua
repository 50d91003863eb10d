-- SPDX-License-Identifier: MIT
--
-- begin: the keys that begin a game lead away from the first picture.

return {
    name = "begin",
    tags = { "smoke" },
    budget = "1m",
    play = function(game)
        game:step(120)
        local title, why = game:picture()
        if not title then
            game:fail("the picture cannot be read: " .. why)
        end
        for _, key in ipairs { "return", "space", "left ctrl", "z", "x", "escape", "return" } do
            game:tap(key, 4)
            game:step(60)
            if game:picture() ~= title then
                return
            end
        end
        game:fail("none of the keys that begin a game changes the picture")
    end,
}
