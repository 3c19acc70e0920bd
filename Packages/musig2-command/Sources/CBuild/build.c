#include "build.h"

/* The manifest defines it from the variable of the same name in the builder's environment. */
#ifndef MUSIG2_COMMIT
#define MUSIG2_COMMIT ""
#endif

const char *build_commit(void) {
    return MUSIG2_COMMIT;
}
