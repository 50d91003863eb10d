-- SPDX-License-Identifier: MIT
--
-- Agents that can be changed: `agent.with { field = value }` is a new agent, this one with some of its fields changed.

-- family: what errors call it. base: all fields with their values. play(agent, game, rng) is how it plays; check(agent, level),
-- if there is one, raises where a field is of the wrong kind.
local function variant(family, base, changes, play, check)
    local agent = {}
    for name, value in pairs(base) do
        agent[name] = value
    end
    for name, value in pairs(changes) do
        if base[name] == nil then
            error(family .. ".with: there is no field '" .. tostring(name) .. "'", 3)
        end
        agent[name] = value
    end
    if check then
        check(agent, 4)
    end
    agent.play = function(game, rng)
        return play(agent, game, rng)
    end
    agent.with = function(more)
        return variant(family, agent, more, play, check)
    end
    return agent
end

return variant
