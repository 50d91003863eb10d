/* SPDX-License-Identifier: MIT
 *
 * A person's hands: what SDL tells of them, as inputs of the game; and when the next frame is due.
 */
#include "test.h"

#include "base/clock.h"
#include "headed/hands.h"
#include "headed/pace.h"

#define HOST SDL_SCANCODE_F12
#define FRAME_NS (MOTH_NS_PER_S / 60)

static struct moth_hands hands;
static uint64_t now_ns;

static int begin(void **state)
{
    (void)state;
    now_ns = FRAME_NS;
    moth_hands_init(&hands, HOST, true);
    struct moth_hands_view view = {.x = 100, .y = 50, .w = 640, .h = 480, .game_w = 320, .game_h = 240};
    moth_hands_see(&hands, &view);
    return 0;
}

static enum moth_command key(SDL_Scancode code, bool down)
{
    SDL_Event event = {.key = {.type = down ? SDL_KEYDOWN : SDL_KEYUP, .keysym = {.scancode = code}}};
    return moth_hands_event(&hands, &event);
}

static void text(const char *typed)
{
    SDL_Event event = {.type = SDL_TEXTINPUT};
    snprintf(event.text.text, sizeof event.text.text, "%s", typed);
    moth_hands_event(&hands, &event);
}

static void motion(int x, int y, int dx, int dy)
{
    SDL_Event event = {.motion = {.type = SDL_MOUSEMOTION, .x = x, .y = y, .xrel = dx, .yrel = dy}};
    moth_hands_event(&hands, &event);
}

static void button(int x, int y, bool down)
{
    SDL_Event event = {
        .button = {.type = down ? SDL_MOUSEBUTTONDOWN : SDL_MOUSEBUTTONUP, .button = 1, .x = x, .y = y}};
    moth_hands_event(&hands, &event);
}

/* The next frame's inputs, as "+4 -4 @10,20 (1 )1 'text'". */
static const char *take(void)
{
    static char line[1024];
    struct moth_input_event events[64];
    size_t n = moth_hands_take(&hands, now_ns, events, 64), used = 0;
    now_ns += FRAME_NS;
    line[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        const struct moth_input_event *event = &events[i];
        const char *space = i ? " " : "";
        assert_true(moth_input_valid(event));
        if (event->type == MOTH_INPUT_KEY_DOWN || event->type == MOTH_INPUT_KEY_UP)
            used += (size_t)snprintf(line + used, sizeof line - used, "%s%c%s", space,
                                     event->type == MOTH_INPUT_KEY_DOWN ? '+' : '-', moth_key_name(event->code));
        else if (event->type == MOTH_INPUT_MOUSE_MOVE)
            used += (size_t)snprintf(line + used, sizeof line - used, "%s@%d,%d", space, event->x, event->y);
        else if (event->type == MOTH_INPUT_MOUSE_DOWN || event->type == MOTH_INPUT_MOUSE_UP)
            used += (size_t)snprintf(line + used, sizeof line - used, "%s%c%u", space,
                                     event->type == MOTH_INPUT_MOUSE_DOWN ? '(' : ')', event->code);
        else if (event->type == MOTH_INPUT_TEXT)
            used += (size_t)snprintf(line + used, sizeof line - used, "%s'%s'", space, event->text);
        else
            used += (size_t)snprintf(line + used, sizeof line - used, "%s%u:%u:%u=%d", space, event->type, event->device,
                                     event->code, event->x);
    }
    return line;
}

static void keys_go_down_and_up(void **state)
{
    (void)state;
    key(SDL_SCANCODE_LEFT, true);
    key(SDL_SCANCODE_A, true);
    assert_string_equal(take(), "+left +a");
    assert_string_equal(take(), "");
    key(SDL_SCANCODE_LEFT, false);
    assert_string_equal(take(), "-left");
}

/* A game that asks for the state of its keys would not see a key that was down for less than a frame. */
static void a_short_press_lasts_a_frame(void **state)
{
    (void)state;
    key(SDL_SCANCODE_A, true);
    key(SDL_SCANCODE_A, false);
    key(SDL_SCANCODE_B, true);
    button(300, 290, true);
    button(300, 290, false);
    assert_string_equal(take(), "+a");
    assert_string_equal(take(), "-a +b @100,120 (1");
    assert_string_equal(take(), ")1");
    assert_string_equal(take(), "");
}

static void the_host_key_is_not_the_games(void **state)
{
    (void)state;
    assert_int_equal(key(HOST, true), MOTH_COMMAND_NONE);
    assert_int_equal(key(SDL_SCANCODE_M, true), MOTH_COMMAND_MARK);
    assert_int_equal(key(SDL_SCANCODE_Q, true), MOTH_COMMAND_QUIT);
    assert_int_equal(key(SDL_SCANCODE_X, true), MOTH_COMMAND_NONE);
    text("m");
    key(HOST, false); /* before the others are let go */
    key(SDL_SCANCODE_M, false);
    key(SDL_SCANCODE_X, false);
    assert_string_equal(take(), "");
    key(SDL_SCANCODE_X, true);
    assert_string_equal(take(), "+x");
}

static void places_are_the_games_pixels(void **state)
{
    (void)state;
    motion(100, 50, 0, 0);
    assert_string_equal(take(), "@0,0");
    motion(739, 529, 0, 0);
    assert_string_equal(take(), "@319,239");
    motion(400, 300, 0, 0);
    motion(420, 310, 0, 0);
    assert_string_equal(take(), "@160,130"); /* one a frame */
    motion(90, 300, 0, 0);
    assert_string_equal(take(), ""); /* beside the picture */
    button(90, 300, true);
    assert_string_equal(take(), "");
    button(420, 310, true);
    motion(2000, 310, 0, 0); /* dragged out of it */
    assert_string_equal(take(), "(1 @319,130");
    button(2000, 310, false);
    assert_string_equal(take(), ")1");
}

static void a_click_is_where_it_was_made(void **state)
{
    (void)state;
    motion(200, 150, 0, 0);
    button(300, 250, true);
    motion(320, 250, 0, 0);
    assert_string_equal(take(), "@100,100 (1 @110,100");
}

/* Half a pixel of the game's is kept for later, and where the game has put the pointer is where motion begins. */
static void motion_without_a_place(void **state)
{
    (void)state;
    struct moth_hands_view view = hands.view;
    view.relative = true;
    view.mouse_x = 160;
    view.mouse_y = 120;
    moth_hands_see(&hands, &view);
    motion(0, 0, 3, -1);
    assert_string_equal(take(), "@161,120");
    motion(0, 0, 1, -1);
    motion(0, 0, 20, 0);
    assert_string_equal(take(), "@171,119");
    view.mouse_x = -40; /* further than any window */
    moth_hands_see(&hands, &view);
    motion(0, 0, -20, 0);
    assert_string_equal(take(), "@-50,120");
}

static void what_is_held_is_let_go_with_the_focus(void **state)
{
    (void)state;
    key(SDL_SCANCODE_LEFT, true);
    button(300, 290, true);
    assert_string_equal(take(), "+left @100,120 (1");
    SDL_Event event = {.window = {.type = SDL_WINDOWEVENT, .event = SDL_WINDOWEVENT_FOCUS_LOST}};
    moth_hands_event(&hands, &event);
    assert_string_equal(take(), "-left )1");
    key(SDL_SCANCODE_LEFT, false); /* was let go already */
    assert_string_equal(take(), "");
}

/* The host's own repeats are its time; the game's keyboard repeats in the game's. */
static void keys_repeat_in_game_time(void **state)
{
    (void)state;
    key(SDL_SCANCODE_RIGHT, true);
    assert_string_equal(take(), "+right");
    SDL_Event again = {.key = {.type = SDL_KEYDOWN, .repeat = 1, .keysym = {.scancode = SDL_SCANCODE_RIGHT}}};
    moth_hands_event(&hands, &again);
    unsigned repeats = 0;
    for (int frame = 2; frame <= 61; frame++)
        repeats += strcmp(take(), "+right") == 0;
    assert_in_range(repeats, 14, 16); /* half a second of them */
    key(SDL_SCANCODE_LSHIFT, true);
    take();
    key(SDL_SCANCODE_RIGHT, false);
    take();
    for (int frame = 0; frame < 60; frame++)
        assert_string_equal(take(), ""); /* shift does not */
}

static void text_is_typed_once(void **state)
{
    (void)state;
    struct moth_hands_view view = hands.view;
    view.text_input = true;
    moth_hands_see(&hands, &view);
    key(SDL_SCANCODE_A, true);
    text("a"); /* what the game's keyboard types by itself */
    assert_string_equal(take(), "+a");
    key(SDL_SCANCODE_A, false);
    assert_string_equal(take(), "-a");
    key(SDL_SCANCODE_Z, true);
    text("y"); /* another layout */
    key(SDL_SCANCODE_Z, false);
    text("ü"); /* an input method */
    assert_string_equal(take(), "'y' 'ü'");
    key(SDL_SCANCODE_RETURN, true);
    assert_string_equal(take(), "+return");
}

/* The window system repeats what is held, and so does the game's own keyboard: it is typed by one of the two. */
static void text_that_repeats_is_typed_once(void **state)
{
    (void)state;
    struct moth_hands_view view = hands.view;
    view.text_input = true;
    moth_hands_see(&hands, &view);
    SDL_Event again = {.key = {.type = SDL_KEYDOWN, .repeat = 1, .keysym = {.scancode = SDL_SCANCODE_A}}};
    key(SDL_SCANCODE_A, true);
    text("a");
    assert_string_equal(take(), "+a");
    moth_hands_event(&hands, &again);
    text("a");
    assert_string_equal(take(), "");
    key(SDL_SCANCODE_A, false);
    text("ü"); /* an input method */
    assert_string_equal(take(), "-a 'ü'");
    again.key.keysym.scancode = SDL_SCANCODE_Z; /* another layout: the game's own has no such key down */
    key(SDL_SCANCODE_Z, true);
    text("ö");
    moth_hands_event(&hands, &again);
    text("ö");
    assert_string_equal(take(), "'ö' 'ö'");
}

static void another_place_holds_other_keys(void **state)
{
    (void)state;
    key(SDL_SCANCODE_LEFT, true);
    key(SDL_SCANCODE_UP, true);
    take();
    struct moth_pressed there = {0};
    there.keys[SDL_SCANCODE_UP] = there.keys[SDL_SCANCODE_X] = 1;
    moth_hands_moved(&hands, &there);
    assert_string_equal(take(), "-x"); /* up is held in both, left is to be pressed anew */
    key(SDL_SCANCODE_UP, false);
    assert_string_equal(take(), "-up");
}

static void controllers(void **state)
{
    (void)state;
    assert_int_equal(moth_hands_plug(&hands, 7), 0);
    assert_int_equal(moth_hands_plug(&hands, 9), 1);
    take();
    SDL_Event event = {.cbutton = {.type = SDL_CONTROLLERBUTTONDOWN,
                                   .which = 9,
                                   .button = SDL_CONTROLLER_BUTTON_START,
                                   .state = SDL_PRESSED}};
    moth_hands_event(&hands, &event);
    for (int value = 0; value <= 32000; value += 1000) {
        SDL_Event axis = {.caxis = {.type = SDL_CONTROLLERAXISMOTION, .which = 7, .axis = 0, .value = (Sint16)value}};
        moth_hands_event(&hands, &axis);
    }
    char wanted[64];
    snprintf(wanted, sizeof wanted, "%u:1:%u=0 %u:0:0=32000", MOTH_INPUT_PAD_DOWN, SDL_CONTROLLER_BUTTON_START,
             MOTH_INPUT_PAD_AXIS);
    assert_string_equal(take(), wanted);
    moth_hands_unplug(&hands, 7);
    snprintf(wanted, sizeof wanted, "%u:0:0=0", MOTH_INPUT_PAD_AXIS);
    assert_string_equal(take(), wanted);
}

/* ---- pace ---- */

static void deadlines_do_not_drift(void **state)
{
    (void)state;
    struct moth_pace pace;
    moth_pace_init(&pace, 60, 1, 1000);
    uint64_t now = 1000;
    for (int frame = 0; frame < 3600; frame++) {
        now = moth_pace_due_ns(&pace) + 3 * MOTH_NS_PER_MS; /* each a little late */
        moth_pace_played(&pace, 1, now);
    }
    assert_in_range(now - 1000, 60 * MOTH_NS_PER_S, 60 * MOTH_NS_PER_S + 4 * MOTH_NS_PER_MS);
    assert_int_equal(pace.lost_ns, 0);
}

static void too_slow_is_given_up_and_said(void **state)
{
    (void)state;
    struct moth_pace pace;
    moth_pace_init(&pace, 60, 1, 0);
    uint64_t now = 0;
    for (int frame = 0; frame < 300; frame++) {
        now += 2 * FRAME_NS;
        moth_pace_played(&pace, 1, now);
    }
    assert_true(pace.lost_ns > 4 * MOTH_NS_PER_S);
    assert_true(pace.achieved > 0.45 && pace.achieved < 0.55);
    assert_true(moth_pace_due_ns(&pace) + 200 * MOTH_NS_PER_MS > now); /* nothing is hurried through */
    assert_in_range(moth_pace_frames_due(&pace, now + MOTH_NS_PER_S), 2, 4);
    moth_pace_set_speed(&pace, 0, now);
    assert_int_equal(moth_pace_due_ns(&pace), 0);
    assert_int_equal(moth_pace_frames_due(&pace, now), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(keys_go_down_and_up, begin),
        cmocka_unit_test_setup(a_short_press_lasts_a_frame, begin),
        cmocka_unit_test_setup(the_host_key_is_not_the_games, begin),
        cmocka_unit_test_setup(places_are_the_games_pixels, begin),
        cmocka_unit_test_setup(a_click_is_where_it_was_made, begin),
        cmocka_unit_test_setup(motion_without_a_place, begin),
        cmocka_unit_test_setup(what_is_held_is_let_go_with_the_focus, begin),
        cmocka_unit_test_setup(keys_repeat_in_game_time, begin),
        cmocka_unit_test_setup(text_is_typed_once, begin),
        cmocka_unit_test_setup(text_that_repeats_is_typed_once, begin),
        cmocka_unit_test_setup(another_place_holds_other_keys, begin),
        cmocka_unit_test_setup(controllers, begin),
        cmocka_unit_test(deadlines_do_not_drift),
        cmocka_unit_test(too_slow_is_given_up_and_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
