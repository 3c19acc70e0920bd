#ifndef CSECP256K1_SHIM_H
#define CSECP256K1_SHIM_H

/* The distribution's libsecp256k1, 0.2.0 or later, with the modules that every distribution builds. */
#include <secp256k1.h>
#include <secp256k1_extrakeys.h>
#include <secp256k1_recovery.h>
#include <secp256k1_schnorrsig.h>

#endif
