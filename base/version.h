/* What this binary was built from, stamped in by Bazel. Any thread. */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

/* The file VERSION, for example "0.1.0". */
extern const char sagabase_version[];

/* The commit, 12 hexadecimal digits, with "-modified" behind it if the sources were; "unknown"
 * outside a git checkout. */
extern const char sagabase_commit[];

#endif
