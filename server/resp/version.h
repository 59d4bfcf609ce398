/* Clients look at the version before they use a command. */
#ifndef SERVER_RESP_VERSION_H
#define SERVER_RESP_VERSION_H

/* The Redis whose commands, flags and error texts these are. */
#define RESP_REDIS_VERSION "7.0.15"

#endif
