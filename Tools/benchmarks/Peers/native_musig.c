/* What the musig module of libsecp256k1 takes for each step of BIP-327, for comparison in one process with our own.
 *
 * Linked with the library into one shared object (see the script `peers`) that hides every symbol of the library, so
 * that it does not meet the system's libsecp256k1 when both are loaded. Exported are the two functions at the end. */

#include <secp256k1.h>
#include <secp256k1_extrakeys.h>
#include <secp256k1_musig.h>
#include <secp256k1_schnorrsig.h>
#include <stdlib.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#define MAXIMUM_SIGNERS 1000

struct fixture {
    size_t n;
    unsigned char secret_keys[MAXIMUM_SIGNERS][32];
    unsigned char public_keys_33[MAXIMUM_SIGNERS][33];
    unsigned char public_nonces_66[MAXIMUM_SIGNERS][66];
    unsigned char partials_32[MAXIMUM_SIGNERS][32];
    secp256k1_keypair pairs[MAXIMUM_SIGNERS];
    secp256k1_pubkey public_keys[MAXIMUM_SIGNERS];
    const secp256k1_pubkey *key_pointers[MAXIMUM_SIGNERS];
    secp256k1_musig_secnonce secret_nonces[MAXIMUM_SIGNERS];
    secp256k1_musig_pubnonce public_nonces[MAXIMUM_SIGNERS];
    const secp256k1_musig_pubnonce *nonce_pointers[MAXIMUM_SIGNERS];
    secp256k1_musig_partial_sig partials[MAXIMUM_SIGNERS];
    const secp256k1_musig_partial_sig *partial_pointers[MAXIMUM_SIGNERS];
    secp256k1_musig_keyagg_cache cache;
    secp256k1_xonly_pubkey aggregate;
    secp256k1_musig_session session;
};

static secp256k1_context *context;
static struct fixture *fixture;
static const unsigned char tweak[32] = {7};
static const unsigned char message[32] = {1, 2, 3};
static uint64_t counter;

static void fill(unsigned char *bytes) {
    static const unsigned char tag[] = "benchmark";
    unsigned char input[8];
    counter++;
    memcpy(input, &counter, sizeof input);
    if (!secp256k1_tagged_sha256(context, bytes, tag, sizeof tag - 1, input, sizeof input)) {
        abort();
    }
}

static void must(int result) {
    if (!result) {
        abort();
    }
}

/* The processor time of this thread, as on the other side of the comparison. */
static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void key_aggregation(void) {
    must(secp256k1_musig_pubkey_agg(context, &fixture->aggregate, &fixture->cache, fixture->key_pointers, fixture->n));
}

static void nonce_generation(void) {
    unsigned char random[32], serialised[66];
    secp256k1_musig_secnonce secret;
    secp256k1_musig_pubnonce public;
    fill(random);
    must(secp256k1_musig_nonce_gen(context, &secret, &public, random, fixture->secret_keys[0], &fixture->public_keys[0],
                                   message, &fixture->cache, NULL));
    must(secp256k1_musig_pubnonce_serialize(context, serialised, &public));
}

static void nonce_aggregation(void) {
    size_t i;
    unsigned char serialised[66];
    secp256k1_musig_aggnonce aggregate;
    for (i = 0; i < fixture->n; i++) {
        must(secp256k1_musig_pubnonce_parse(context, &fixture->public_nonces[i], fixture->public_nonces_66[i]));
    }
    must(secp256k1_musig_nonce_agg(context, &aggregate, fixture->nonce_pointers, fixture->n));
    must(secp256k1_musig_aggnonce_serialize(context, serialised, &aggregate));
}

static void partial_sign(void) {
    secp256k1_musig_partial_sig partial;
    secp256k1_musig_secnonce secret = fixture->secret_nonces[0];
    must(secp256k1_musig_partial_sign(context, &partial, &secret, &fixture->pairs[0], &fixture->cache,
                                      &fixture->session));
}

static void partial_verify(void) {
    must(secp256k1_musig_partial_sig_verify(context, &fixture->partials[1], &fixture->public_nonces[1],
                                            &fixture->public_keys[1], &fixture->cache, &fixture->session));
}

/* One signer's whole session: keys parsed and aggregated, one x-only tweak, own nonce, the others' nonces parsed and
 * added up, own partial signature, the others' partials parsed and verified one by one as the module's users do, the
 * signature added up and verified. */
static void session(int verify_partials) {
    size_t i;
    unsigned char random[32], serialised[66], signature[64];
    secp256k1_pubkey tweaked;
    secp256k1_xonly_pubkey final;
    secp256k1_musig_secnonce secret, stored;
    secp256k1_musig_pubnonce public;
    secp256k1_musig_aggnonce aggregate;
    secp256k1_musig_partial_sig partial;
    for (i = 0; i < fixture->n; i++) {
        must(secp256k1_ec_pubkey_parse(context, &fixture->public_keys[i], fixture->public_keys_33[i], 33));
    }
    key_aggregation();
    must(secp256k1_musig_pubkey_xonly_tweak_add(context, &tweaked, &fixture->cache, tweak));
    fill(random);
    must(secp256k1_musig_nonce_gen(context, &secret, &public, random, fixture->secret_keys[0], &fixture->public_keys[0],
                                   message, &fixture->cache, NULL));
    must(secp256k1_musig_pubnonce_serialize(context, serialised, &public));
    for (i = 0; i < fixture->n; i++) {
        must(secp256k1_musig_pubnonce_parse(context, &fixture->public_nonces[i], fixture->public_nonces_66[i]));
    }
    must(secp256k1_musig_nonce_agg(context, &aggregate, fixture->nonce_pointers, fixture->n));
    must(secp256k1_musig_nonce_process(context, &fixture->session, &aggregate, message, &fixture->cache));
    /* The nonce whose public half is in the fixture signs, so that the result verifies. */
    stored = fixture->secret_nonces[0];
    must(secp256k1_musig_partial_sign(context, &partial, &stored, &fixture->pairs[0], &fixture->cache,
                                      &fixture->session));
    for (i = 0; i < fixture->n; i++) {
        must(secp256k1_musig_partial_sig_parse(context, &fixture->partials[i], fixture->partials_32[i]));
        if (verify_partials && i != 0) {
            must(secp256k1_musig_partial_sig_verify(context, &fixture->partials[i], &fixture->public_nonces[i],
                                                    &fixture->public_keys[i], &fixture->cache, &fixture->session));
        }
    }
    must(secp256k1_musig_partial_sig_agg(context, signature, &fixture->session, fixture->partial_pointers, fixture->n));
    must(secp256k1_xonly_pubkey_from_pubkey(context, &final, NULL, &tweaked));
    must(secp256k1_schnorrsig_verify(context, signature, message, sizeof message, &final));
}

#define EXPORTED __attribute__((visibility("default")))

/* Makes n keys, nonces and partial signatures. Returns 0 unless 2 <= n <= 1000. */
EXPORTED int native_musig_prepare(int n) {
    size_t i;
    unsigned char seed[32];
    secp256k1_pubkey tweaked;
    secp256k1_musig_aggnonce aggregate;
    if (n < 2 || n > MAXIMUM_SIGNERS) {
        return 0;
    }
    if (context == NULL) {
        context = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
        fill(seed);
        must(secp256k1_context_randomize(context, seed));
        fixture = calloc(1, sizeof *fixture);
        if (fixture == NULL) {
            return 0;
        }
    }
    fixture->n = (size_t)n;
    for (i = 0; i < fixture->n; i++) {
        size_t length = 33;
        fill(fixture->secret_keys[i]);
        must(secp256k1_keypair_create(context, &fixture->pairs[i], fixture->secret_keys[i]));
        must(secp256k1_keypair_pub(context, &fixture->public_keys[i], &fixture->pairs[i]));
        must(secp256k1_ec_pubkey_serialize(context, fixture->public_keys_33[i], &length, &fixture->public_keys[i],
                                           SECP256K1_EC_COMPRESSED));
        fixture->key_pointers[i] = &fixture->public_keys[i];
        fixture->nonce_pointers[i] = &fixture->public_nonces[i];
        fixture->partial_pointers[i] = &fixture->partials[i];
    }
    key_aggregation();
    must(secp256k1_musig_pubkey_xonly_tweak_add(context, &tweaked, &fixture->cache, tweak));
    for (i = 0; i < fixture->n; i++) {
        fill(seed);
        must(secp256k1_musig_nonce_gen(context, &fixture->secret_nonces[i], &fixture->public_nonces[i], seed,
                                       fixture->secret_keys[i], &fixture->public_keys[i], message, &fixture->cache,
                                       NULL));
        must(secp256k1_musig_pubnonce_serialize(context, fixture->public_nonces_66[i], &fixture->public_nonces[i]));
    }
    must(secp256k1_musig_nonce_agg(context, &aggregate, fixture->nonce_pointers, fixture->n));
    must(secp256k1_musig_nonce_process(context, &fixture->session, &aggregate, message, &fixture->cache));
    for (i = 0; i < fixture->n; i++) {
        secp256k1_musig_secnonce secret = fixture->secret_nonces[i];
        must(secp256k1_musig_partial_sign(context, &fixture->partials[i], &secret, &fixture->pairs[i], &fixture->cache,
                                          &fixture->session));
        must(secp256k1_musig_partial_sig_serialize(context, fixture->partials_32[i], &fixture->partials[i]));
    }
    return 1;
}

/* Runs a step that many times. Returns the nanoseconds of processor time that all took, or -1 for a step it does not know. */
EXPORTED int64_t native_musig_run(const char *step, int iterations) {
    int i;
    secp256k1_musig_keyagg_cache cache;
    secp256k1_musig_session kept;
    int64_t start, end;
    void (*run)(void) = NULL;
    if (fixture == NULL) {
        return -1;
    }
    if (strcmp(step, "KeyAgg") == 0) run = key_aggregation;
    if (strcmp(step, "NonceGen") == 0) run = nonce_generation;
    if (strcmp(step, "NonceAgg") == 0) run = nonce_aggregation;
    if (strcmp(step, "PartialSign") == 0) run = partial_sign;
    if (strcmp(step, "PartialVerify") == 0) run = partial_verify;
    cache = fixture->cache;
    kept = fixture->session;
    start = now();
    if (run != NULL) {
        for (i = 0; i < iterations; i++) {
            run();
        }
    } else if (strcmp(step, "Session") == 0 || strcmp(step, "SessionUnchecked") == 0) {
        for (i = 0; i < iterations; i++) {
            session(strcmp(step, "Session") == 0);
        }
    } else {
        return -1;
    }
    end = now();
    fixture->cache = cache;
    fixture->session = kept;
    return end - start;
}
