-- SPDX-License-Identifier: MIT
--
-- The explorer that never goes back: it plays straight on, and what it comes by is counted as the explorer's is.

return require("explorer").with { name = "straight", returns = false }
