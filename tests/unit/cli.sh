#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The program's face where no game is needed: exit codes, what goes to which stream, files it writes.
# Usage: cli.sh MOTH
set -u
moth=$1
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
failed=0
checks=0

# expect CODE 'part of standard error' ARG…: standard output is left in ./out. '' means that nothing may
# be said there.
expect() {
    code=$1 part=$2
    shift 2
    "$moth" "$@" >out 2>err
    got=$?
    checks=$((checks + 1))
    if [ $got -ne "$code" ] || { [ -n "$part" ] && ! grep -qF -- "$part" err; } || { [ -z "$part" ] && [ -s err ]; }; then
        echo "moth $*: exit $got (expected $code), standard error (expected: '$part'):"
        cat err
        failed=$((failed + 1))
    fi
}

# said 'part of standard output of the last command'
said() {
    checks=$((checks + 1))
    if ! grep -qF -- "$1" out; then
        echo "standard output has no '$1':"
        cat out
        failed=$((failed + 1))
    fi
}

check() {
    checks=$((checks + 1))
    if ! "$@"; then
        echo "failed: $*"
        failed=$((failed + 1))
    fi
}

expect 2 'VERBS'
expect 0 '' --help
said 'moth VERB --help'
expect 0 '' help run
said 'moth run [options]'
expect 0 '' --version
said 'moth 0.'
for verb in run replay record minimize doctor report baseline list init; do
    expect 0 '' $verb --help
    said SYNOPSIS
done
expect 2 "there is no verb 'rnu'; did you mean 'run'?" rnu
expect 2 'did you mean --frames?' run --frmaes 3 -- true
expect 2 'which game?' run
expect 2 'goes after --' record x
expect 2 'no trace and no finding' minimize x
expect 2 'there is no history' history show x
expect 2 "cannot 'forget'" history forget x
expect 2 'no trace and no finding' bisect x true
expect 2 'an absolute path in a folder of its own' run --bus ipc:///x -- true
expect 2 'say --bus URL' run -a outside -- true
expect 3 '/nowhere/game' run -- /nowhere/game

# Configuration and agents are checked before any game is launched.
printf '#!/bin/sh\ntouch %s/launched\n' "$scratch" >game
chmod +x game
echo 'return { game = "./game", frmaes = 3 }' >moth.lua
expect 2 "moth.lua:1: there is no key 'frmaes'; did you mean 'frames'?" run
rm moth.lua
echo 'return function(' >broken.lua
expect 2 "broken.lua:2: " run -a broken.lua -- ./game
expect 2 "broken.lua:2: " run -s ./broken.lua -- ./game
expect 2 "moth ships no agent 'monky'; did you mean 'monkey'?" run -a monky -- ./game
expect 2 "agent 'nowhere.lua'" run -a nowhere.lua -- ./game
check test ! -e launched

expect 0 'wrote moth.lua' init
check test -s moth.lua
cp moth.lua first
echo changed >moth.lua
expect 2 'moth.lua is already here' init
check grep -q changed moth.lua
expect 0 'wrote moth.lua' init --force
check cmp -s first moth.lua
mkdir closed
if [ "$(id -u)" -ne 0 ]; then
    chmod a-w closed
    (cd closed && "$moth" init >/dev/null 2>&1)
    check test $? -eq 3
fi

expect 0 '' list agents
said 'monkey'
expect 0 '' list agents --json
check python3 -c 'import json; rows = json.load(open("out")); assert rows["schema"] == "moth.list/1"
assert {"monkey", "idle"} <= {row["name"] for row in rows["items"]}
assert all(row["summary"] and row["path"] for row in rows["items"])'
mkdir bots
printf -- '-- mine: walks about. And more.\nreturn print\n' >bots/mine.lua
expect 0 '' list agents bots
said 'mine      walks about'
expect 0 '' list detectors
said 'crash'
expect 0 '' list detectors --json
expect 2 "is 'moth-out' the output folder of a run?" list findings
mkdir -p moth-out/findings
expect 0 'no findings' list findings
mkdir moth-out/findings/1-crash-0
echo '{' >moth-out/findings/1-crash-0/finding.json
expect 0 '1-crash-0' list findings
expect 2 "not 'agnets'; did you mean 'agents'?" list agnets
expect 2 'takes no folder' list detectors x

# A full disk is told.
"$moth" list agents >/dev/full 2>err
check test $? -eq 3
check grep -q 'could not be written' err

echo "$((checks - failed)) passed, $failed failed"
[ $failed -eq 0 ]
