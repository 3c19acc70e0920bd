#ifndef CCALLGRIND_SHIM_H
#define CCALLGRIND_SHIM_H

#include <valgrind/callgrind.h>

/* Valgrind's requests are macros, which Swift cannot see. */

static inline int callgrind_is_running(void) {
    return RUNNING_ON_VALGRIND != 0;
}

static inline void callgrind_begin(void) {
    CALLGRIND_ZERO_STATS;
}

/* Writes what was counted since callgrind_begin, under a name. */
static inline void callgrind_end(const char *name) {
    CALLGRIND_DUMP_STATS_AT(name);
}

#endif
