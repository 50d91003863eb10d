/* SPDX-License-Identifier: MIT
 *
 * Functions of C++: in a namespace, overloaded, members, and one that throws.
 */
#include <cstdint>
#include <stdexcept>

#include <SDL.h>

namespace shop {

static int coins = 5;

int buy(int price)
{
    coins -= price;
    return coins;
}

double buy(double price)
{
    return coins - price;
}

class Cart {
public:
    Cart(int size) : size_(size) {}
    int add(int n)
    {
        size_ += n;
        return size_;
    }

    int unused() const { return size_; }

private:
    int size_;
};

template <typename T> T twice(T value)
{
    return value + value;
}
template int twice<int>(int);

Cart *cart()
{
    static Cart the_cart(2);
    return &the_cart;
}

void refuse(int why)
{
    throw std::runtime_error(why ? "no" : "never");
}

} // namespace shop

/* So that the member is there: nobody else calls it. */
int shop_use(shop::Cart *cart)
{
    return cart->add(1);
}
