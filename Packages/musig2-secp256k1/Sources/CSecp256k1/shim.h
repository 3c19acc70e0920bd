#ifndef CSECP256K1_SHIM_H
#define CSECP256K1_SHIM_H

#include <stdint.h>
#include <string.h>
#include <sys/resource.h>

/* The distribution's libsecp256k1, 0.2.0 or later, with the modules that every distribution builds. */
#include <secp256k1.h>
#include <secp256k1_extrakeys.h>
#include <secp256k1_recovery.h>
#include <secp256k1_schnorrsig.h>

/*
 * How far below its caller wipe_dead_stack() reaches. Measured with libsecp256k1 0.2.0 on x86-64: secrets lie up to
 * 1 KiB below in a release build and 4 KiB in a debug build, where each closure between has a frame of its own.
 */
#define DEAD_STACK_BYTES 8192

/*
 * Passes zeros through the registers that copies go through, which hold the last thing that was copied: the dynamic
 * loader and signal handlers save them on the stack.
 */
__attribute__((noinline, unused)) static void wipe_copy_registers(void) {
    unsigned char zeros[512];
    memset(zeros, 0, sizeof zeros);
    __asm__ volatile("" : : "r"(zeros) : "memory");
    memcpy(zeros, zeros + 256, 256);
    __asm__ volatile("" : : "r"(zeros) : "memory");
}

/*
 * Overwrites the stack below the caller: the frames of functions that have returned. libsecp256k1 0.2.0 leaves keys and
 * nonces there, and the dynamic loader what it saves when it looks up a function at its first call.
 */
__attribute__((noinline, unused)) static void wipe_dead_stack(void) {
    unsigned char dead[DEAD_STACK_BYTES];
    memset(dead, 0, sizeof dead);
    __asm__ volatile("" : : "r"(dead) : "memory");
    wipe_copy_registers();
}

/* RLIMIT_MEMLOCK, whose name Swift cannot see, in bytes; INT64_MAX if there is no limit. */
__attribute__((unused)) static inline int64_t memory_lock_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur > INT64_MAX) return INT64_MAX;
    return (int64_t)limit.rlim_cur;
}

#endif
