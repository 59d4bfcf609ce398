/* What writing and reading a row share; the rest is in protos/sagabase/storage/saga_row.proto.
 * Internal to saga_row*.c. */
#ifndef SERVER_SAGAS_SAGA_ROW_H
#define SERVER_SAGAS_SAGA_ROW_H

enum { CHECKSUM_BYTES = 8 };

/* ActivityRow.flags: for ever. */
enum {
    FLAG_DOUBTFUL = 1 << 0,
    FLAG_CHECK = 1 << 1,
    FLAG_FOLLOWED = 1 << 2,
    FLAG_GIVEN_UP = 1 << 3,
    FLAG_COMPENSATION_GIVEN_UP = 1 << 4,
    FLAGS = (1 << 5) - 1,
};

#endif
