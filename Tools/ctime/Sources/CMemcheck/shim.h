#ifndef CMEMCHECK_SHIM_H
#define CMEMCHECK_SHIM_H

#include <stddef.h>
#include <valgrind/memcheck.h>

/* Valgrind's requests are macros, which Swift cannot see. */

static inline int memcheck_is_running(void) {
    return RUNNING_ON_VALGRIND != 0;
}

static inline void memcheck_mark_secret(void *address, size_t count) {
    (void)VALGRIND_MAKE_MEM_UNDEFINED(address, count);
}

static inline void memcheck_mark_public(void *address, size_t count) {
    (void)VALGRIND_MAKE_MEM_DEFINED(address, count);
}

/* 1 if every bit of every byte is marked secret, 0 if not. Reads the marks, not the bytes. */
static inline int memcheck_is_secret(const void *address, size_t count) {
    const unsigned char *bytes = (const unsigned char *)address;
    for (size_t index = 0; index < count; index++) {
        unsigned char marks = 0;
        if (VALGRIND_GET_VBITS(bytes + index, &marks, 1) != 1 || marks != 0xFF) return 0;
    }
    return 1;
}

static inline unsigned long memcheck_count_errors(void) {
    return (unsigned long)VALGRIND_COUNT_ERRORS;
}

#endif
