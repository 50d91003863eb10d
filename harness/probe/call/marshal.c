/* SPDX-License-Identifier: MIT
 *
 * From a call's values to the machine's, and what came back to values: libffi knows the rest.
 */
#include "call/marshal.h"

#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "core/probe.h"

#define STRINGS_BYTES (1u << 20)

/* The text of string arguments, for as long as the game lives: a function may keep what it is given. It is not the
 * game's heap, which stays as it is. */
static char strings[STRINGS_BYTES];
static size_t strings_used;

static ffi_type *const plain[] = {
    [MOTH_CALL_VOID] = &ffi_type_void,     [MOTH_CALL_BOOL] = &ffi_type_uint8,   [MOTH_CALL_I8] = &ffi_type_sint8,
    [MOTH_CALL_U8] = &ffi_type_uint8,      [MOTH_CALL_I16] = &ffi_type_sint16,   [MOTH_CALL_U16] = &ffi_type_uint16,
    [MOTH_CALL_I32] = &ffi_type_sint32,    [MOTH_CALL_U32] = &ffi_type_uint32,   [MOTH_CALL_I64] = &ffi_type_sint64,
    [MOTH_CALL_U64] = &ffi_type_uint64,    [MOTH_CALL_F32] = &ffi_type_float,    [MOTH_CALL_F64] = &ffi_type_double,
    [MOTH_CALL_STRING] = &ffi_type_pointer, [MOTH_CALL_POINTER] = &ffi_type_pointer};

static ffi_type *type_of(struct moth_marshal *m, const struct moth_call_signature *signature, unsigned at)
{
    const struct moth_call_node *node = &signature->nodes[at];
    if (node->type != MOTH_CALL_STRUCT)
        return plain[node->type];
    unsigned members = 0;
    for (unsigned i = at + 1; i < node->end; i = signature->nodes[i].end)
        members++;
    ffi_type **elements = &m->elements[m->n_elements];
    m->n_elements += members + 1;
    unsigned n = 0;
    for (unsigned i = at + 1; i < node->end; i = signature->nodes[i].end)
        elements[n++] = type_of(m, signature, i);
    elements[n] = NULL;
    m->types[at] = (ffi_type){.type = FFI_TYPE_STRUCT, .elements = elements};
    return &m->types[at];
}

static char *keep_string(const char *text)
{
    size_t size = strlen(text) + 1;
    if (size > sizeof strings - strings_used)
        return NULL;
    char *copy = memcpy(strings + strings_used, text, size);
    strings_used += size;
    return copy;
}

static size_t size_of(uint8_t type)
{
    return plain[type]->size;
}

/* One plain value to or from its place. */
static const char *put_plain(uint8_t type, const struct moth_call_value *value, void *to)
{
    union {
        uint64_t u;
        float f;
        double d;
        const void *p;
    } raw = {0};
    if (type == MOTH_CALL_F32) {
        raw.f = (float)value->d;
    } else if (type == MOTH_CALL_F64) {
        raw.d = value->d;
    } else if (type == MOTH_CALL_STRING) {
        raw.p = value->text ? keep_string(value->text) : NULL;
        if (value->text && !raw.p)
            return "the strings that calls were given fill 1 MiB, which is all there is for them";
    } else if (type == MOTH_CALL_POINTER && value->slot != MOTH_CALL_NO_SLOT) {
        raw.u = moth_channel->call.slots[value->slot % MOTH_CALL_SLOTS];
    } else {
        raw.u = value->u;
    }
    memcpy(to, &raw, size_of(type)); /* little-endian */
    return NULL;
}

/* Walk a value's plain parts in the order of memory. */
static const char *put(const struct moth_call *call, unsigned at, const ffi_type *type, char *to)
{
    const struct moth_call_node *nodes = call->signature.nodes;
    if (nodes[at].type != MOTH_CALL_STRUCT)
        return put_plain(nodes[at].type, &call->values[at], to);
    size_t offset = 0, n = 0;
    for (unsigned i = at + 1; i < nodes[at].end; i = nodes[i].end) {
        const ffi_type *member = type->elements[n++];
        offset = (offset + member->alignment - 1) / member->alignment * member->alignment;
        const char *problem = put(call, i, member, to + offset);
        if (problem)
            return problem;
        offset += member->size;
    }
    return NULL;
}

/* What a string that came back says, read by the kernel: it may lead nowhere. */
static const char *read_string(struct moth_marshal *m, uint64_t address)
{
    char *to = m->text + m->text_used;
    size_t room = sizeof m->text - m->text_used, n = 0;
    if (address == 0 || room < 2)
        return NULL;
    long self = arch_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0);
    while (n + 1 < room) {
        size_t part = 4096 - (address + n) % 4096;
        part = part < room - 1 - n ? part : room - 1 - n;
        struct iovec local = {to + n, part}, remote = {(void *)(address + n), part};
        if (arch_syscall(SYS_process_vm_readv, self, (long)&local, 1, (long)&remote, 1, 0) != (long)part) {
            if (n == 0)
                return NULL; /* it leads nowhere */
            break;
        }
        size_t length = strnlen(to + n, part);
        n += length;
        if (length < part)
            break;
    }
    to[n] = '\0';
    m->text_used += n + 1;
    return to;
}

static void get_plain(struct moth_marshal *m, uint8_t type, const void *from, struct moth_call_value *value)
{
    union {
        uint8_t bytes[8];
        int8_t i8;
        uint8_t u8;
        int16_t i16;
        uint16_t u16;
        int32_t i32;
        uint32_t u32;
        int64_t i64;
        uint64_t u64;
        float f;
        double d;
    } raw = {{0}};
    *value = (struct moth_call_value){.slot = MOTH_CALL_NO_SLOT};
    memcpy(&raw, from, size_of(type));
    switch (type) {
    case MOTH_CALL_BOOL:
        value->u = raw.u8 != 0;
        break;
    case MOTH_CALL_I8:
        value->i = raw.i8;
        break;
    case MOTH_CALL_I16:
        value->i = raw.i16;
        break;
    case MOTH_CALL_I32:
        value->i = raw.i32;
        break;
    case MOTH_CALL_F32:
        value->d = (double)raw.f;
        break;
    case MOTH_CALL_STRING:
        value->text = read_string(m, raw.u64);
        break;
    default: /* the rest fills its 64 bits, or what lies above it is zero */
        value->u = raw.u64;
        break;
    }
}

static void get(struct moth_marshal *m, struct moth_call *call, unsigned at, const ffi_type *type, const char *from)
{
    const struct moth_call_node *nodes = call->signature.nodes;
    if (nodes[at].type != MOTH_CALL_STRUCT) {
        get_plain(m, nodes[at].type, from, &call->values[at]);
        return;
    }
    size_t offset = 0, n = 0;
    for (unsigned i = at + 1; i < nodes[at].end; i = nodes[i].end) {
        const ffi_type *member = type->elements[n++];
        offset = (offset + member->alignment - 1) / member->alignment * member->alignment;
        get(m, call, i, member, from + offset);
        offset += member->size;
    }
}

const char *moth_marshal_begin(struct moth_marshal *m, const struct moth_call *call)
{
    const struct moth_call_signature *signature = &call->signature;
    m->n_elements = m->n_params = 0;
    m->text_used = 0;
    m->result_type = type_of(m, signature, 0);
    for (unsigned i = signature->nodes[0].end; i < signature->n_nodes; i = signature->nodes[i].end)
        m->param_types[m->n_params++] = type_of(m, signature, i);
    if (ffi_prep_cif(&m->cif, FFI_DEFAULT_ABI, m->n_params, m->result_type, m->param_types) != FFI_OK)
        return "libffi refuses the signature";
    unsigned n = 0;
    size_t used = 0;
    for (unsigned i = signature->nodes[0].end; i < signature->n_nodes; i = signature->nodes[i].end, n++) {
        used = (used + 15) / 16 * 16;
        m->arguments[n] = m->memory + used;
        used += m->param_types[n]->size;
        if (used > sizeof m->memory)
            return "the arguments are larger than 4 KiB";
        const char *problem = put(call, i, m->param_types[n], m->arguments[n]);
        if (problem)
            return problem;
    }
    return m->result_type->size > sizeof m->result ? "the result is larger than 1 KiB" : NULL;
}

void moth_marshal_end(struct moth_marshal *m, struct moth_call *call)
{
    const struct moth_call_signature *signature = &call->signature;
    if (signature->nodes[0].type == MOTH_CALL_VOID)
        return;
    get(m, call, 0, m->result_type, m->result);
}
