/* What a server says on stdout when it is ready. */
#ifndef SERVER_BANNER_H
#define SERVER_BANNER_H

struct banner {
    const char *data;   /* the directory; NULL: in memory only */
    const char *listen; /* the address that was asked for: "0.0.0.0:2113" */
    int port;           /* the one that it has */
    int resp_port;      /* 0: none */
    const char *http_listen;
    int http_port; /* 0: none */
};

/* The last line is "listening on HOST:PORT". */
void banner_print(const struct banner *banner);

#endif
