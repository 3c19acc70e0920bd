#ifndef MUSIG2_BUILD_H
#define MUSIG2_BUILD_H

/* The commit that this was built from, for people; an empty text if the builder did not say. */
const char *build_commit(void);

#endif
