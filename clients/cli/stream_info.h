/* What is known of a stream, on stdout. */
#ifndef CLIENTS_CLI_STREAM_INFO_H
#define CLIENTS_CLI_STREAM_INFO_H

#include "clients/c/sagabase.h"

/* How many there are to be seen, but for their age. */
uint64_t stream_info_events(const Sagabase__V1__StreamInfo *stream);

/* One JSON object and a line end. */
void stream_info_print_json(const Sagabase__V1__StreamInfo *stream);

/* A stream's name for people, and a line end. */
void stream_info_print_name(const char *name);

/* Any name as a JSON string, and a line end. */
void stream_info_print_json_name(const char *name);

#endif
