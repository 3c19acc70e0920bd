#ifndef CFORKEDCHILD_SHIM_H
#define CFORKEDCHILD_SHIM_H

#include <stddef.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* What Swift does not let through: fork, and the names of limits. */

/* How many bytes a forked child finds there that are not 0, at most 100; 101 if there was no child. */
static inline int forked_child_counts(const volatile unsigned char *bytes, size_t count) {
    pid_t child = fork();
    if (child < 0) return 101;
    if (child == 0) {
        int found = 0;
        for (size_t index = 0; index < count && found < 100; index++) found += bytes[index] != 0;
        _exit(found);
    }
    int status = 0;
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status)) return 101;
    return WEXITSTATUS(status);
}

static inline int set_lock_limit(rlim_t bytes) {
    struct rlimit limit = {bytes, bytes};
    return setrlimit(RLIMIT_MEMLOCK, &limit);
}

static inline int allow_cores(void) {
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    return setrlimit(RLIMIT_CORE, &limit);
}

#endif
