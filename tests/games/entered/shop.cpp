// SPDX-License-Identifier: MIT
namespace shop {
int sell(int item, long price);
int sell(int item, long price)
{
    return item + static_cast<int>(price);
}
}
