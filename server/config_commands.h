/* `sagabase config check` and `sagabase config print`: what `sagabase serve` would make of the
 * same flags, environment and file. argv[0] is the command's last word. */
#ifndef SERVER_CONFIG_COMMANDS_H
#define SERVER_CONFIG_COMMANDS_H

/* Exit code 0 and a line on stdout, or 2 and what is wrong on stderr. */
int config_check_main(int argc, char **argv);

/* Every option with its value, its unit and where it came from, on stdout; of a secret only
 * whether it is set. Exit codes as above. */
int config_print_main(int argc, char **argv);

#endif
