/* The table of all options: flags, variables, lines of the file. Only for files of this folder. */
#ifndef SERVER_CONFIG_OPTIONS_H
#define SERVER_CONFIG_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

enum option_type {
    OPTION_TEXT,    /* const char * */
    OPTION_ADDRESS, /* const char *, HOST:PORT */
    OPTION_FLAG,    /* bool; on the command line without a value */
    OPTION_COUNT,   /* uint64_t */
    OPTION_SIZE,    /* uint64_t, bytes */
    OPTION_LEVEL,   /* enum log_level */
    OPTION_FORMAT,  /* enum log_format */
    OPTION_SAVING,  /* enum saving */
    OPTION_POLICY,  /* enum cache_policy */
    OPTION_SECRET,  /* as OPTION_TEXT; its value is never shown */
};

struct option {
    const char *name;     /* of the flag, without the dashes */
    const char *variable; /* in the environment */
    enum option_type type;
    size_t offset;        /* in struct config */
    const char *fallback; /* NULL: none, the field stays zero */
    const char *unit;     /* as --help shows it */
    uint64_t min, max;
    const char *help;
};

enum { OPTIONS = 47, OPTION_NAME_BYTES_MAX = 32 };

extern const struct option config_options[OPTIONS];

#endif
