/* SPDX-License-Identifier: MIT
 *
 * The network between members: what arrives when, in which order, what is lost, and that a game that writes
 * nonsense into its outbox harms nobody.
 */
#include "test.h"

#include "runner/network.h"

#define MS UINT64_C(1000000)

static struct moth_mail box;

static void post_as(enum moth_letter_kind kind, uint8_t protocol, uint16_t to, uint16_t from_port, uint16_t to_port,
                    const char *text, uint64_t time_ns)
{
    uint32_t bytes = (uint32_t)strlen(text);
    struct moth_letter *letter = (struct moth_letter *)(void *)(box.bytes + box.used);
    *letter = (struct moth_letter){.kind = (uint8_t)kind, .protocol = protocol, .to_member = to, .from_port = from_port,
                                   .to_port = to_port, .payload_bytes = bytes, .time_ns = time_ns};
    memcpy(letter + 1, text, bytes);
    box.used += moth_letter_bytes(bytes);
}

static void post(uint16_t to, uint16_t to_port, const char *text, uint64_t time_ns)
{
    post_as(MOTH_LETTER_DATAGRAM, MOTH_PROTOCOL_DATAGRAM, to, 7, to_port, text, time_ns);
}

static void listen_on(struct moth_network *network, uint16_t member, uint8_t protocol, uint16_t port)
{
    post_as(MOTH_LETTER_BIND, protocol, MOTH_MEMBER_ANY, port, 0, "", 0);
    moth_network_take(network, member, &box, 0);
}

/* The payloads that have come for a member, one after the other with a space behind each; unreachable as '!'. */
static const char *received(struct moth_network *network, uint16_t member, uint64_t now_ns)
{
    static char text[4096];
    size_t used = 0;
    text[0] = '\0';
    moth_network_give(network, member, &box, now_ns);
    for (uint32_t at = 0; at < box.used;) {
        const struct moth_letter *letter = (const struct moth_letter *)(const void *)(box.bytes + at);
        bool answer = letter->kind == MOTH_LETTER_UNREACHABLE || letter->kind == MOTH_LETTER_REFUSED;
        assert_true(letter->time_ns <= now_ns);
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%.*s ", answer ? "!" : "", (int)letter->payload_bytes,
                                 (const char *)(letter + 1));
        at += moth_letter_bytes(letter->payload_bytes);
    }
    box.used = 0;
    return text;
}

static struct moth_network network_of(struct moth_link link, unsigned members)
{
    struct moth_network network;
    box.used = box.lost = 0;
    moth_network_init(&network, &link, members, 1);
    return network;
}

static void by_address_by_port_to_all(void **state)
{
    (void)state;
    struct moth_network network = network_of((struct moth_link){0}, 4);
    listen_on(&network, 1, MOTH_PROTOCOL_DATAGRAM, 80);
    listen_on(&network, 2, MOTH_PROTOCOL_DATAGRAM, 80);
    listen_on(&network, 3, MOTH_PROTOCOL_STREAM, 81);
    post(2, 80, "address", 0);
    post(MOTH_MEMBER_ANY, 80, "port", 0);
    post(MOTH_MEMBER_ANY, 81, "stream's", 0); /* nobody's datagram port */
    post(MOTH_MEMBER_ALL, 80, "all", 0);
    moth_network_take(&network, 0, &box, 0);
    assert_string_equal(received(&network, 0, 0), "! ");
    assert_string_equal(received(&network, 1, 0), "port all ");
    assert_string_equal(received(&network, 2, 0), "address all ");
    assert_string_equal(received(&network, 3, 0), "all ");
    post(MOTH_MEMBER_ANY, 80, "from one that listens", 0);
    moth_network_take(&network, 1, &box, 0);
    assert_string_equal(received(&network, 2, 0), "from one that listens ");
    moth_network_leave(&network, 1, 0);
    post(MOTH_MEMBER_ANY, 80, "next", 0);
    moth_network_take(&network, 0, &box, 0);
    assert_string_equal(received(&network, 1, 0), "");
    assert_string_equal(received(&network, 2, 0), "next ");
    post(1, 80, "to one that is gone", 0);
    post(MOTH_MEMBER_ALL, 80, "all", 0);
    moth_network_take(&network, 0, &box, 0);
    assert_int_equal(network.n_parcels, 3); /* nothing waits for it */
    assert_string_equal(received(&network, 0, 0), "! ");
    moth_network_fini(&network);
}

static void latency(void **state)
{
    (void)state;
    struct moth_network network = network_of((struct moth_link){.latency_us = 30000}, 2);
    post(1, 80, "early", 10 * MS);
    post(1, 80, "late", 12 * MS);
    post(1, 80, "from the future", 99 * MS); /* it stands at 15: what it says of later is not believed */
    moth_network_take(&network, 0, &box, 15 * MS);
    assert_string_equal(received(&network, 1, 40 * MS - 1), "");
    assert_string_equal(received(&network, 1, 40 * MS), "early ");
    assert_string_equal(received(&network, 1, 44 * MS), "late ");
    assert_string_equal(received(&network, 1, 45 * MS), "from the future ");
    moth_network_fini(&network);
}

static void loss(void **state)
{
    (void)state;
    struct moth_network network = network_of((struct moth_link){.loss_ppm = 250000}, 2);
    for (int round = 0; round < 100; round++) {
        for (int i = 0; i < 100; i++)
            post(1, 80, "x", 0);
        moth_network_take(&network, 0, &box, 0);
        received(&network, 1, 0);
    }
    assert_in_range(network.lost, 2300, 2700);
    assert_int_equal(network.carried + network.lost, 10000);
    moth_network_fini(&network);
}

static void jitter_mixes_datagrams_and_no_streams(void **state)
{
    (void)state;
    const char *in_order = "a b c d e f g h ";
    for (uint8_t protocol = MOTH_PROTOCOL_DATAGRAM; protocol <= MOTH_PROTOCOL_STREAM; protocol++) {
        struct moth_network network = network_of((struct moth_link){.jitter_us = 50000, .loss_ppm = 100000 * protocol}, 2);
        for (char letter = 'a'; letter <= 'h'; letter++)
            post_as(protocol == MOTH_PROTOCOL_STREAM ? MOTH_LETTER_DATA : MOTH_LETTER_DATAGRAM, protocol, 1, 1, 2,
                    (char[]){letter, '\0'}, 0);
        moth_network_take(&network, 0, &box, 0);
        assert_string_equal(received(&network, 1, 0), "");
        const char *came = received(&network, 1, 1000 * MS);
        assert_int_equal(strlen(came), strlen(in_order));
        assert_true((strcmp(came, in_order) == 0) == (protocol == MOTH_PROTOCOL_STREAM));
        moth_network_fini(&network);
    }
}

static void a_copy_goes_on_by_itself(void **state)
{
    (void)state;
    struct moth_network network = network_of((struct moth_link){.jitter_us = 20000, .loss_ppm = 300000}, 2), copy;
    listen_on(&network, 1, MOTH_PROTOCOL_DATAGRAM, 80);
    for (int i = 0; i < 20; i++)
        post(1, 80, (char[]){(char)('a' + i), '\0'}, 0);
    moth_network_take(&network, 0, &box, 0);
    moth_network_copy(&network, &copy);
    for (int i = 0; i < 3; i++) {
        char first[4096];
        post(MOTH_MEMBER_ANY, 80, "more", (uint64_t)i * MS);
        moth_network_take(&network, 0, &box, (uint64_t)i * MS);
        snprintf(first, sizeof first, "%s", received(&network, 1, (uint64_t)i * 10 * MS));
        post(MOTH_MEMBER_ANY, 80, "more", (uint64_t)i * MS);
        moth_network_take(&copy, 0, &box, (uint64_t)i * MS);
        assert_string_equal(received(&copy, 1, (uint64_t)i * 10 * MS), first);
    }
    moth_network_fini(&network);
    moth_network_fini(&copy);
}

static void nobody_listens(void **state)
{
    (void)state;
    struct moth_network network = network_of((struct moth_link){0}, 2);
    post_as(MOTH_LETTER_OPEN, MOTH_PROTOCOL_STREAM, MOTH_MEMBER_ANY, 5, 80, "", 0);
    moth_network_take(&network, 0, &box, 0);
    assert_string_equal(received(&network, 0, 0), "! ");
    listen_on(&network, 1, MOTH_PROTOCOL_STREAM, 80);
    post_as(MOTH_LETTER_OPEN, MOTH_PROTOCOL_STREAM, MOTH_MEMBER_ANY, 5, 80, "", 0);
    moth_network_take(&network, 0, &box, 0);
    assert_string_equal(received(&network, 0, 0), "");
    assert_string_equal(received(&network, 1, 0), " ");
    moth_network_fini(&network);
}

static void streams_of_who_leaves_end(void **state)
{
    (void)state;
    struct moth_network network = network_of((struct moth_link){.latency_us = 1000}, 2);
    listen_on(&network, 1, MOTH_PROTOCOL_STREAM, 80);
    post_as(MOTH_LETTER_OPEN, MOTH_PROTOCOL_STREAM, MOTH_MEMBER_ANY, 5, 80, "", 0);
    ((struct moth_letter *)(void *)box.bytes)->by_opener = 1;
    moth_network_take(&network, 0, &box, 0);
    received(&network, 1, MS);
    post_as(MOTH_LETTER_OPENED, MOTH_PROTOCOL_STREAM, 0, 80, 5, "", MS);
    post_as(MOTH_LETTER_DATA, MOTH_PROTOCOL_STREAM, 0, 80, 5, "bye", MS);
    moth_network_take(&network, 1, &box, MS);
    assert_int_equal(network.n_streams, 1);
    moth_network_leave(&network, 1, MS);
    moth_network_give(&network, 0, &box, 2 * MS);
    const struct moth_letter *letter = (const struct moth_letter *)(const void *)box.bytes;
    assert_int_equal(letter[0].kind, MOTH_LETTER_OPENED);
    assert_int_equal(letter[1].kind, MOTH_LETTER_DATA);
    assert_int_equal(((const struct moth_letter *)(const void *)(box.bytes + 2 * sizeof *letter + 8))->kind, MOTH_LETTER_END);
    assert_int_equal(network.n_streams, 0);
    moth_network_fini(&network);
}

static void nonsense(void **state)
{
    (void)state;
    struct moth_network network = network_of((struct moth_link){0}, 2);
    post(1, 80, "good", 0);
    uint32_t good = box.used;
    for (int wrong = 0; wrong < 5; wrong++) {
        box.used = good;
        post(1, 80, "bad", 0);
        struct moth_letter *letter = (struct moth_letter *)(void *)(box.bytes + good);
        if (wrong == 0)
            letter->kind = 200;
        else if (wrong == 1)
            letter->protocol = 9;
        else if (wrong == 2)
            letter->payload_bytes = 0xffffffffu;
        else if (wrong == 3)
            box.used -= 8; /* cut */
        else
            letter->to_member = 900; /* nobody */
        post(1, 80, "behind", 0);
        moth_network_take(&network, 0, &box, 0);
        assert_int_equal(box.used, 0);
        const char *came = received(&network, 1, 0);
        assert_memory_equal(came, "good ", 5);
        box.used = good;
        post(1, 80, "", 0);
        box.used = good;
    }
    box.used = 0xffffffffu; /* the whole box, of zeros */
    memset(box.bytes, 0, sizeof box.bytes);
    moth_network_take(&network, 0, &box, 0);
    assert_string_equal(received(&network, 1, 0), "");
    moth_network_fini(&network);
}

static void more_than_a_box(void **state)
{
    (void)state;
    static char large[60001];
    struct moth_network network = network_of((struct moth_link){0}, 3);
    memset(large, 'x', sizeof large - 1);
    for (uint16_t from = 0; from < 2; from++) {
        for (int i = 0; i < 17; i++)
            post(2, 80, large, 0);
        moth_network_take(&network, from, &box, 0);
    }
    unsigned came = 0;
    for (int turn = 0; turn < 3; turn++) {
        moth_network_give(&network, 2, &box, 0);
        came += box.used / moth_letter_bytes(sizeof large - 1);
        box.used = 0;
    }
    assert_int_equal(came, 34);
    moth_network_fini(&network);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_address_by_port_to_all),
        cmocka_unit_test(latency),
        cmocka_unit_test(loss),
        cmocka_unit_test(jitter_mixes_datagrams_and_no_streams),
        cmocka_unit_test(a_copy_goes_on_by_itself),
        cmocka_unit_test(nobody_listens),
        cmocka_unit_test(streams_of_who_leaves_end),
        cmocka_unit_test(nonsense),
        cmocka_unit_test(more_than_a_box),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
