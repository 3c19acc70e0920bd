import Testing

/// Our node against py-libp2p, one test at a time, with one process of it for all: both share two cores with the rest of
/// a machine, and py-libp2p gives up by the clock.
///
/// Each test is a row of the matrix, and runs in every ``Setting``: which side dials, over what, with which keys.
@Suite(.serialized, .timeLimit(.minutes(5)), .python)
enum Interop {}
