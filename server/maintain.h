/* What the offline commands do: the composition root for a store that nobody serves. */
#ifndef SERVER_MAINTAIN_H
#define SERVER_MAINTAIN_H

#include "storage/log/maintenance.h"

/* Opens the store in `directory` for reading only, with its lock, and verifies it. The engine
 * of `maintenance` is filled in here. As store_verify(), then, if the log and what follows from it
 * are whole, saga_verify(). NOT_FOUND: no store is there.
 * FAILED_PRECONDITION: a server, or something else, has it open. */
struct status maintain_verify(const char *directory, struct maintenance maintenance,
                              struct store_facts *facts);

/* As store_rebuild(), then saga_rebuild(). */
struct status maintain_rebuild(const char *directory, struct maintenance maintenance,
                               struct store_facts *facts);

/* Copies a checkpoint into a new data directory, which appears only if the copy verifies.
 * DATA_LOSS: it does not. FAILED_PRECONDITION: the directory exists and is not empty. */
struct status maintain_restore(const char *checkpoint, const char *directory,
                               struct maintenance maintenance, struct store_facts *facts);

#endif
