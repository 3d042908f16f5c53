/* `deeplink-markup`: reads one HTML page from its input and says what it says of itself, and nothing else. A
 * program of its own, so that what parses the pages of strangers neither has the site's secrets in its memory
 * nor any of its connections.
 *
 *   deeplink-markup CHARSET       as the header says, "" when it does not
 *   deeplink-markup --locks /     says which locks hold on this machine, as a number
 *
 * It locks itself in before the parser sees a byte: then there is no network, no file, no other program. */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "fcgi/drivers/markup.h"
#include "fcgi/drivers/markup_reader.h"
#include "fcgi/drivers/sandbox.h"

#define CPU_S 2
#define USAGE 2

#ifdef __SANITIZE_ADDRESS__
/* Looking for leaks takes ptrace(2), which the sandbox forbids. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "detect_leaks=0"; }
#endif

static void limit(void) {
    struct rlimit cpu = {CPU_S, CPU_S}, none = {0, 0};
    setrlimit(RLIMIT_CPU, &cpu);
    setrlimit(RLIMIT_NPROC, &none);
}

static size_t read_all(char *to, size_t size) {
    size_t n = 0;
    ssize_t k;
    while (n < size && (k = read(STDIN_FILENO, to + n, size - n)) > 0)
        n += (size_t)k;
    return n;
}

int main(int argc, char **argv) {
    bool asks = argc == 3 && strcmp(argv[1], "--locks") == 0;
    char *html = malloc(MARKUP_MAX); /* lint: memory-of-the-arena: of a process that reads one page */
    if (html == NULL || (argc != 2 && !asks))
        return USAGE;
    unsigned holds = sandbox_part();
    limit();
    struct markup_page page = {.html = html, .header = argv[1], .n = read_all(html, MARKUP_MAX)};
    markup_page_begin(&page);
    holds = sandbox_shut(holds);
    if (asks)
        return write(STDOUT_FILENO, &(unsigned char){(unsigned char)holds}, 1) == 1 ? EXIT_SUCCESS
                                                                                    : EXIT_FAILURE;
    return markup_page_say(&page, STDOUT_FILENO) ? EXIT_SUCCESS : EXIT_FAILURE;
}
