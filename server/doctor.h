/* `sagabase doctor`: whether this machine is a good place for the server that the same flags,
 * environment and file would start. argv[0] is "doctor".
 *
 * One line for each finding, "ok", "warn" or "fail", on stdout, and below what is not ok what to
 * change. Exit code 0: nothing failed, 1: something did, 2: the configuration is wrong. */
#ifndef SERVER_DOCTOR_H
#define SERVER_DOCTOR_H

int doctor_main(int argc, char **argv);

#endif
