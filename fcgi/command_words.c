/* The words after a subcommand: options and what is none. */
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "fcgi/command.h"

/* The value after "--name=" or the next word; *ret_words how many words it takes. NULL when argv[i] is
 * another option. */
static const char *option_at(int argc, char **argv, int i, const char *name, int *ret_words) {
    size_t n = strlen(name);
    const char *s = argv[i];
    if (strncmp(s, "--", 2) != 0 || strncmp(s + 2, name, n) != 0)
        return NULL;
    *ret_words = s[2 + n] == '=' ? 1 : 2;
    if (s[2 + n] == '=')
        return s + 3 + n;
    return s[2 + n] == '\0' && i + 1 < argc ? argv[i + 1] : NULL;
}

const char *command_option(int argc, char **argv, const char *name) {
    int words;
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        const char *value = option_at(argc, argv, i, name, &words);
        if (value != NULL)
            return value;
    }
    return NULL;
}

int command_flag(int argc, char **argv, const char *name) {
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strncmp(argv[i], "--", 2) == 0 && strcmp(argv[i] + 2, name) == 0)
            return 1;
    return 0;
}

/* Whether "--word" (without "=value") takes the next word as its value. */
static bool takes_value(const char *option, const char *valued) {
    size_t n = strlen(option + 2);
    for (const char *p = valued; p != NULL && *p != '\0'; p += strcspn(p, ",") + (p[strcspn(p, ",")] == ','))
        if (strcspn(p, ",") == n && strncmp(p, option + 2, n) == 0)
            return true;
    return false;
}

const char *command_word(int argc, char **argv, const char *valued, int i) {
    bool options = true;
    for (int k = 0; k < argc; k++) {
        if (options && strcmp(argv[k], "--") == 0)
            options = false;
        else if (options && strncmp(argv[k], "--", 2) == 0)
            k += takes_value(argv[k], valued);
        else if (i-- == 0)
            return argv[k];
    }
    return NULL;
}
