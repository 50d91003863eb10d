/* SPDX-License-Identifier: MIT
 *
 * Functions as an optimizing compiler leaves them: one in two pieces, the seldom used one elsewhere, and one of which
 * only a copy with other parameters is left.
 */
#include <stdio.h>
#include <stdlib.h>

struct ware {
    int numbers[20];
    int price;
};

int price_of(int number, int pieces);
int price_of_two(const struct ware *ware);

__attribute__((cold, noinline)) static void no_such_ware(int number)
{
    fprintf(stderr, "there is no ware %d\n", number);
    abort();
}

__attribute__((noinline)) int price_of(int number, int pieces)
{
    for (int i = 0; i < pieces; i++)
        if (number > 1000 + i)
            no_such_ware(number);
    return number * pieces;
}

__attribute__((noinline)) static int discounted(const struct ware *ware, int unused, int percent)
{
    (void)unused;
    return ware->price * (100 - percent) / 100 + ware->numbers[3];
}

int price_of_two(const struct ware *ware)
{
    return discounted(ware, 1, 10) + discounted(ware + 1, 2, 10);
}
