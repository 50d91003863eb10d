/* SPDX-License-Identifier: MIT
 *
 * Key and pad names are SDL's: held here against the library itself.
 */
#include "test.h"

#include <SDL.h>

#include "wire/input.h"

static void key_names_are_sdls(void **state)
{
    (void)state;
    unsigned named = 0;
    for (uint16_t code = 0; code < SDL_NUM_SCANCODES; code++) {
        const char *theirs = SDL_GetScancodeName((SDL_Scancode)code);
        const char *ours = moth_key_name(code);
        if (!*theirs) {
            assert_null(ours);
            continue;
        }
        named++;
        if (!ours || SDL_strcasecmp(theirs, ours) != 0)
            fail_msg("scancode %u is \"%s\" to SDL and \"%s\" to moth", code, theirs, ours ? ours : "(none)");
        for (const char *c = ours; *c; c++)
            assert_false(*c >= 'A' && *c <= 'Z');
        assert_int_equal(moth_key_from_name(theirs), SDL_GetScancodeFromName(theirs));
        assert_int_equal(moth_key_from_name(ours), SDL_GetScancodeFromName(theirs));
    }
    assert_true(named > 200);
    assert_null(moth_key_name(SDL_NUM_SCANCODES));
    assert_null(moth_key_name(UINT16_MAX));
}

static void unknown_keys_are_none(void **state)
{
    (void)state;
    assert_int_equal(moth_key_from_name("spcae"), 0);
    assert_int_equal(moth_key_from_name(""), 0);
    assert_int_equal(moth_key_from_name(NULL), 0);
}

static void suggestions_are_what_was_meant(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"spcae", "space"},        {"Retrun", "return"}, {"enter", "return"},   {"ctrl", "left ctrl"},
        {"leftctrl", "left ctrl"}, {"esc", "escape"},    {"page up", "pageup"}, {"keypad5", "keypad 5"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *suggested = moth_key_suggest(cases[i][0]);
        assert_non_null(suggested);
        assert_string_equal(suggested, cases[i][1]);
        assert_int_not_equal(moth_key_from_name(suggested), 0);
    }
    assert_null(moth_key_suggest("there is nothing like it"));
    assert_null(moth_key_suggest(""));
    assert_null(moth_key_suggest(NULL));
}

static void pad_names_are_sdls(void **state)
{
    (void)state;
    for (int code = 0; code < SDL_CONTROLLER_BUTTON_MAX; code++) {
        const char *name = SDL_GameControllerGetStringForButton((SDL_GameControllerButton)code);
        assert_string_equal(moth_pad_button_name(code), name);
        assert_int_equal(moth_pad_button_from_name(name), code);
    }
    for (int code = 0; code < SDL_CONTROLLER_AXIS_MAX; code++) {
        const char *name = SDL_GameControllerGetStringForAxis((SDL_GameControllerAxis)code);
        assert_string_equal(moth_pad_axis_name(code), name);
        assert_int_equal(moth_pad_axis_from_name(name), code);
    }
    assert_int_equal(moth_pad_button_from_name("DPUP"), SDL_CONTROLLER_BUTTON_DPAD_UP);
    assert_int_equal(moth_pad_button_from_name("fire"), -1);
    assert_int_equal(moth_pad_axis_from_name("a"), -1);
    assert_null(moth_pad_button_name(-1));
    assert_null(moth_pad_button_name(SDL_CONTROLLER_BUTTON_MAX));
    assert_null(moth_pad_axis_name(SDL_CONTROLLER_AXIS_MAX));
}

static struct moth_input_event event_of(enum moth_input_type type, uint8_t device, uint16_t code, int32_t x)
{
    struct moth_input_event event;
    memset(&event, 0, sizeof event);
    event.type = (uint8_t)type;
    event.device = device;
    event.code = code;
    event.x = x;
    return event;
}

static void assert_valid(bool expected, enum moth_input_type type, uint8_t device, uint16_t code, int32_t x)
{
    struct moth_input_event event = event_of(type, device, code, x);
    assert_int_equal(moth_input_valid(&event), expected);
}

static void ranges_are_checked(void **state)
{
    (void)state;
    assert_valid(true, MOTH_INPUT_KEY_DOWN, 0, SDL_SCANCODE_A, 0);
    assert_valid(false, MOTH_INPUT_KEY_DOWN, 0, 0, 0);
    assert_valid(false, MOTH_INPUT_KEY_UP, 0, SDL_NUM_SCANCODES, 0);
    assert_valid(true, MOTH_INPUT_MOUSE_DOWN, 0, 5, 0);
    assert_valid(false, MOTH_INPUT_MOUSE_DOWN, 0, 6, 0);
    assert_valid(false, MOTH_INPUT_MOUSE_UP, 0, 0, 0);
    assert_valid(true, MOTH_INPUT_PAD_DOWN, 3, SDL_CONTROLLER_BUTTON_TOUCHPAD, 0);
    assert_valid(false, MOTH_INPUT_PAD_DOWN, 4, 0, 0);
    assert_valid(false, MOTH_INPUT_PAD_UP, 0, SDL_CONTROLLER_BUTTON_MAX, 0);
    assert_valid(true, MOTH_INPUT_PAD_AXIS, 0, 0, -32768);
    assert_valid(false, MOTH_INPUT_PAD_AXIS, 0, 0, 32768);
    assert_valid(false, MOTH_INPUT_PAD_AXIS, 0, SDL_CONTROLLER_AXIS_MAX, 0);
    assert_valid(false, MOTH_INPUT_PAD_ATTACH, 4, 0, 0);
    assert_valid(true, MOTH_INPUT_QUIT, 0, 0, 0);
    assert_valid(false, MOTH_INPUT_TYPE_END, 0, 0, 0);
    assert_valid(false, (enum moth_input_type)0, 0, 0, 0);
    struct moth_input_event text = event_of(MOTH_INPUT_TEXT, 0, 0, 0);
    assert_false(moth_input_valid(&text)); /* empty */
    memset(text.text, 'x', sizeof text.text);
    assert_false(moth_input_valid(&text)); /* not terminated */
    text.text[sizeof text.text - 1] = '\0';
    assert_true(moth_input_valid(&text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_names_are_sdls),
        cmocka_unit_test(unknown_keys_are_none),
        cmocka_unit_test(suggestions_are_what_was_meant),
        cmocka_unit_test(pad_names_are_sdls),
        cmocka_unit_test(ranges_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
