#ifndef CPROCESS_SHIM_H
#define CPROCESS_SHIM_H

#include <sys/resource.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

/*
 * No core dump of this process from now on, neither a file nor through a program that the system hands cores to; on
 * Linux no other process of the same user can read its memory either. 0, or -1 if the system refuses a part.
 */
static inline int process_refuse_dumps(void) {
    struct rlimit none = {0, 0};
    int status = setrlimit(RLIMIT_CORE, &none);
#ifdef __linux__
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) status = -1;
#endif
    return status;
}

#endif
