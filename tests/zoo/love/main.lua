-- SPDX-License-Identifier: MIT
--
-- A small LÖVE game for the zoo: a paddle, balls that multiply, particles, a tone for each bounce, a thread
-- that computes the colours, and a high score saved to disk. Random numbers come from LÖVE's own generator,
-- which it seeds from the clock.

local paddle = { x = 140, w = 48 }
local balls, sparks, score, best = {}, {}, 0, 0
local boop, colours, to_thread

local painter = [[
local requests, answers = love.thread.getChannel("requests"), love.thread.getChannel("answers")
local math = require("love.math")
while true do
    local seed = requests:demand()
    if seed == "stop" then break end
    local r = math.newRandomGenerator(seed)
    answers:push({ r:random(), r:random(), r:random() })
end
]]

local function new_ball()
    balls[#balls + 1] = {
        x = love.math.random(40, 280), y = 40,
        dx = love.math.random(-90, 90), dy = love.math.random(60, 120),
        colour = { 1, 1, 1 },
    }
end

local function tone()
    local rate, samples = 22050, 1102
    local data = love.sound.newSoundData(samples, rate, 16, 1)
    for i = 0, samples - 1 do
        data:setSample(i, math.sin(i * 0.12) * (1 - i / samples) * 0.3)
    end
    return love.audio.newSource(data)
end

function love.load()
    best = tonumber((love.filesystem.read("best.txt"))) or 0
    boop = tone()
    love.thread.newThread(painter):start()
    to_thread, colours = love.thread.getChannel("requests"), love.thread.getChannel("answers")
    new_ball()
end

local function bounce(ball)
    boop:stop()
    boop:play()
    to_thread:push(love.math.random(1, 1000000))
    for _ = 1, 6 do
        sparks[#sparks + 1] = { x = ball.x, y = ball.y, dx = love.math.random(-60, 60), life = 0.6 }
    end
end

local function move_ball(ball, dt)
    ball.x, ball.y = ball.x + ball.dx * dt, ball.y + ball.dy * dt
    if ball.x < 4 or ball.x > 316 then ball.dx = -ball.dx; ball.x = math.max(4, math.min(316, ball.x)); bounce(ball) end
    if ball.y < 4 then ball.dy = math.abs(ball.dy); bounce(ball) end
    if ball.y > 220 and ball.dy > 0 and math.abs(ball.x - paddle.x - paddle.w / 2) < paddle.w / 2 + 4 then
        ball.dy = -ball.dy * 1.02
        score = score + 1
        bounce(ball)
        if score % 5 == 0 then new_ball() end
    end
    return ball.y < 250
end

function love.update(dt)
    local direction = (love.keyboard.isDown("right") and 1 or 0) - (love.keyboard.isDown("left") and 1 or 0)
    paddle.x = math.max(0, math.min(320 - paddle.w, paddle.x + direction * 220 * dt))
    for i = #balls, 1, -1 do
        if not move_ball(balls[i], dt) then table.remove(balls, i) end
    end
    for i = #sparks, 1, -1 do
        local s = sparks[i]
        s.x, s.y, s.life = s.x + s.dx * dt, s.y + 40 * dt, s.life - dt
        if s.life <= 0 then table.remove(sparks, i) end
    end
    local colour = colours:pop()
    if colour and balls[1] then balls[1].colour = colour end
    if #balls == 0 then
        if score > best then best = score; love.filesystem.write("best.txt", tostring(best)) end
        score = 0
        new_ball()
    end
end

function love.keypressed(key)
    if key == "space" then new_ball() end
    if key == "escape" then love.event.quit() end
end

function love.draw()
    love.graphics.clear(0.08, 0.08, 0.14)
    love.graphics.setColor(0.9, 0.8, 0.3)
    love.graphics.rectangle("fill", paddle.x, 222, paddle.w, 8)
    for _, ball in ipairs(balls) do
        love.graphics.setColor(ball.colour)
        love.graphics.circle("fill", ball.x, ball.y, 5)
    end
    for _, s in ipairs(sparks) do
        love.graphics.setColor(1, 0.6, 0.2, s.life)
        love.graphics.rectangle("fill", s.x, s.y, 2, 2)
    end
    love.graphics.setColor(1, 1, 1)
    love.graphics.print("score " .. score .. "  best " .. best, 8, 8)
end

function love.quit()
    to_thread:push("stop")
end
