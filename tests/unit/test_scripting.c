/* SPDX-License-Identifier: MIT
 *
 * SCRIPTING.md is true: each of its Lua blocks plays without an error, and each call is in it.
 */
#include "lua_play.h"

#include "bindings/lua/api.h"

static char *document;

static void every_block_plays(void **state)
{
    (void)state;
    int blocks = 0;
    for (const char *at = document; (at = strstr(at, "```lua\n")); blocks++) {
        at += strlen("```lua\n");
        const char *end = strstr(at, "\n```");
        assert_non_null(end);
        char *script = moth_fs_path("%.*s", (int)(end - at), at);
        struct lua_play *play = calloc(1, sizeof *play);
        assert_non_null(play);
        play->play.max_frames = 2000;
        play->play.seed = 5;
        lua_play(play, script);
        if (!play->loaded)
            fail_msg("%s\n%s", play->load_err.message, script);
        if (play->outcome.result != MOTH_AGENT_FINISHED && play->outcome.result != MOTH_AGENT_BUDGET)
            fail_msg("%s\n%s", play->outcome.err.message, script);
        free(play);
        free(script);
        at = end;
    }
    assert_in_range(blocks, 7, 100);
}

static void every_call_is_told_of(void **state)
{
    (void)state;
    for (size_t c = 0; moth_lua_classes[c].name; c++)
        for (size_t t = 0; moth_lua_classes[c].tables[t]; t++)
            for (const struct moth_lua_entry *entry = moth_lua_classes[c].tables[t]; entry->name; entry++) {
                char *call = moth_fs_path("%s%c%s", moth_lua_classes[c].name, entry->function ? ':' : '.', entry->name);
                if (!strstr(document, call))
                    fail_msg("SCRIPTING.md says nothing of %s", call);
                free(call);
            }
    for (size_t i = 0; moth_lua_later[i]; i++)
        assert_true(strcmp(moth_lua_later[i], "state") == 0 || strstr(document, moth_lua_later[i]) != NULL);
}

int main(void)
{
    struct moth_err err;
    document = moth_fs_read(MOTH_SCRIPTING_MD, 1 << 20, NULL, &err);
    if (!document) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_block_plays),
        cmocka_unit_test(every_call_is_told_of),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(document);
    return failed;
}
