/* The reference engine: everything in memory, nothing kept. For tests and for
 * `serve --in-memory`. */
#ifndef STORAGE_ENGINE_MEMORY_ENGINE_H
#define STORAGE_ENGINE_MEMORY_ENGINE_H

#include "storage/engine/engine.h"

struct status memory_engine_open(struct engine **engine);

#endif
