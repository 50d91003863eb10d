-- SPDX-License-Identifier: MIT
--
-- Places in a game and going back to them: an archive (game:archive), the snapshots taken on the way, and what
-- happens when the game dies. Explorer and mutate share it.
--
-- A snapshot costs a fork, so one is taken at most every `gap` frames of new ground; a place between two of
-- them is come back to by the snapshot before it and the few inputs since. A place that another worker found,
-- or an earlier run, has no snapshot at all: its inputs are played once from where the ways part, and then one is
-- taken there.

local places = {}

local GAP = 128 -- frames between snapshots on new ground
local NEAR = 48 -- frames that are replayed rather than given a snapshot
local HELD = 1500 -- snapshots that are held; the oldest are given back

local here = {}
here.__index = here

-- options: name, cell, prefer, look (frames between looks).
function places.open(game, options)
    local self = setmetatable({ game = game, options = options, snapshots = {}, first = 2, last = 1 }, here)
    self.archive = game:archive { name = options.name }
    self.every = options.look or (options.cell and 2 or 8)
    self.root, self.why = game:snapshot()
    self.kept_at = game.frame
    self.begin = game.frame
    if self.root then
        self.snapshots[1] = self.root
        self.last = 1
        local cell = self:look()
        if cell then
            self.archive:hold(cell, 1)
        end
    end
    return self
end

-- Lua puts the place of the step before the message.
local function ended(message)
    return type(message) == "string" and message:find("the game ended at frame", 1, true) ~= nil
end

-- Call fn; true, or false when the game died meanwhile. Other errors are the script's own.
function here:alive(fn, ...)
    local ok, message = pcall(fn, ...)
    if ok then
        return true
    end
    if not self.root or not ended(message) then
        error(message, 0)
    end
    self.archive:died()
    return false
end

-- Keep the cell where the game stands with a snapshot.
function here:keep(cell)
    local snapshot = self.game:snapshot()
    if not snapshot then
        return
    end
    self.last = self.last + 1
    self.snapshots[self.last] = snapshot
    self.kept_at = self.game.frame
    local before = self.archive:hold(cell, self.last)
    if before and before ~= 1 and self.snapshots[before] then
        self.snapshots[before]:release()
        self.snapshots[before] = nil
    end
    while self.last - self.first >= HELD do
        if self.snapshots[self.first] then
            self.archive:forget(self.first)
            self.snapshots[self.first]:release()
            self.snapshots[self.first] = nil
        end
        self.first = self.first + 1
    end
end

-- Note where the game stands: the cell (also as `cell`), whether it was opened, and how often it was met. nil where there is nothing to be
-- seen, or the script says that this is no place.
function here:look()
    local options, state = self.options, self.game.state
    local key
    self.cell = nil
    if options.cell then
        key = options.cell(state)
        if key == nil then
            return nil
        end
    end
    local cell, what, met = self.archive:see(key, options.prefer and options.prefer(state) or 0)
    if not cell then
        return nil
    end
    if what ~= "known" and self.root and self.game.frame - self.kept_at >= GAP then
        self:keep(cell)
    end
    self.cell = cell
    return cell, what == "opened", met
end

function here:restore(snapshot, frame)
    local ok = self.game:restore(snapshot)
    self.kept_at = frame or self.game.frame
    return ok
end

-- Bring the game to a cell. False when its way does not lead there, or the game could not be brought back.
function here:go_to(cell)
    local archive, game = self.archive, self.game
    local handle = archive:nearest(cell)
    local snapshot = handle and self.snapshots[handle] or self.root
    if not self:restore(snapshot) then
        archive:unreachable(cell)
        return false
    end
    local left = archive:frame(cell) - game.frame
    self.cell = cell
    if left <= 0 then
        return true
    end
    if not self:alive(archive.play, archive, cell) or (self:look()) ~= cell then
        archive:unreachable(cell)
        return false
    end
    if left > NEAR and game.frame > self.kept_at then
        self:keep(cell)
    end
    return true
end

-- Choose a cell and go there; else to where it all began. False when even that cannot be had.
function here:go_on()
    for _ = 1, 8 do
        local cell = self.archive:choose()
        if not cell then
            break
        end
        if self:go_to(cell) then
            return true
        end
    end
    return self:restore(self.root, self.begin)
end

-- For agents that have these fields: are they of the right kind?
function places.check(agent, level)
    for _, name in ipairs { "cell", "prefer" } do
        if agent[name] and type(agent[name]) ~= "function" then
            error(agent.name .. ".with: `" .. name .. "` must be a function of the state, not a " .. type(agent[name]),
                level)
        end
    end
end

return places
