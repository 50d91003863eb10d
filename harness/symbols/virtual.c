/* SPDX-License-Identifier: MIT
 *
 * Virtual bases: where one lies in an object stands in the table that the object's first pointer leads to.
 */
#include <dwarf.h>

#include "symbols/inside.h"

#define DEPTH_MAX 8u

/* How far in front of the table's beginning the distance stands, as both compilers write it: the object's address, plus
 * what lies at *(its table - n). */
static bool distance_at(Dwarf_Die *inheritance, uint64_t *before)
{
    Dwarf_Attribute attribute;
    Dwarf_Op *ops;
    size_t n;
    if (!dwarf_attr(inheritance, DW_AT_virtuality, &attribute) ||
        !dwarf_attr(inheritance, DW_AT_data_member_location, &attribute) || dwarf_getlocation(&attribute, &ops, &n) != 0 ||
        n != 6 || ops[0].atom != DW_OP_dup || ops[1].atom != DW_OP_deref || ops[3].atom != DW_OP_minus ||
        ops[4].atom != DW_OP_deref || ops[5].atom != DW_OP_plus)
        return false;
    bool small = ops[2].atom >= DW_OP_lit0 && ops[2].atom <= DW_OP_lit31;
    *before = small ? (uint64_t)ops[2].atom - DW_OP_lit0 : ops[2].number;
    return true;
}

static bool find(const struct moth_type *type, const char *name, uint64_t offset, unsigned depth,
                 struct moth_virtual_base *found)
{
    Dwarf_Die of = type->die, child;
    size_t n;
    if (type->kind != MOTH_TYPE_STRUCT || !of.addr || depth > DEPTH_MAX)
        return false;
    if (dwarf_child(&of, &child) == 0)
        do {
            struct moth_field member;
            if (dwarf_tag(&child) != DW_TAG_inheritance || !distance_at(&child, &found->before))
                continue;
            found->offset = offset;
            found->type = moth_type_of(type->symbols, &child);
            if (found->type && moth_type_member(found->type, name, &member))
                return true;
        } while (dwarf_siblingof(&child, &child) == 0);
    const struct moth_field *members = moth_type_members(type, &n);
    for (size_t i = 0; i < n; i++)
        if (members[i].base && find(members[i].type, name, offset + members[i].offset, depth + 1, found))
            return true;
    return false;
}

bool moth_type_virtual_base(const struct moth_type *type, const char *name, struct moth_virtual_base *found)
{
    return find(type, name, 0, 0, found);
}
