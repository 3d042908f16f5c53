/* Subcommands of `deeplink`, each a row. */
#ifndef DEEPLINK_COMMAND_H
#define DEEPLINK_COMMAND_H

struct config;
struct ctx;
struct command {
    const char *name;    /* "user create" or "serve" */
    const char *usage;   /* "HANDLE --email E …" */
    const char *summary; /* one line */
    const char *help;    /* further lines, may be NULL */
    int (*run)(struct ctx *ctx, int argc,
               char **argv); /* argv[0] is the first word after the name; exit status */
    int needs;               /* COMMAND_NEEDS_… */
};
enum {
    COMMAND_NEEDS_CONFIG = 1,
    COMMAND_NEEDS_SERVERS = 2
}; /* with servers: ctx->env is connected (all services) */

/* Exit statuses (sysexits.h): a wrong command line, a server that is down, a wrong configuration. */
enum { COMMAND_OK = 0, COMMAND_FAILED = 1, COMMAND_USAGE = 2, COMMAND_UNAVAILABLE = 69, COMMAND_CONFIG = 78 };

/* Value of "--name VALUE" or "--name=VALUE" in argv, NULL when absent; and whether "--name" is there. `name`
 * is without the dashes. */
const char *command_option(int argc, char **argv, const char *name);
int command_flag(int argc, char **argv, const char *name);
/* The i-th word that is no option (nor an option's value), NULL when there are fewer. `valued`:
 * comma-separated names of options that take a value. */
const char *command_word(int argc, char **argv, const char *valued, int i);

/* The configuration file that this call is about: --config, else $DEEPLINK_CONFIG, else the usual place when
 * it is there, else NULL. */
const char *command_config_path(void);

/* Finds and runs the command that argv names, built in or of the app; returns main's exit status. */
int command_main(int argc, char **argv);

/* The built-in ones; ends with a row without name. Defined in main.c. */
extern const struct command builtin_commands[];

#endif
