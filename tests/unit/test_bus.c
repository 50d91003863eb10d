/* SPDX-License-Identifier: MIT
 *
 * The parts of the bus that need no bus: places, requests, the port between the bus and a worker, its ring.
 */
#include "test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "bus/arguments.h"
#include "bus/place.h"
#include "bus/port.h"
#include "bus/text.h"
#include "moth/moth.h"

/* ---- places ---- */

static int parse(const char *url, bool remote, struct moth_bus_place *place, struct moth_err *err)
{
    struct moth_bus_config config = {.url = url, .allow_remote = remote, .out = "out"};
    return moth_bus_place_parse(place, &config, err);
}

static void urls_become_addresses(void **state)
{
    struct moth_bus_place place;
    (void)state;
    assert_int_equal(parse("ipc:///a/b/bus", false, &place, NULL), 0);
    assert_string_equal(place.events, "ipc:///a/b/bus.events");
    assert_string_equal(place.control, "ipc:///a/b/bus.control");
    assert_string_equal(place.folder, "/a/b");
    assert_int_equal(parse("tcp://localhost:5555", false, &place, NULL), 0);
    assert_string_equal(place.events, "tcp://127.0.0.1:5555");
    assert_string_equal(place.control, "tcp://127.0.0.1:5556");
    assert_int_equal(parse("tcp://0.0.0.0:1", true, &place, NULL), 0);
}

static void wrong_urls_are_refused(void **state)
{
    static const char *const wrong[] = {"",
                                        "bus",
                                        "ipc://",
                                        "ipc:///bus",
                                        "ipc:///a/",
                                        "ipc://a/b",
                                        "tcp://",
                                        "tcp://127.0.0.1",
                                        "tcp://:5",
                                        "tcp://127.0.0.1:0",
                                        "tcp://*:55",
                                        "tcp://1.2.3.4:5",
                                        "tcp://::1:5",
                                        "tcp://127.0.0.1:65535",
                                        "tcp://127.0.0.1:5x",
                                        "ws://127.0.0.1:5"};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct moth_bus_place place;
        struct moth_err err = {0};
        assert_int_equal(parse(wrong[i], false, &place, &err), -1);
        assert_int_equal(err.code, MOTH_ERR_USAGE);
    }
    char longest[256] = "ipc:///a/";
    memset(longest + strlen(longest), 'x', 97);
    struct moth_bus_place place;
    assert_int_equal(parse(longest, false, &place, NULL), -1);
    longest[strlen(longest) - 1] = '\0';
    assert_int_equal(parse(longest, false, &place, NULL), 0);
}

static void tokens_fit_or_not(void **state)
{
    struct moth_bus_place place = {.token = "0123456789abcdef"};
    (void)state;
    assert_true(moth_bus_place_token_fits(&place, "0123456789abcdef"));
    assert_false(moth_bus_place_token_fits(&place, "0123456789abcdee"));
    assert_false(moth_bus_place_token_fits(&place, "0123456789abcde"));
    assert_false(moth_bus_place_token_fits(&place, ""));
    place.token[0] = '\0';
    assert_true(moth_bus_place_token_fits(&place, "anything"));
}

/* ---- requests ---- */

static struct moth_bus_request request;

static enum moth_bus_error decode(const char *text)
{
    char message[512];
    return moth_bus_request_decode(text, strlen(text), &request, message, sizeof message);
}

static void a_step_is_taken_apart(void **state)
{
    (void)state;
    assert_int_equal(
        decode(
            "{\"v\":1,\"op\":\"step\",\"instance\":2,\"epoch\":3,\"seq\":4,\"inputs\":[{\"at\":5,\"press\":"
            "\"a\"},{\"click\":[1,2,3]},{\"at\":5,\"release\":\"a\"}],\"frames\":6,\"observe\":\"each\"}"),
        MOTH_BUS_ERROR_NONE);
    assert_int_equal(request.op, MOTH_BUS_OP_STEP);
    assert_int_equal(request.instance, 2);
    assert_int_equal(request.seq, 4);
    assert_true(request.each);
    assert_int_equal(request.n_events, 5);
    static const uint8_t types[] = {MOTH_INPUT_MOUSE_MOVE, MOTH_INPUT_MOUSE_DOWN, MOTH_INPUT_MOUSE_UP,
                                    MOTH_INPUT_KEY_DOWN, MOTH_INPUT_KEY_UP};
    static const uint32_t frames[] = {0, 0, 1, 5, 5};
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(request.events[i].type, types[i]);
        assert_int_equal(request.events[i].frame, frames[i]);
    }
}

static void errors_have_names(void **state)
{
    (void)state;
    assert_int_equal(decode("{"), MOTH_BUS_ERROR_BAD_JSON);
    assert_int_equal(decode("[[[[[[[[[1]]]]]]]]]"), MOTH_BUS_ERROR_BAD_JSON);
    assert_int_equal(decode("{\"v\":3}"), MOTH_BUS_ERROR_BAD_VERSION);
    assert_int_equal(decode("{\"v\":1,\"op\":\"nope\",\"id\":\"a\\\"b\"}"), MOTH_BUS_ERROR_UNKNOWN_OP);
    assert_string_equal(request.id, "\"a\\\"b\"");
    assert_int_equal(decode("{\"v\":1,\"op\":\"list\",\"what\":1}"), MOTH_BUS_ERROR_BAD_REQUEST);
    assert_string_equal(moth_bus_error_name(MOTH_BUS_ERROR_SEQUENCE_GAP), "sequence-gap");
}

/* ---- calls ---- */

/* What goes in as arguments for parameters comes out of a result of the same types. */
static void give_back(const char *types, const char *arguments, const char *expected)
{
    static struct moth_call call;
    char signature[128], strings[256], problem[256] = "", text[1024];
    snprintf(signature, sizeof signature, "f({%s}){%s}", types, types);
    assert_int_equal(moth_call_parse(signature, &call.signature, problem, sizeof problem), 0);
    int result = moth_bus_arguments_decode(arguments, &call, strings, sizeof strings, problem, sizeof problem);
    if (result != 0) {
        assert_string_equal(problem, expected);
        return;
    }
    unsigned n = call.signature.nodes[0].end;
    memcpy(call.values, call.values + n, n * sizeof *call.values);
    struct moth_buf buf;
    moth_buf_init(&buf);
    moth_bus_result_write(&buf, &call);
    snprintf(text, sizeof text, "%.*s", (int)buf.size_bytes, (char *)buf.bytes);
    moth_buf_fini(&buf);
    char whole[1024];
    snprintf(whole, sizeof whole, "\"result\":%s", expected);
    assert_string_equal(text, whole);
}

static void calls_are_taken_apart(void **state)
{
    static const char call[] = "{\"v\":1,\"op\":\"call\",\"instance\":2,\"epoch\":3,\"seq\":4,\"function\":\"f(u64)\"%s}";
    char text[256];
    (void)state;
    snprintf(text, sizeof text, call, "");
    assert_int_equal(decode(text), MOTH_BUS_ERROR_NONE);
    assert_string_equal(request.call.function, "f(u64)");
    assert_string_equal(request.call.arguments, "[]");
    snprintf(text, sizeof text, call, ",\"arguments\":[18446744073709551615, -1,\"9999999999999999999\\\"\",{\"a\":0.5}]");
    assert_int_equal(decode(text), MOTH_BUS_ERROR_NONE);
    assert_string_equal(request.call.arguments, "[\"18446744073709551615\",-1,\"9999999999999999999\\\"\",{\"a\":0.5}]");
    snprintf(text, sizeof text, call, ",\"arguments\":[18446744073709551616,123e20,-5]");
    assert_int_equal(decode(text), MOTH_BUS_ERROR_NONE);
    assert_string_equal(request.call.arguments, "[\"18446744073709551616\",1.2300000000000001e22,-5]");
    snprintf(text, sizeof text, call, ",\"arguments\":[-9223372036854775809]");
    assert_int_equal(decode(text), MOTH_BUS_ERROR_BAD_JSON);
    assert_int_equal(decode("{\"v\":9223372036854775808}"), MOTH_BUS_ERROR_BAD_VERSION);
}

static void values_keep_their_bits(void **state)
{
    (void)state;
    give_back("u64 a,i64 b", "[[\"18446744073709551615\",\"-9223372036854775808\"]]",
              "{\"a\":18446744073709551615,\"b\":-9223372036854775808}");
    give_back("i64,i64", "[[9223372036854775807,-9223372036854775808]]", "[9223372036854775807,-9223372036854775808]");
    give_back("double a,double b,float c", "[{\"a\":\"-inf\",\"c\":\"nan\",\"b\":0.1}]",
              "{\"a\":\"-inf\",\"b\":0.10000000000000001,\"c\":\"nan\"}");
    give_back("double", "[[\"100000000000000000000\"]]", "[1e+20]");
    give_back("u64 a", "[[\"18446744073709551616\"]]",
              "arguments[0].a must be a whole number from 0 to 18446744073709551615, not \"18446744073709551616\"");
    give_back("bool a,char* b,void* c,i8 d[2]", "[[true,\"\\u00e9\",null,[1,-2]]]",
              "{\"a\":true,\"b\":\"\xc3\xa9\",\"c\":null,\"d\":[1,-2]}");
    give_back("u8 a", "[[256]]", "arguments[0].a must be a whole number from 0 to 255, not 256");
    give_back("i64 a", "[[\"9223372036854775808\"]]",
              "arguments[0].a must be a whole number from -9223372036854775808 to 9223372036854775807, not "
              "\"9223372036854775808\"");
    give_back("int a", "[{\"b\":1}]", "arguments[0] has no member 'b'");
    give_back("int a", "[[1,2]]", "arguments[0] has 1 members, not 2");
    give_back("int a", "[]", "arguments[0] is missing: a struct");
    give_back("int a", "[[1],2]", "f({int a}){int a} takes 1 argument, not 2");
    give_back("char* a", "[[4]]", "arguments[0].a must be a string or null, not 4");
}

/* ---- the port ---- */

static struct moth_bus_seat sit(void)
{
    struct moth_bus_seat seat = {
        .ports = moth_bus_ports_make(2, NULL), .slot = 1, .wake_fd = eventfd(0, EFD_NONBLOCK)};
    assert_non_null(seat.ports);
    return seat;
}

static void stand_up(struct moth_bus_seat *seat)
{
    close(seat->wake_fd);
    moth_bus_ports_free(seat->ports);
}

static void a_request_goes_there_and_back(void **state)
{
    struct moth_bus_seat seat = sit();
    struct moth_bus_port *port = &seat.ports->at[1];
    (void)state;
    moth_bus_seat_begin(&seat, 7, "outside");
    assert_null(moth_bus_seat_wait(&seat, 0));
    moth_bus_seat_offer(&seat, "\"frame\":1");
    assert_int_equal(atomic_load(&port->state), MOTH_BUS_PORT_FREE);
    assert_true(port->epoch > 0 && port->epoch <= MOTH_BUS_NUMBER_MAX);
    atomic_store(&port->state, MOTH_BUS_PORT_ATTACHED);
    struct moth_bus_request *asked = calloc(1, sizeof *asked);
    *asked = (struct moth_bus_request){.op = MOTH_BUS_OP_STEP, .epoch = port->epoch, .seq = 1};
    moth_bus_port_ask(port, asked);
    assert_true(moth_bus_port_busy(port));
    assert_false(moth_bus_seat_lapsed(&seat)); /* it is at work, however long that takes */
    assert_ptr_equal(moth_bus_seat_wait(&seat, 0), &port->request);
    moth_bus_seat_answer(&seat, MOTH_BUS_ERROR_NONE, "\"a\":1", 5, NULL, false);
    assert_false(moth_bus_port_busy(port));
    assert_int_equal(atomic_load(&port->seq), 1);
    assert_memory_equal(port->reply, "\"a\":1", 5);
    asked->epoch++; /* of another instance: nobody's */
    moth_bus_port_ask(port, asked);
    assert_null(moth_bus_seat_wait(&seat, 0));
    assert_false(moth_bus_port_busy(port));
    port->lease_ms = 0;
    moth_bus_port_renew(port, 1);
    assert_true(moth_bus_seat_lapsed(&seat));
    free(asked);
    stand_up(&seat);
}

static void a_long_reply_is_an_error(void **state)
{
    struct moth_bus_seat seat = sit();
    struct moth_bus_port *port = &seat.ports->at[1];
    (void)state;
    char *text = calloc(1, MOTH_BUS_REPLY_BYTES + 1);
    moth_bus_seat_begin(&seat, 7, "outside");
    moth_bus_seat_answer(&seat, MOTH_BUS_ERROR_NONE, text, MOTH_BUS_REPLY_BYTES + 1, NULL, false);
    assert_int_equal(port->error, MOTH_BUS_ERROR_FAILED);
    free(text);
    stand_up(&seat);
}

static void states_come_out_as_they_went_in(void **state)
{
    struct moth_bus_seat seat = sit();
    struct moth_bus_ring *ring = &seat.ports->at[1].ring;
    struct moth_watch_value watches[2] = {
        {.name = "hp", .type = MOTH_WATCH_F64, .ok = 1, .number = 2.5},
        {.name = "who", .type = MOTH_WATCH_STR, .ok = 1, .text = "a \"b\" \xff"}};
    struct moth_bus_state out;
    struct moth_buf text;
    (void)state;
    moth_buf_init(&text);
    moth_bus_seat_begin(&seat, 7, "monkey");
    moth_bus_seat_state(&seat, 1, 5, NULL, 0);
    assert_false(moth_bus_ring_take(ring, &out)); /* nobody listens */
    atomic_store(&seat.ports->listeners, 1);
    uint32_t taken = 0;
    for (uint32_t frame = 1; frame <= 100000; frame++) { /* around the ring's end many times */
        moth_bus_seat_state(&seat, frame, frame * 10, watches, frame % 3);
        if (frame % 50)
            continue;
        while (moth_bus_ring_take(ring, &out)) {
            assert_int_equal(out.frame, ++taken);
            moth_buf_clear(&text);
            moth_bus_state_write(&text, &out);
        }
    }
    assert_int_equal(taken, 100000);
    moth_bus_seat_state(&seat, 2, 1500000000, watches, 2);
    assert_true(moth_bus_ring_take(ring, &out));
    moth_buf_clear(&text);
    moth_bus_state_write(&text, &out);
    moth_buf_put_u8(&text, 0);
    assert_string_equal((char *)text.bytes,
                        "\"instance\":7,\"frame\":2,\"time\":1.500000000,\"state\":{\"hp\":2.5,"
                        "\"who\":\"a \\\"b\\\" \xef\xbf\xbd\"}");
    for (uint32_t frame = 0; frame < 100000; frame++)
        moth_bus_seat_state(&seat, frame, 0, NULL, 0);
    assert_true(atomic_load(&ring->dropped) > 0);
    moth_buf_fini(&text);
    stand_up(&seat);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_become_addresses),    cmocka_unit_test(wrong_urls_are_refused),
        cmocka_unit_test(tokens_fit_or_not),        cmocka_unit_test(a_step_is_taken_apart),
        cmocka_unit_test(errors_have_names),        cmocka_unit_test(calls_are_taken_apart),
        cmocka_unit_test(values_keep_their_bits),          cmocka_unit_test(a_request_goes_there_and_back),
        cmocka_unit_test(a_long_reply_is_an_error), cmocka_unit_test(states_come_out_as_they_went_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
