-- SPDX-License-Identifier: MIT
function love.conf(t)
    t.identity = "zoo-bouncer"
    t.window.title = "Bouncer"
    t.window.width = 320
    t.window.height = 240
    t.window.vsync = 1
end
